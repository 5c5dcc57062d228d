"""What is built for one torch release: torchvision, torchaudio, triton; and numpy's ABI."""

from collections.abc import Iterator

from gpubench.knowledge.tables import companion_of, torch_builds
from gpubench.plan.builds import variant
from gpubench.plan.files.specifiers import allows, exact, local_tag
from gpubench.plan.files.stated import Stack, Stated
from gpubench.plan.machine import Machine
from gpubench.plan.report import Problem
from gpubench.plan.resolved import StatedTorch, stated_torch
from gpubench.plan.rules.making import problem, repinned, swapped_in_words
from gpubench.plan.rules.torch_cuda import nearest
from gpubench.versions import Version

PAIRS = "pytorch/vision README.md; pytorch/audio compatibility matrix"
FIRST_TIED = Version.parse("2.1")
"""The first torch whose patch releases each have a torchvision and torchaudio of the same patch."""
NUMPY_TWO = Version.parse("2.3")
"""The first torch that is compiled for numpy 2 (its release notes)."""


def pairs(stack: Stack, machine: Machine) -> Iterator[Problem]:  # noqa: ARG001
    """Torchvision and torchaudio are of the release that goes with torch."""
    torch = stated_torch(stack)
    newest = torch.newest if torch else None
    if torch is None or newest is None or not torch.is_on_record:
        return
    for name in ("torchvision", "torchaudio"):
        fact = stack.package(name)
        wanted = _wanted(torch.release or newest, name, fact) if fact else None
        if fact is None or fact.value is None or wanted is None:
            continue
        if any(_goes_with(release, name, fact) for release in _releases(torch)):
            continue
        release = str(wanted)
        remedy = ("change the project file and lock again",) if stack.is_locked else ()
        yield problem(
            "error",
            "torch-companion-mismatch",
            fact,
            f"{name} {exact(fact.value) or fact.value} is not for {torch.name}"
            f"{_made_for(name, fact.value)}; {torch.name} goes with {name} {wanted}",
            f"{name} {wanted}",
            rule="companion.pair",
            correction=repinned(stack, fact, release, local_tag(fact.value) or ""),
            remedy=remedy,
            reference=PAIRS,
        )


def _releases(torch: StatedTorch) -> set[Version]:
    """The release that is named, or every one the specifier takes."""
    if torch.release is not None and len(torch.release.parts) > 2:
        return {torch.release}
    every = (
        f"{build.torch.major}.{build.torch.minor}.{patch}"
        for build in torch.of_release
        for patch in range(build.torch.release(3)[2] + 1)
    )
    return {Version.parse(text) for text in every if allows(torch.specifier, text)}


def _goes_with(torch: Version, name: str, fact: Stated) -> bool:
    """Whether a companion's specifier takes what goes with a torch; True where that is open."""
    wanted = _wanted(torch, name, fact)
    return wanted is None or _fits(fact.value or "", wanted)


def _wanted(torch: Version, name: str, fact: Stated) -> Version | None:
    """What goes with a torch, to the patch where that is named; conda builds its own pairs."""
    return companion_of(torch, name) if fact.via == "conda" else _exact_pair(torch, name)


def _exact_pair(torch: Version, name: str) -> Version | None:
    """The release whose wheel asks for this very torch; two numbers where any patch may."""
    found = companion_of(torch, name)
    is_tied = len(torch.parts) > 2 and torch >= FIRST_TIED
    if found is None or len(found.parts) > 2 or not is_tied:
        return found
    return Version.parse(f"{found.major}.{found.minor}.{torch.release(3)[2]}")


def _fits(specifier: str, wanted: Version) -> bool:
    """Whether a specifier takes some patch of the release that is wanted."""
    major, minor = wanted.release(2)
    patches = [wanted.release(3)[2]] if len(wanted.parts) > 2 else range(10)
    return any(allows(specifier, f"{major}.{minor}.{patch}") for patch in patches)


def _made_for(name: str, specifier: str) -> str:
    """Which torch a companion's release is for, in words."""
    release = Version.find(exact(specifier))
    made_for = _torch_of(name, release) if release is not None else None
    return f" but for torch {made_for}" if made_for is not None else ""


def _torch_of(name: str, release: Version) -> str | None:
    """The torch a companion's release is for: to the patch where the pair is, else its minor."""
    for build in torch_builds():
        major, minor, newest = build.torch.release(3)
        for patch in range(newest + 1):
            torch = Version.parse(f"{major}.{minor}.{patch}")
            if _exact_pair(torch, name) == release:
                return str(torch)
        goes_with = companion_of(build.torch, name)
        if goes_with is not None and goes_with.release(2) == release.release(2):
            return f"{major}.{minor}"
    return None


def companion_tags(stack: Stack, machine: Machine) -> Iterator[Problem]:  # noqa: ARG001
    """Torchvision and torchaudio are of the CUDA release of torch where a tag says."""
    torch = stated_torch(stack)
    tag = local_tag(torch.fact.value) if torch else None
    if torch is not None and torch.cuda is not None and torch.of_release and not torch.builds:
        tag = variant(nearest(torch.of_release, torch.cuda).cuda)  # what torch is to become
    for name in ("torchvision", "torchaudio"):
        fact = stack.package(name)
        own = local_tag(fact.value) if fact else None
        if fact is None or own is None or tag is None or own == tag:
            continue
        yield problem(
            "error",
            "torch-companion-mismatch",
            fact,
            f"{name} is of {own}, torch of {tag}",
            f"+{tag}",
            rule="companion.tag",
            correction=swapped_in_words(fact, own, tag) if not stack.is_locked else None,
            reference=PAIRS,
        )


