"""What ENV, LABEL and ARG declare of CUDA and cuDNN beside a torch that says otherwise."""

import re
from collections.abc import Iterator

from gpubench.plan.files.stated import Stack
from gpubench.plan.machine import Machine
from gpubench.plan.report import Problem
from gpubench.plan.resolved import StatedTorch, base_cuda, stated_torch
from gpubench.plan.rules.making import problem, swapped
from gpubench.plan.rules.torch_cuda import RELEASES, build_names, its_builds, nearest
from gpubench.versions import Version

_CUDA_NAMES = re.compile(r"(?i)(?:.{0,60}[._-])?cuda(?:[._-]?(?:version|ver|release))?$")
_CUDNN_NAMES = re.compile(r"(?i)(?:.{0,60}[._-])?cudnn(?:[._-]?(?:version|ver|release|major))?$")


def declared_cuda(stack: Stack, machine: Machine) -> Iterator[Problem]:  # noqa: ARG001
    """ENV, LABEL and ARG do not declare a CUDA that the torch beside them is not built with."""
    torch = stated_torch(stack)
    if torch is None or torch.release is None or not torch.is_on_record or torch.is_without_cuda:
        return
    if base_cuda(stack) is None:
        yield from _declared(stack, torch, ("ENV", "LABEL", "ARG"))
    else:
        # the variables of a base image tell of its toolkit, which is judged with the image
        yield from _declared(stack, torch, ("LABEL", "ENV"))


def _declared(stack: Stack, torch: StatedTorch, ways: tuple[str, ...]) -> Iterator[Problem]:
    used = {fact.written for fact in stack.of_kind("image")}
    for fact in stack.of_kind("variable"):
        version = Version.find((fact.value or "").lstrip("v"))
        if fact.via not in ways or version is None or not _CUDA_NAMES.match(fact.name):
            continue
        if any(f"${fact.name}" in words or f"${{{fact.name}" in words for words in used):
            continue
        if len(version.parts) < 2 or any(
            build.cuda.release(2) == version.release(2) for build in torch.of_release
        ):
            continue
        build = nearest(torch.of_release, version)
        yield problem(
            "error",
            "cuda-mixed",
            fact,
            f"{torch.name} has no build for CUDA {version}, which {fact.via} {fact.name} declares; "
            + its_builds(torch),
            f"one of {build_names(torch.of_release)}",
            rule="torch.declared_cuda",
            correction=swapped(fact, str(version), f"{build.cuda.major}.{build.cuda.minor}"),
            reference=RELEASES,
        )


def declared_cudnn(stack: Stack, machine: Machine) -> Iterator[Problem]:  # noqa: ARG001
    """A declared cuDNN is of the major release that torch brings."""
    torch = stated_torch(stack)
    build = torch.likely if torch else None
    if torch is None or build is None or build.cudnn is None or torch.release is None:
        return
    for fact in stack.of_kind("variable"):
        version = Version.find((fact.value or "").lstrip("v"))
        if version is None or not _CUDNN_NAMES.match(fact.name):
            continue
        if version.major == build.cudnn.major:
            continue
        yield problem(
            "error",
            "cudnn-mismatch",
            fact,
            f"{torch.name} is built with cuDNN {build.cudnn} and brings it; "
            f"{fact.via} {fact.name} declares {fact.value}",
            f"cuDNN {build.cudnn.major}",
            rule="torch.declared_cudnn",
            correction=swapped(fact, fact.value or "", ".".join(map(str, build.cudnn.release(2)))),
            reference=RELEASES,
        )


RULES = (declared_cuda, declared_cudnn)
