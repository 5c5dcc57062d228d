"""Libraries above torch: what they ask of it, and what they were compiled against."""

import re
from collections.abc import Iterator

from gpubench.checks.facts import companions, is_rocm, torch_cuda, torch_known, torch_version
from gpubench.checks.outcome import Check, Outcome, fail, ok, skip, unknown, warn
from gpubench.checks.requirements import normalised, requirements
from gpubench.env.snapshot import Distribution, Snapshot
from gpubench.knowledge.tables import accepts, cxx11_abi, framework_for, framework_needs
from gpubench.versions import Version

JUDGED_ELSEWHERE = re.compile(r"torch(vision|audio)?|(pytorch-)?triton|(nvidia|cuda)-.+")

_FOR_TORCH = re.compile(r"(?:torch|pt)(\d+(?:\.\d+)*)")
_FOR_CUDA = re.compile(r"cu(\d{2,3})(?!\d)")
_FOR_ABI = re.compile(r"cxx11abi(true|false)")


def frameworks_fit(snapshot: Snapshot) -> Outcome:
    """The libraries built on torch accept the torch that is installed.

    Why: pip looks at what a library asks for when it installs that library, not when torch is
    changed afterwards; the library then fails at import, or in the middle of a run.
    Remedy: a release of the library that takes this torch, or the torch it asks for.
    """
    torch = torch_version(snapshot)
    if torch is None or snapshot.python is None:
        return torch_known(snapshot) or unknown("the distributions could not be read")
    if "python.distributions" in snapshot.unread:
        return unknown(snapshot.unread["python.distributions"])
    asked = [(entry, wanted) for entry in _libraries(snapshot) if (wanted := _wanted(entry))]
    if not asked:
        return skip("no library here asks for a release of torch")
    broken = [(entry, wanted) for entry, wanted in asked if not accepts(wanted, str(torch))]
    if not broken:
        return ok(f"torch {torch} is what these ask for: {_names(entry for entry, _ in asked)}")
    judge = fail if any(_breaks(entry) for entry, _ in broken) else warn
    return judge(
        "; ".join(_words(entry, wanted, torch) for entry, wanted in broken),
        *(line for entry, wanted in broken for line in _ways_out(snapshot, entry, wanted, torch)),
        confidence="likely",
        torch=str(torch),
        wanted={entry.name: wanted for entry, wanted in broken},
    )


def _libraries(snapshot: Snapshot) -> Iterator[Distribution]:
    """What an import would find of everything that is judged here."""
    assert snapshot.python is not None
    for name in dict.fromkeys(entry.name for entry in snapshot.python.distributions):
        entry = snapshot.python.distribution(name)
        if entry is not None and not JUDGED_ELSEWHERE.fullmatch(name):
            yield entry


def _wanted(entry: Distribution) -> str:
    """The torch it asks for: by its own metadata, else by the table; empty for any."""
    own = [found for found in requirements(entry) if normalised(found.name) == "torch"]
    row = framework_needs(entry.name, entry.version)
    named = ",".join(str(found.specifier) for found in own if str(found.specifier))
    return named or (row["torch"] if row else "")


def _breaks(entry: Distribution) -> str | None:
    """How it fails, where it does not work at all with another torch."""
    row = framework_needs(entry.name, entry.version)
    return row.get("breaks") if row else None


def _names(entries: Iterator[Distribution]) -> str:
    return ", ".join(f"{entry.name} {entry.version}" for entry in entries)


def _words(entry: Distribution, wanted: str, torch: Version) -> str:
    breaks = _breaks(entry)
    words = f"{entry.name} {entry.version} asks for torch{wanted}, installed is torch {torch}"
    return f"{words}: {breaks}" if breaks else words


def _ways_out(
    snapshot: Snapshot, entry: Distribution, wanted: str, torch: Version
) -> Iterator[str]:
    """Another release of the library, where one is on record; and another torch."""
    release = framework_for(entry.name, torch)
    if release is not None:
        yield f'pip install "{entry.name}{release}"'
    version = entry.version.partition("+")[0]
    packages = [f'"{entry.name}=={version}"', f'"torch{wanted}"', *companions(snapshot)]
    yield f"{'or: ' if release else ''}pip install {' '.join(packages)}"


