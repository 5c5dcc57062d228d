"""Whether what is stated runs on the machine it is meant for, where that is named."""

from collections.abc import Iterator

from gpubench.knowledge.compatibility import best_build, install_line
from gpubench.plan.builds import RULED_OUT, judge
from gpubench.plan.files.stated import Stack
from gpubench.plan.machine import Machine
from gpubench.plan.report import Problem
from gpubench.plan.resolved import stated_torch
from gpubench.plan.rules.making import problem


def runs_on_target(stack: Stack, machine: Machine) -> Iterator[Problem]:
    """The stated build holds code for the GPUs, and the driver starts its CUDA."""
    torch = stated_torch(stack)
    if torch is None or not torch.builds or not (machine.driver or machine.gpus):
        return
    judged = [judge(build, machine) for build in torch.builds]
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


def _line(machine: Machine, release: str | bool) -> str | None:
    """The install line of the same release where one of its builds runs there, else the newest."""
    from gpubench.versions import Version

    for torch in (Version.find(release) if isinstance(release, str) else None, None):
        build = best_build(
            driver=machine.driver_version,
            capabilities=machine.capabilities,
            python=machine.python_version,
            torch=torch,
        )
        if build is not None:
            return install_line(build)
    return None


RULES = (runs_on_target,)
