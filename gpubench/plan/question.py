"""The two questions about builds: which of them run here, and does this one."""

import dataclasses
from collections.abc import Sequence

import gpubench
from gpubench.knowledge import tables
from gpubench.knowledge.tables import Build
from gpubench.plan.builds import (
    CPU_LINE,
    EXPERIMENTAL,
    PTX_ONLY,
    RULED_OUT,
    RUNS,
    UNDECIDED,
    Candidate,
    best,
    judge,
    judge_builds,
    matching,
    variant,
)
from gpubench.plan.machine import ARM, Machine, describes_nothing
from gpubench.plan.report import PlanReport
from gpubench.versions import Version

JETSON = (
    "a Jetson takes the torch wheels that NVIDIA makes for its JetPack release; those of "
    "pytorch.org are not for it, and no wheel of JetPack is on record"
)

FEW = "of the builds for {} only those that plain pip installs are on record, so another one may do"

NEAREST = 3
"""Builds proposed instead of one that does not exist."""


def ask(machine: Machine, torch: Version | None, cuda: Version | None) -> PlanReport:
    """The answer for a machine; one build where torch and CUDA are both named to the minor."""
    words = not_judged(machine)
    if words is not None:
        return _report(machine, "builds", "unknown", words)
    report = _answer(machine, torch, cuda)
    is_named = torch is not None and bool(matching(torch, cuda, machine.architecture))
    if report.answer == "no" and machine.knows_few_builds and not is_named:
        notes = (*report.notes, FEW.format(machine.architecture))
        return dataclasses.replace(report, answer="unknown", notes=notes)
    return report


def _answer(machine: Machine, torch: Version | None, cuda: Version | None) -> PlanReport:
    newer = _not_on_record(machine, torch, cuda)
    if newer is not None:
        return _report(machine, "build" if torch and cuda else "builds", "unknown", newer)
    if torch is not None and cuda is not None and len(cuda.parts) > 1:
        return _one_build(machine, torch, cuda)
    return _every_build(machine, torch, cuda)


def _report(
    machine: Machine,
    question: str,
    answer: str,
    summary: str,
    builds: Sequence[Candidate] = (),
    *,
    notes: Sequence[str] = (),
) -> PlanReport:
    return PlanReport(
        gpubench_version=gpubench.__version__,
        question=question,
        answer=answer,
        summary=summary,
        machine=machine,
        best=best(builds),
        cpu_install=CPU_LINE if machine.has_no_gpu else None,
        builds=tuple(builds),
        notes=(*_about(machine), *notes),
    )


def _about(machine: Machine) -> tuple[str, ...]:
    """What the answer leaves open about the machine."""
    driver = machine.driver_version
    notes = []
    if driver is not None and driver > max(_branches()):
        notes.append(f"driver {driver} is newer than any on record; it is held to the same rules")
    if "gpu" in machine.named and machine.architecture == ARM:
        notes.append(f"planned for an Arm processor ({ARM})")
    if machine.python is None:
        notes.append(
            "the Python is not known, so builds for any are listed: --python-version narrows them"
        )
    return tuple(notes)


def _branches() -> list[Version]:
    newest = max(row["driver"] for row in tables.load("cuda")["branch"])
    return [Version.parse(f"{newest}.999")]


def not_judged(machine: Machine) -> str | None:
    """Words where no build on record is for machines of this kind; None where some are."""
    if machine.is_jetson:
        return JETSON
    if machine.is_other_architecture:
        return (
            f"this machine is {machine.architecture}; no CUDA build of torch for it is on record, "
            "so nothing is said of it"
        )
    return None


def _not_on_record(machine: Machine, torch: Version | None, cuda: Version | None) -> str | None:
    """Words where a torch or CUDA release is not on record, so that nothing is known of it."""
    if torch is not None:
        minor = Version.parse(".".join(map(str, torch.parts[:2])))
        of_release = matching(minor, architecture=machine.architecture)
        builds = matching(architecture=machine.architecture)
        if not of_release:
            return (
                f"torch {torch} is not on record, which goes from {builds[-1].torch} to "
                f"{builds[0].torch}; what it was built with is not known here"
            )
        newest = max(build.torch for build in of_release)
        if torch > newest:
            return f"torch {torch} is not on record; the newest patch of it on record is {newest}"
    if cuda is not None and torch is None:
        newest_cuda = max(build.cuda for build in matching(architecture=machine.architecture))
        if cuda > newest_cuda:
            return f"no torch with CUDA {cuda} is on record; the newest is CUDA {newest_cuda}"
    return None


# -- does this one run ----------------------------------------------------------------------------


def _one_build(machine: Machine, torch: Version, cuda: Version) -> PlanReport:
    found = matching(torch, cuda, machine.architecture)
    if not found:
        return _no_such_build(machine, torch, cuda)
    candidate = judge(found[0], machine)
    name = f"torch {candidate.torch} for CUDA {candidate.cuda}"
    if candidate.verdict == RULED_OUT:
        others = _usable(machine, torch) or _usable(machine)[:NEAREST]
        summary = f"{name} does not run here: {'; '.join(candidate.reasons)}"
        return _report(machine, "build", "no", summary, (candidate, *others))
    if describes_nothing(machine):
        summary = (
            f"{name} exists; whether it runs was not asked, as neither driver nor GPU is known: "
            "name them with --driver and --gpu"
        )
        return _report(machine, "build", "not-asked", summary, (candidate,))
    if candidate.verdict == UNDECIDED:
        summary = f"{name} exists; {'; '.join(candidate.reasons)}"
        return _report(machine, "build", "unknown", summary, (candidate,))
    return _yes(machine, candidate, name)