def untied_audio(stack: Stack, machine: Machine) -> Iterator[Problem]:  # noqa: ARG001
    """A torchaudio that is tied to no torch is of the CUDA release of the torch beside it.

    Judged where neither is asked of an index of its own, so that pip takes the default builds.
    """
    torch, fact = stated_torch(stack), stack.package("torchaudio")
    release = Version.find(exact(fact.value)) if fact and not local_tag(fact.value) else None
    build = torch.build if torch and torch.cuda is None and torch.release is not None else None
    if torch is None or build is None or fact is None or release is None or fact.via == "conda":
        return
    made_for = _torch_for("torchaudio", release)
    if _wanted(build.torch, "torchaudio", fact) is not None or made_for is None:
        return
    own = next(
        b.cuda for b in torch_builds() if b.is_default and b.torch.release(2) == made_for.release(2)
    )
    if own.release(2) == build.cuda.release(2):
        return
    yield problem(
        "error",
        "torch-companion-mismatch",
        fact,
        f"torchaudio {release} is built for CUDA {own}, {torch.name} for CUDA {build.cuda}: it "
        "refuses that torch when it is imported",
        f"no torchaudio: no release of it on record goes with {torch.name}",
        rule="companion.pair",
        remedy=("leave torchaudio out",),
        reference=PAIRS,
    )


def unpinned_torch(stack: Stack, machine: Machine) -> Iterator[Problem]:  # noqa: ARG001
    """Where torchvision or torchaudio is held to a release, torch is too."""
    torch = stack.package("torch")
    if torch is None or torch.value != "" or stack.is_locked:
        return
    for name in ("torchvision", "torchaudio"):
        fact = stack.package(name)
        release = Version.find(exact(fact.value)) if fact else None
        wanted = _torch_for(name, release) if release else None
        if fact is None or wanted is None:
            continue
        apart = fact.command != torch.command or fact.file != torch.file
        yield problem(
            "warning" if apart else "note",
            "torch-companion-mismatch",
            torch,
            f"torch is held to no release beside {name} {release}, which is for torch "
            f"{wanted.major}.{wanted.minor}"
            + ("; pip replaces the one it installed first" if apart else ""),
            f"torch=={wanted.major}.{wanted.minor}.*",
            rule="companion.unpinned",
            correction=repinned(stack, torch, f"{wanted.major}.{wanted.minor}"),
            reference=PAIRS,
        )
        return


def _torch_for(name: str, release: Version) -> Version | None:
    for build in torch_builds():
        goes_with = companion_of(build.torch, name)
        if goes_with is not None and goes_with.release(2) == release.release(2):
            return build.torch
    return None


def triton(stack: Stack, machine: Machine) -> Iterator[Problem]:  # noqa: ARG001
    """Triton is of the release torch was made for."""
    torch, fact = stated_torch(stack), stack.package("triton")
    if torch is None or fact is None or not fact.value or torch.release is None:
        return
    wanted = {str(build.triton) for build in torch.of_release if build.triton}
    if not wanted or any(_takes_minor(fact.value, Version.parse(text)) for text in wanted):
        return
    release = max(wanted)
    yield problem(
        "error",
        "torch-companion-mismatch",
        fact,
        f"triton {exact(fact.value) or fact.value} is not for {torch.name}, which takes {release}",
        f"triton {release}",
        rule="companion.triton",
        correction=repinned(stack, fact, release),
        remedy=("or leave triton out: torch brings it",),
        reference="the Requires-Dist lines of the torch wheel",
    )


def _takes_minor(specifier: str, wanted: Version) -> bool:
    """A patch of the same release: torch 2.7.0 takes triton 3.3.0, torch 2.7.1 takes 3.3.1."""
    major, minor, patch = wanted.release(3)
    return any(allows(specifier, f"{major}.{minor}.{number}") for number in range(patch + 1))


def numpy(stack: Stack, machine: Machine) -> Iterator[Problem]:  # noqa: ARG001
    """A torch compiled for numpy 1 is not given numpy 2."""
    torch, fact = stated_torch(stack), stack.package("numpy")
    newest = torch.newest if torch else None
    if torch is None or fact is None or fact.value is None or newest is None:
        return
    if newest >= NUMPY_TWO or (not allows(fact.value, "2.0.0") and not _is_two(fact.value)):
        return
    pinned = not allows(fact.value, "1.26.4")
    yield problem(
        "error" if pinned else "warning",
        "numpy-abi",
        fact,
        f"{torch.name} is compiled for numpy 1, "
        + ("numpy 2 is asked for" if pinned else f"and numpy{fact.value} lets pip take numpy 2"),
        "numpy below 2",
        rule="companion.numpy",
        correction=repinned(stack, fact, "1.26.4"),
        reference="PyTorch 2.3 release notes",
    )


def _is_two(specifier: str) -> bool:
    release = Version.find(exact(specifier))
    return release is not None and release.major >= 2


RULES = (pairs, companion_tags, untied_audio, unpinned_torch, triton, numpy)