def extensions_fit(snapshot: Snapshot) -> Outcome:
    """What was compiled against torch was compiled against this one.

    Why: wheels such as flash-attn 2.5.8+cu122torch2.3cxx11abiFALSE name the torch, the CUDA
    and the C++ ABI they were built for; with another the import ends in an undefined symbol.
    Remedy: the wheel for this torch, or build it here.
    """
    torch = torch_version(snapshot)
    if torch is None or snapshot.python is None:
        return torch_known(snapshot) or unknown("the distributions could not be read")
    tagged = [(entry, tag) for entry in _libraries(snapshot) if (tag := _local_tag(entry))]
    if not tagged:
        return skip("no extension here names what it was built for")
    broken = [(entry, tag, said) for entry, tag in tagged if (said := _other(snapshot, tag, torch))]
    if not broken:
        return ok(f"built for this torch: {_names(entry for entry, _ in tagged)}")
    return fail(
        "; ".join(f"{entry.name} {entry.version} is built for {said}" for entry, _, said in broken),
        *(_build_again(entry) for entry, _, _ in broken),
        confidence="likely",
        torch=snapshot.torch.version if snapshot.torch else str(torch),
        tags={entry.name: tag for entry, tag, _ in broken},
    )


def _local_tag(entry: Distribution) -> str | None:
    """What follows the plus sign, where it names a torch or a CUDA."""
    tag = (entry.build or entry.version).partition("+")[2].lower()
    return tag if _FOR_TORCH.search(tag) or _FOR_CUDA.search(tag) else None


def _other(snapshot: Snapshot, tag: str, torch: Version) -> str | None:
    """What the tag names that is not here, beside what is; None where all of it is."""
    other = _other_torch(tag, torch) or _other_cuda(snapshot, tag)
    is_wheel = snapshot.python is not None and snapshot.python.kind != "conda"
    return other or (_other_abi(tag, torch) if is_wheel else None)


def _other_torch(tag: str, torch: Version) -> str | None:
    found = _FOR_TORCH.search(tag)
    if found is None or any(torch.release(2) == built for built in _readings(found[1])):
        return None
    return f"torch {found[1]}, installed is torch {torch}"


def _readings(text: str) -> Iterator[tuple[int, ...]]:
    """The releases a tag may mean: 2.3 is 2.3, 24 is 2.4, 251 is 2.5(.1) or 2.51, 1131 is 1.13."""
    if "." in text:
        yield Version.parse(text).release(2)
        return
    for length in (1, 2):
        if len(text) > length:
            yield int(text[0]), int(text[1 : 1 + length])


def _other_cuda(snapshot: Snapshot, tag: str) -> str | None:
    """Another major: within one, what was built for 12.2 runs with the libraries of 12.8."""
    found, cuda = _FOR_CUDA.search(tag), torch_cuda(snapshot)
    if found is None or is_rocm(snapshot) or "torch.cuda" in snapshot.unread:
        return None
    major = int(found[1][:2]) if found[1][0] == "1" else int(found[1][0])  # cu118, cu92
    if cuda is not None and cuda.major == major:
        return None
    return f"CUDA {major}, torch for {f'CUDA {cuda}' if cuda else 'none'}"


def _other_abi(tag: str, torch: Version) -> str | None:
    found, plain = _FOR_ABI.search(tag), cxx11_abi(torch)
    if found is None or plain is None or (found[1] == "true") == plain:
        return None
    return f"the {'newer' if found[1] == 'true' else 'older'} C++ ABI, torch {torch} has the other"


def _build_again(entry: Distribution) -> str:
    version = entry.version.partition("+")[0]
    return (
        "pip install --force-reinstall --no-deps --no-cache-dir --no-build-isolation "
        f'"{entry.name}=={version}"'
    )


CHECKS = (
    Check(
        id="comp.frameworks",
        judge=frameworks_fit,
        cause="framework-incompatible",
        needs=("torch.present", "torch.duplicate"),
        reference="the Requires-Dist lines of the library's own metadata",
    ),
    Check(
        id="comp.extensions",
        judge=extensions_fit,
        cause="framework-incompatible",
        needs=("torch.present", "torch.duplicate", "torch.cuda_build"),
        reference="Dao-AILab/flash-attention releases: names of the wheels",
    ),
)