def _usable(machine: Machine, torch: Version | None = None) -> tuple[Candidate, ...]:
    """The builds that run, or that nothing known speaks against."""
    candidates = judge_builds(machine, torch)
    return tuple(c for c in candidates if c.verdict in (RUNS, UNDECIDED))


def _yes(machine: Machine, candidate: Candidate, name: str) -> PlanReport:
    if machine.has_no_gpu:
        summary = f"{name} installs here and runs on the CPU alone: there is no NVIDIA GPU"
    elif candidate.verdict == PTX_ONLY:
        if machine.driver is None:
            summary = f"{name} holds {'; '.join(candidate.reasons)}"
            return _report(machine, "build", "unknown", summary, (candidate,))
        summary = f"{name} runs here, slowly at first: {'; '.join(candidate.reasons)}"
    elif candidate.verdict == EXPERIMENTAL:
        summary = f"{name} runs here, as far as is known; it was released as experimental"
    else:
        summary = f"{name} runs here"
    return _report(machine, "build", "yes", summary, (candidate,))


def _no_such_build(machine: Machine, torch: Version, cuda: Version) -> PlanReport:
    released = matching(torch, architecture=machine.architecture)
    names = ", ".join(variant(build.cuda) for build in sorted(released, key=lambda b: b.cuda))
    nearest = sorted(released, key=lambda build: _distance(build, cuda))[:NEAREST]
    summary = f"torch {torch} has no build for CUDA {cuda}: its builds are for {names}"
    summary = f"{summary}; {_who_has(machine, cuda)}"
    return _report(machine, "build", "no", summary, [judge(build, machine) for build in nearest])


def _distance(build: Build, cuda: Version) -> int:
    return abs(100 * (build.cuda.major - cuda.major) + build.cuda.minor - cuda.minor)


def _who_has(machine: Machine, cuda: Version) -> str:
    """Which torch releases a CUDA release was built for."""
    builds = matching(cuda=cuda, architecture=machine.architecture)
    having = sorted({build.torch for build in builds})
    if not having:
        return f"no torch on record has one for CUDA {cuda}"
    if len(having) == 1:
        return f"the only torch with one for CUDA {cuda} is {having[0]}"
    return f"torch {having[0]} to {having[-1]} have one for CUDA {cuda}"


# -- which run ------------------------------------------------------------------------------------


def _every_build(machine: Machine, torch: Version | None, cuda: Version | None) -> PlanReport:
    candidates = judge_builds(machine, torch, cuda)
    of = _narrowed(torch, cuda)
    if not candidates:
        return _no_build_of(machine, torch, cuda)
    usable = [candidate for candidate in candidates if candidate.verdict in (RUNS, UNDECIDED)]
    if machine.has_no_gpu:
        summary = "no NVIDIA GPU and no driver here: the CPU build is enough"
        return _report(machine, "builds", "yes", summary, candidates)
    if not usable:
        return _none_runs(machine, candidates, of)
    if usable[0].verdict == UNDECIDED:
        summary = f"{len(usable)} of {len(candidates)} builds{of} may run: not everything is known"
    else:
        summary = f"{len(usable)} of {len(candidates)} builds on record{of} run here"
    return _report(machine, "builds", "yes", summary, candidates)


def _narrowed(torch: Version | None, cuda: Version | None) -> str:
    return (f" of torch {torch}" if torch else "") + (f" for CUDA {cuda}" if cuda else "")


def _no_build_of(machine: Machine, torch: Version | None, cuda: Version | None) -> PlanReport:
    """No torch was built for that CUDA: the newest builds for the nearest ones."""
    released = matching(torch, architecture=machine.architecture)
    names = ", ".join(variant(found) for found in sorted({build.cuda for build in released}))
    summary = f"there is no build{_narrowed(torch, cuda)}; on record are {names}"
    newest = {build.cuda: build for build in reversed(released)}
    near = sorted(newest.values(), key=lambda build: _distance(build, cuda or build.cuda))
    return _report(
        machine, "builds", "no", summary, [judge(build, machine) for build in near[:NEAREST]]
    )


def _is_newer_than_any(machine: Machine) -> bool:
    """True for a GPU that came after the table: what it runs is not to be ruled out."""
    known = max(Version.parse(row["capability"]) for row in tables.load("gpus")["gpu"])
    return any(capability > known for capability in machine.capabilities)


def _none_runs(machine: Machine, candidates: Sequence[Candidate], of: str) -> PlanReport:
    """No build has native code; those with PTX may run where the driver is known to compile it."""
    if _is_newer_than_any(machine) and any(c.verdict == PTX_ONLY for c in candidates):
        answer = "unknown" if machine.driver is None else "yes"
        summary = (
            f"no build on record{of} holds code made for these GPUs, which are newer than any on "
            "record; some hold PTX, which the driver compiles at first use"
        )
        return _report(machine, "builds", answer, summary, candidates)
    too_old = any(c.reasons and c.reasons[0].startswith("driver") for c in candidates)
    notes = ("a newer driver runs newer builds",) if too_old else ()
    summary = f"no build on record{of} runs here"
    return _report(machine, "builds", "no", summary, candidates, notes=notes)
