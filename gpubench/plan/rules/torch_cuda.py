"""Whether the torch that is stated exists for the CUDA that is stated."""

import re
from collections.abc import Callable, Iterator

from gpubench.knowledge.tables import Build, torch_builds
from gpubench.plan.builds import variant
from gpubench.plan.files.specifiers import local_tag
from gpubench.plan.files.stated import Stack, Stated
from gpubench.plan.machine import Machine
from gpubench.plan.report import Correction, Problem
from gpubench.plan.resolved import CONDA_CUDA, StatedTorch, stated_torch
from gpubench.plan.rules.making import problem, repinned, replaced, swapped, swapped_in_words
from gpubench.versions import Version

RELEASES = "pytorch/pytorch RELEASE.md, release compatibility matrix"


def on_record(stack: Stack, machine: Machine) -> Iterator[Problem]:  # noqa: ARG001
    """A torch release that is not on record is said, never judged."""
    torch = stated_torch(stack)
    if torch is None or torch.is_on_record:
        return
    builds = torch_builds()
    newest = _newest_patch(torch)
    if newest is not None:
        yield problem(
            "error",
            "torch-companion-mismatch",
            torch.fact,
            f"there is no {torch.name}: {newest} is the last of its release",
            f"torch {newest}",
            rule="torch.record",
            correction=repinned(stack, torch.fact, str(newest), local_tag(torch.fact.value) or "")
            if torch.fact.kind == "package"
            else swapped(torch.fact, str(torch.release), str(newest)),
            remedy=_relock(stack),
            reference=RELEASES,
        )
        return
    yield problem(
        "note",
        "torch-companion-mismatch",
        torch.fact,
        f"{torch.name} is not on record, so what goes with it is not judged",
        f"a release from {builds[-1].torch} to {builds[0].torch}",
        rule="torch.record",
        reference=RELEASES,
    )


def _newest_patch(torch: StatedTorch) -> Version | None:
    """The last patch of a release that a newer one followed; None where more may come."""
    release, builds = torch.release, torch_builds()
    if release is None or release.release(2) >= builds[0].torch.release(2):
        return None
    same = (build.torch for build in builds if build.torch.release(2) == release.release(2))
    return max(same, default=None)


def cuda_of_torch(stack: Stack, machine: Machine) -> Iterator[Problem]:  # noqa: ARG001
    """Torch has a build for the CUDA release its index, tag or conda package names."""
    torch = stated_torch(stack)
    if torch is None or torch.cuda is None or torch.cuda_fact is None:
        return
    fact = torch.cuda_fact
    if torch.is_on_record and not torch.builds:
        yield problem(
            "error",
            "cuda-mixed",
            fact,
            f"{torch.name} has no build for CUDA {torch.cuda}; {its_builds(torch)}"
            + _what_pip_does(torch),
            f"one of {build_names(torch.of_release)}",
            rule="torch.cuda",
            correction=_correction(stack, torch),
            remedy=_relock(stack),
            reference=RELEASES,
        )
    elif fact.kind == "image" and torch.build is not None:
        yield from _cudnn_of_tag(fact, torch, torch.build)
    elif torch.release is None and torch.builds and torch.cuda is not None:
        newest, all_newest = torch.builds[0].torch, torch.of_release[0].torch
        if newest < all_newest:
            yield problem(
                "note",
                "cuda-mixed",
                fact,
                f"the newest torch with a build for CUDA {torch.cuda} is {newest}, "
                f"not {all_newest}",
                f"torch=={newest}, or an index of a newer CUDA",
                rule="torch.cuda",
                reference=RELEASES,
            )


def _cudnn_of_tag(fact: Stated, torch: StatedTorch, build: Build) -> Iterator[Problem]:
    """A tag of pytorch/pytorch names the cuDNN that torch is built with."""
    named = re.search(r"cudnn(\d{1,2})", fact.value or "")
    if named is None or build.cudnn is None or int(named[1]) == build.cudnn.major:
        return
    yield problem(
        "error",
        "cudnn-mismatch",
        fact,
        f"there is no {fact.name}:{fact.value}: {torch.name} is built with cuDNN {build.cudnn}",
        f"cudnn{build.cudnn.major}",
        rule="image.tag",
        correction=swapped(fact, named[0], f"cudnn{build.cudnn.major}"),
        reference=RELEASES,
    )


def build_names(builds: tuple[Build, ...]) -> str:
    """The variants of builds, oldest CUDA first: cu118, cu124, cu126."""
    found = sorted({build.cuda for build in builds})
    return ", ".join(variant(cuda) for cuda in found)


def its_builds(torch: StatedTorch) -> str:
    """What a torch is built for, in words."""
    return f"its builds are {build_names(torch.of_release)}"


def _what_pip_does(torch: StatedTorch) -> str:
    fact = torch.cuda_fact
    if fact is not None and fact.kind == "index" and fact.name == "extra-index-url":
        taken = next((build for build in torch.of_release if build.is_default), None)
        if taken is not None:
            return f"; pip takes the one for CUDA {taken.cuda} from PyPI instead, without a word"
    return ""


