"""The CUDA libraries that are pinned beside torch: cuDNN, NCCL, and their families."""

from collections.abc import Iterator

from gpubench.knowledge.tables import Build
from gpubench.plan.files.specifiers import allows, exact
from gpubench.plan.files.stated import Stack, Stated
from gpubench.plan.machine import Machine
from gpubench.plan.report import Problem
from gpubench.plan.resolved import StatedTorch, stated_torch
from gpubench.plan.rules.making import problem, repinned
from gpubench.versions import Version

_TOOLKIT = ("cuda-runtime", "cuda-nvrtc", "cuda-cupti", "nvtx")
_NUMBERED_LIKE_CUDA = {11: _TOOLKIT, 12: (*_TOOLKIT, "cublas")}
"""Libraries whose first two numbers are those of their CUDA release; cuBLAS in CUDA 12 alone."""


def library_pins(stack: Stack, machine: Machine) -> Iterator[Problem]:  # noqa: ARG001
    """nvidia-cudnn and nvidia-nccl are held to what torch itself requires."""
    torch = stated_torch(stack)
    build = torch.likely if torch else None
    if torch is None or build is None or torch.release is None:
        return
    for library, cause in (("cudnn", "cudnn-mismatch"), ("nccl", "nccl-mismatch")):
        wanted: Version | None = getattr(build, library)
        fact = stack.package(f"nvidia-{library}-cu{build.cuda.major}")
        if fact is None or not fact.value or wanted is None or _takes_library(fact.value, wanted):
            continue
        yield _wrong_library(stack, torch, build, fact, wanted, cause)


def toolkit_pins(stack: Stack, machine: Machine) -> Iterator[Problem]:  # noqa: ARG001
    """The CUDA runtime libraries are of the CUDA release of torch."""
    torch = stated_torch(stack)
    build = torch.likely if torch else None
    if torch is None or build is None or torch.release is None:
        return
    for library in _NUMBERED_LIKE_CUDA.get(build.cuda.major, ()):
        fact = stack.package(f"nvidia-{library}-cu{build.cuda.major}")
        pinned = Version.find(exact(fact.value)) if fact and fact.value else None
        if fact is None or pinned is None or len(pinned.parts) < 2:
            continue
        if pinned.release(2) != build.cuda.release(2):
            yield _wrong_toolkit(stack, torch, build, fact)


def _wrong_toolkit(stack: Stack, torch: StatedTorch, build: Build, fact: Stated) -> Problem:
    return problem(
        "error" if build.is_default else "warning",
        "cuda-mixed",
        fact,
        f"{fact.name} {exact(fact.value)} is not of CUDA {build.cuda}, which {torch.name} is built "
        f"with" + (" and requires: pip does not install both" if build.is_default else ""),
        f"{fact.name} {build.cuda.major}.{build.cuda.minor}",
        rule="companion.toolkit",
        correction=repinned(stack, fact, f"{build.cuda.major}.{build.cuda.minor}"),
        remedy=("or leave it out: torch brings it",),
        reference="the Requires-Dist lines of the torch wheel",
    )


def _takes_library(specifier: str, wanted: Version) -> bool:
    """Whether a pin can be what torch requires, of which the table may know fewer numbers."""
    pinned = Version.find(exact(specifier))
    if pinned is None:
        return allows(specifier, str(wanted))
    length = min(len(pinned.parts), len(wanted.parts), 3)
    return pinned.release(length) == wanted.release(length)


def _wrong_library(
    stack: Stack, torch: StatedTorch, build: Build, fact: Stated, wanted: Version, cause: str
) -> Problem:
    return problem(
        "error",
        cause,
        fact,
        f"{fact.name} {exact(fact.value) or fact.value} is not what {torch.name} for CUDA "
        f"{build.cuda} requires, {wanted}",
        f"{fact.name}=={wanted}",
        rule="companion.library",
        correction=repinned(stack, fact, str(wanted)),
        remedy=("or leave it out: torch brings it",),
        reference="the Requires-Dist lines of the torch wheel",
    )


def families(stack: Stack, machine: Machine) -> Iterator[Problem]:  # noqa: ARG001
    """The CUDA libraries are of one family, that of torch."""
    torch = stated_torch(stack)
    stated: dict[str, Stated] = {}
    for fact in stack.of_kind("package"):
        for family in ("cu11", "cu12", "cu13"):
            if fact.name.startswith("nvidia-") and fact.name.endswith(f"-{family}"):
                stated.setdefault(family, fact)
    build = torch.build if torch else None
    if build is not None:
        stated.setdefault(f"cu{build.cuda.major}", torch.fact)  # type: ignore[union-attr]
    if len(stated) < 2:
        return
    own = f"cu{build.cuda.major}" if build else max(stated)
    for family, fact in stated.items():
        if family == own or (torch is not None and fact is torch.fact):
            continue
        yield problem(
            "warning",
            "cuda-mixed",
            fact,
            f"{fact.name} is of CUDA {family[2:]}, the others are of CUDA {own[2:]}",
            f"libraries of {own} alone",
            rule="companion.families",
            remedy=(f"remove the packages of {family}",),
        )


RULES = (library_pins, toolkit_pins, families)
