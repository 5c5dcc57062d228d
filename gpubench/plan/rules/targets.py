"""Whether what is stated runs on the machine it is meant for, where that is named."""

from collections.abc import Iterator, Sequence

from gpubench.knowledge.compatibility import best_build, install_line
from gpubench.knowledge.tables import X86, Build
from gpubench.plan.builds import RULED_OUT, judge, matching
from gpubench.plan.files.stated import Stack
from gpubench.plan.machine import Machine
from gpubench.plan.report import Problem
from gpubench.plan.resolved import StatedTorch, stated_torch
from gpubench.plan.rules.making import problem
from gpubench.versions import Version


def runs_on_target(stack: Stack, machine: Machine) -> Iterator[Problem]:
    """The stated build holds code for the GPUs, and the driver starts its CUDA."""
    torch = stated_torch(stack)
    if torch is None or not torch.builds or not (machine.driver or machine.gpus):
        return
    if machine.is_jetson or machine.is_other_architecture:
        return  # the answer says so
    builds = _of_processor(torch.builds, machine)
    if not builds:
        yield _none_on_record(torch, machine)
        return
    judged = [judge(build, machine) for build in builds]
    taken = next((c for c in judged if torch.build and c.cuda == str(torch.build.cuda)), judged[0])
    if torch.release is None and any(c.verdict != RULED_OUT for c in judged):
        return
    if taken.verdict != RULED_OUT:
        return
    reasons = [r for r in taken.reasons if not r.startswith("built for Python")]
    if not reasons:
        return
    cause = "driver-too-old" if reasons[0].startswith("driver") else "gpu-arch-unsupported"
    line = _line(machine, torch.release is not None and torch.release.text)
    yield problem(
        "error",
        cause,
        torch.cuda_fact or torch.fact,
        f"{torch.name} for CUDA {taken.cuda} does not run there: {'; '.join(reasons)}",
        "a build that runs there",
        rule="target",
        remedy=(line,) if line else ("no build on record runs there",),
    )


def _of_processor(builds: Sequence[Build], machine: Machine) -> list[Build]:
    """The same builds for the machine's processor, as far as they are on record."""
    if machine.architecture is None:
        return list(builds)
    found = (matching(build.torch, build.cuda, machine.architecture) for build in builds)
    return [build for same in found for build in same]


def _none_on_record(torch: StatedTorch, machine: Machine) -> Problem:
    return problem(
        "note",
        "gpu-arch-unsupported",
        torch.fact,
        f"no build of {torch.name} for {machine.architecture} is on record, so whether it runs "
        "there is not judged",
        "a build that is on record",
        rule="target",
    )


def _line(machine: Machine, release: str | bool) -> str | None:
    """The install line of the same release where one of its builds runs there, else the newest."""
    for torch in (Version.find(release) if isinstance(release, str) else None, None):
        build = best_build(
            driver=machine.driver_version,
            capabilities=machine.capabilities,
            python=machine.python_version,
            torch=torch,
            machine=machine.architecture or X86,
        )
        if build is not None:
            return install_line(build)
    return None


RULES = (runs_on_target,)