def nearest(builds: tuple[Build, ...], cuda: Version) -> Build:
    """The build of the nearest CUDA release of the same major, else the default one."""
    released = [build for build in builds if not build.is_experimental] or list(builds)
    same_major = [build for build in released if build.cuda.major == cuda.major]
    if not same_major:
        return next((build for build in released if build.is_default), released[0])
    return min(same_major, key=lambda build: abs(build.cuda.minor - cuda.minor))


def _correction(stack: Stack, torch: StatedTorch) -> Correction | None:
    """The line with the nearest CUDA release that torch has a build for."""
    fact, cuda = torch.cuda_fact, torch.cuda
    if fact is None or cuda is None or stack.is_locked:
        return None
    build = nearest(torch.of_release, cuda)
    new = variant(build.cuda)
    if fact.kind == "image":
        old, instead = f"cuda{cuda}", f"cuda{build.cuda.major}.{build.cuda.minor}"
        cudnn = build.cudnn.major if build.cudnn else None
        corrected = swapped(fact, old, instead)
        if corrected and cudnn:
            text = re.sub(r"cudnn\d+", f"cudnn{cudnn}", corrected.text, count=1)
            return Correction(file=corrected.file, line=corrected.line, text=text)
        return corrected
    if fact.name in CONDA_CUDA:
        return _conda_correction(stack, torch, build)
    if local_tag(fact.value):
        return swapped_in_words(fact, str(local_tag(fact.value)), new)
    return swapped(fact, variant(cuda), new)


def _conda_correction(stack: Stack, torch: StatedTorch, build: Build) -> Correction | None:
    """The newest torch that has the CUDA release, else the CUDA release torch has."""
    assert torch.cuda is not None
    assert torch.cuda_fact is not None
    having = [b for b in torch_builds() if b.cuda.release(2) == torch.cuda.release(2)]
    channel = [b for b in having if b.torch <= LAST_ON_CHANNEL]
    if channel and torch.cuda_fact.name == "pytorch-cuda":
        return repinned(stack, torch.fact, str(channel[0].torch))
    return replaced(
        stack, torch.cuda_fact, f"{torch.cuda_fact.name}={build.cuda.major}.{build.cuda.minor}"
    )


LAST_ON_CHANNEL = Version.parse("2.5.1")
CHANNEL = "pytorch/pytorch issue 138506, Deprecating PyTorch's official Anaconda channel"


def _distance_from(cuda: Version) -> Callable[[tuple[int, ...]], int]:
    """How far a release is from this one; another major is farther than any minor."""
    return lambda other: abs(100 * (other[0] - cuda.major) + other[1] - cuda.minor)


def conda_channel(stack: Stack, machine: Machine) -> Iterator[Problem]:  # noqa: ARG001
    """The pytorch channel of conda ends with torch 2.5.1."""
    torch = stated_torch(stack)
    if torch is None or torch.fact.via != "conda" or torch.release is None:
        return
    channels = {fact.name for fact in stack.of_kind("channel")}
    if "conda-forge" in channels or "pytorch" not in channels:
        return
    if torch.release > LAST_ON_CHANNEL and torch.cuda is None:
        yield problem(
            "error",
            "cuda-mixed",
            torch.fact,
            f"the conda channel pytorch ends with {LAST_ON_CHANNEL}; it has no {torch.name}",
            f"pytorch={LAST_ON_CHANNEL}, or torch through pip",
            rule="conda.channel",
            correction=repinned(stack, torch.fact, str(LAST_ON_CHANNEL)),
            reference=CHANNEL,
        )


def index_exists(stack: Stack, machine: Machine) -> Iterator[Problem]:  # noqa: ARG001
    """The wheel index is of a CUDA release that some torch was built for."""
    from gpubench.plan.resolved import index_variant

    known = {build.cuda.release(2) for build in torch_builds()}
    newest = max(known)
    torch = stated_torch(stack)
    for fact in stack.of_kind("index"):
        named = index_variant(fact.value or "")
        if named is None or named[1] is None or named[1].release(2) in known:
            continue
        if torch is not None and torch.cuda_fact is fact and torch.is_on_record:
            continue  # said of torch already
        severity = "note" if named[1].release(2) > newest else "error"
        near = Version.parse("{}.{}".format(*min(known, key=_distance_from(named[1]))))
        yield problem(
            severity,
            "cuda-mixed",
            fact,
            f"no torch on record was built for CUDA {named[1]} ({named[0]})",
            f"an index such as {variant(near)}",
            rule="torch.index",
            correction=swapped(fact, named[0], variant(near)) if severity == "error" else None,
            reference=RELEASES,
        )


def _relock(stack: Stack) -> tuple[str, ...]:
    return ("change the project file and lock again",) if stack.is_locked else ()


RULES = (on_record, cuda_of_torch, conda_channel, index_exists)
EXISTENCE = (cuda_of_torch, conda_channel)
"""What is asked of every statement about torch, not of the last one alone."""
