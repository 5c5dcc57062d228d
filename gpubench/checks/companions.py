"""What is built for one torch release: torchvision, torchaudio, triton."""

from gpubench.checks.facts import has_gpu, torch_cuda, torch_known, torch_version
from gpubench.checks.outcome import Check, Outcome, fail, note, ok, skip, unknown, warn
from gpubench.checks.requirements import holds, normalised, pin_of, requirements
from gpubench.env.snapshot import Distribution, Snapshot
from gpubench.knowledge.compatibility import WHEELS
from gpubench.knowledge.tables import companion_of, exact_companion, stands_for
from gpubench.versions import Version

NAMES = ("torchvision", "torchaudio", "torchtext", "torchdata")


def vision_and_audio(snapshot: Snapshot) -> Outcome:
    """What is built on torch, torchvision and torchaudio, belongs to it.

    Why: their compiled parts are built for one torch release and one CUDA; with another,
    operators are missing or the import fails. Their own metadata goes before any table.
    Remedy: install the pair that belongs together.
    """
    torch = torch_version(snapshot)
    if torch is None or snapshot.python is None:
        return torch_known(snapshot) or unknown("the distributions could not be read")
    found = [entry for name in NAMES if (entry := snapshot.python.distribution(name))]
    if not found:
        return skip("no companion of torch is installed")
    for entry in found:
        trouble = _by_metadata(entry, torch) or _by_table(entry, torch) or _by_cuda(entry, snapshot)
        if trouble:
            return _mismatch(snapshot, entry, torch, trouble)
    names = " and ".join(f"{entry.name} {entry.version}" for entry in found)
    return ok(f"{names} {'go' if len(found) > 1 else 'goes'} with torch {torch}")


def _by_metadata(entry: Distribution, torch: Version) -> str | None:
    for requirement in requirements(entry):
        if normalised(requirement.name) == "torch" and not holds(requirement, str(torch)):
            return f"requires torch{requirement.specifier}, installed is torch {torch}"
    return None


def _by_table(entry: Distribution, torch: Version) -> str | None:
    """The pair on record; where the metadata names torch it has spoken already."""
    if any(normalised(requirement.name) == "torch" for requirement in requirements(entry)):
        return None
    wanted, version = companion_of(torch, entry.name), Version.find(entry.version)
    if wanted is None or version is None or stands_for(wanted, version):
        return None
    return f"does not go with torch {torch}, which goes with {entry.name} {wanted}"


def _by_cuda(entry: Distribution, snapshot: Snapshot) -> str | None:
    """The CUDA release in the local tags: 0.19.1+cu118 beside 2.4.1+cu121; else the files.

    torchaudio refuses another minor release when it is imported, torchvision (looked up in
    0.21 to 0.29) another major release alone.
    """
    if snapshot.torch is None or snapshot.torch.hip or "torch.cuda" in snapshot.unread:
        return None
    tag = (entry.build or entry.version).partition("+")[2]
    cuda, own = torch_cuda(snapshot), _variant(snapshot)
    if cuda is None:
        if tag.startswith("cu"):
            return f"is built for {tag}, torch for {own}"
        return "is linked with a CUDA build, torch is a CPU build" if entry.needs_cuda else None
    if tag == "cpu" and has_gpu(snapshot):
        return f"is a CPU build, torch is built for {own}"
    if not tag.startswith("cu") or tag == own:
        return None
    return f"is built for {tag}, torch for {own}"


def _variant(snapshot: Snapshot) -> str:
    cuda = torch_cuda(snapshot)
    return f"cu{cuda.major}{cuda.minor}" if cuda else "cpu"


def _mismatch(snapshot: Snapshot, entry: Distribution, torch: Version, trouble: str) -> Outcome:
    wanted = exact_companion(torch, entry.name)
    pin = f"=={wanted}{'.*' if len(wanted.parts) == 2 else ''}" if wanted else ""
    run = snapshot.torch_run
    words = f"{entry.name} {entry.build or entry.version} {trouble}"
    if entry.name == "torchvision" and run is not None and run.torchvision_ops:
        return note(f"{words}; yet torchvision::nms runs")
    remedy = f'pip install --force-reinstall --no-deps "{entry.name}{pin}"'
    if "torch.cuda" not in snapshot.unread:
        remedy += f" --index-url {WHEELS}/{_variant(snapshot)}"
    if wanted is None and entry.name == "torchaudio":
        remedy = f"pip uninstall -y torchaudio: no release of it on record goes with torch {torch}"
    tag = (entry.build or entry.version).partition("+")[2]
    is_accepted = entry.name == "torchvision" and f"is built for {tag}" in trouble
    judge = warn if is_accepted and tag[:-1] == _variant(snapshot)[:-1] else fail
    return judge(
        words,
        remedy,
        installed=entry.build or entry.version,
        torch=str(torch),
    )


def triton(snapshot: Snapshot) -> Outcome:
    """The triton here is the release this torch was made for.

    Why: torch.compile generates code against one triton release.
    Remedy: install the release torch requires.
    """
    missing = torch_known(snapshot)
    if missing is not None or snapshot.python is None:
        return missing or unknown("the distributions could not be read")
    if snapshot.python.distribution("torch") is None:
        return skip("torch has no metadata here (conda, or built from source)")
    pin = pin_of(snapshot, "triton") or pin_of(snapshot, "pytorch-triton")
    if pin is None:
        return skip("this torch requires no triton")
    names = ("triton", "pytorch-triton")
    found = [entry for name in names if (entry := snapshot.python.distribution(name))]
    install = f'pip install "{pin.name}{pin.specifier}"'
    if len(found) == 2:
        other = next(e for e in found if e.name != normalised(pin.name))
        words = f"triton and pytorch-triton are both installed, torch requires {pin.name}"
        return fail(words, f"pip uninstall -y {other.name}", f"{install} --force-reinstall")
    if not found:
        return fail(f"torch requires {pin.name}{pin.specifier}, which is not installed", install)
    if found[0].name == normalised(pin.name) and holds(pin, found[0].version):
        return ok(f"{found[0].name} {found[0].version}, as torch requires")
    return fail(
        f"{found[0].name} {found[0].version} is installed, "
        f"torch requires {pin.name}{pin.specifier}",
        install,
        installed=found[0].version,
        required=str(pin.specifier),
    )


CHECKS = (
    Check(
        id="comp.vision_audio",
        judge=vision_and_audio,
        cause="torch-companion-mismatch",
        needs=("torch.present", "torch.duplicate", "torch.cuda_build"),
        reference="pytorch/vision README.md; pytorch/audio compatibility matrix",
    ),
    Check(
        id="comp.triton",
        judge=triton,
        cause="torch-companion-mismatch",
        needs=("torch.present", "torch.duplicate", "torch.cuda_build"),
        reference="the Requires-Dist lines of the torch wheel",
    ),
)
