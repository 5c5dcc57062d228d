"""Which released builds of torch run on a machine, and what speaks against each other one."""

import dataclasses
from collections.abc import Iterator, Sequence

from gpubench.knowledge import tables
from gpubench.knowledge.compatibility import (
    WHEELS,
    Code,
    code_for,
    driver_compiles_ptx,
    driver_drives,
    driver_starts,
    install_line,
    is_told_apart,
)
from gpubench.knowledge.tables import Build, torch_builds
from gpubench.plan.machine import Machine, unknown_gpus
from gpubench.versions import Version

CPU_LINE = f"pip install torch --index-url {WHEELS}/cpu"

RUNS, RULED_OUT, UNDECIDED = "runs", "ruled-out", "undecided"
PTX_ONLY, EXPERIMENTAL = "ptx-only", "experimental"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """One build, judged for one machine."""

    torch: str
    cuda: str
    variant: str
    """The name of its wheel index: cu126."""
    verdict: str
    """``runs``, ``ruled-out``, ``undecided`` (something is not known), or, never offered,
    ``ptx-only`` and ``experimental``."""
    reasons: tuple[str, ...] = ()
    """What rules it out; for an undecided one, what has to be known."""
    notes: tuple[str, ...] = ()
    python: str
    """The range of Python releases, such as 3.9 to 3.13."""
    install: str


def judge_builds(
    machine: Machine, torch: Version | None = None, cuda: Version | None = None
) -> tuple[Candidate, ...]:
    """Every build on record, newest first; ``torch`` and ``cuda`` narrow them."""
    return tuple(judge(build, machine) for build in matching(torch, cuda, machine.architecture))


def matching(
    torch: Version | None = None, cuda: Version | None = None, architecture: str | None = None
) -> list[Build]:
    """The builds of a torch release and a CUDA release; one number or two, None for any.

    ``architecture`` is that of the processor; None is x86-64.
    """
    return [
        _of_patch(build, torch)
        for build in torch_builds(architecture or tables.X86)
        if _is_of(build.torch, torch) and _is_of(build.cuda, cuda)
    ]


def _is_of(version: Version, asked: Version | None) -> bool:
    """Patch releases are of their minor release; 12 stands for any 12.x."""
    if asked is None:
        return True
    length = min(2, len(asked.parts))
    return version.release(length) == asked.release(length)


def _of_patch(build: Build, asked: Version | None) -> Build:
    """The build of the very patch release that was asked for, where it is not the newest."""
    if asked is None or len(asked.parts) < 3:
        return build
    return dataclasses.replace(build, torch=asked)


def judge(build: Build, machine: Machine) -> Candidate:
    """A build and what is known to speak against it on ``machine``."""
    against = tuple(_against(build, machine))
    unknown, ptx = tuple(_unknown(build, machine)), tuple(_by_ptx(build, machine))
    if against:
        verdict, reasons = RULED_OUT, against
    elif ptx:
        verdict, reasons = PTX_ONLY, ptx
    elif build.is_experimental:
        verdict, reasons = EXPERIMENTAL, ("released as experimental, not meant for everyone",)
    elif unknown:
        verdict, reasons = UNDECIDED, unknown
    else:
        verdict, reasons = RUNS, ()
    return Candidate(
        torch=str(build.torch),
        cuda=str(build.cuda),
        variant=variant(build.cuda),
        verdict=verdict,
        reasons=reasons,
        notes=tuple(_notes(build, machine)) if not against else (),
        python=" to ".join(map(str, build.python)),
        install=install_line(build, machine.companions),
    )


def variant(cuda: Version) -> str:
    """The name of a CUDA release in wheel tags: cu126."""
    return f"cu{cuda.major}{cuda.minor}"


def _against(build: Build, machine: Machine) -> Iterator[str]:
    driver, python = machine.driver_version, machine.python_version
    if not is_told_apart(build):
        yield "no one line installs it: the builds beside the default carried no tag yet"
    if driver is not None and driver_starts(driver, build.cuda) is False:
        yield (
            f"driver {driver} is older than {tables.oldest_driver(build.cuda)}, "
            f"the oldest that runs CUDA {build.cuda.major}"
        )
    if python is not None and not in_range(python, build):
        oldest, newest = build.python
        yield f"built for Python {oldest} to {newest}, not for {python.major}.{python.minor}"
    for capability in machine.capabilities:
        if driver is not None and driver_drives(driver, capability) is False:
            yield f"driver {driver} {_serves(capability)}"
        if not _has_code(build, capability, driver):
            yield f"no code for compute capability {capability}"


def _serves(capability: Version) -> str:
    """Which driver branches serve a GPU, as the end of a sentence."""
    first, last = tables.driver_branches(capability) or (0, None)
    upto = f" to {last}" if last else " on"
    return f"does not serve compute capability {capability}: branches {first}{upto} do"


def _has_code(build: Build, capability: Version, driver: Version | None) -> bool:
    """Native code, or PTX that the driver, as far as it is known, compiles."""
    code = code_for(build.architectures, capability)
    if code is Code.PTX:
        return driver is None or driver_compiles_ptx(driver, build.cuda) is not False
    return code is Code.NATIVE


def _by_ptx(build: Build, machine: Machine) -> Iterator[str]:
    for capability in machine.capabilities:
        if code_for(build.architectures, capability) is Code.PTX:
            needs = tables.toolkit_driver(build.cuda)
            known = f"; that takes driver {needs}" if needs and machine.driver is None else ""
            yield (
                f"only PTX for compute capability {capability}, which the driver compiles for "
                f"minutes at first use{known}"
            )


def in_range(python: Version, build: Build) -> bool:
    """True where wheels of this build exist for a Python release."""
    oldest, newest = build.python
    return oldest.release(2) <= python.release(2) <= newest.release(2)


def _unknown(build: Build, machine: Machine) -> Iterator[str]:
    """What would have to be known before the build can be called fit."""
    if machine.has_no_gpu:
        return
    oldest = tables.oldest_driver(build.cuda)
    if oldest is None:
        yield f"the oldest driver for CUDA {build.cuda} is not on record"
    elif machine.driver is None:
        yield f"the driver is not known; it takes {oldest} or later"
    if not machine.gpus:
        yield f"the GPU is not known; the build holds {' '.join(build.architectures)}"
    for name in unknown_gpus(machine.gpus):
        yield f"the compute capability of {name} is not on record"


def _notes(build: Build, machine: Machine) -> Iterator[str]:
    driver, own = machine.driver_version, tables.toolkit_driver(build.cuda)
    if driver is not None and own is not None and driver < own:
        yield (
            f"by minor-version compatibility: CUDA {build.cuda} came with driver {own}, "
            "so PTX made by its tools does not compile here"
        )


def best(candidates: Sequence[Candidate]) -> Candidate | None:
    """The newest build that runs, else the newest that nothing known speaks against."""
    for verdict in (RUNS, UNDECIDED):
        for candidate in candidates:
            if candidate.verdict == verdict:
                return candidate
    return None
