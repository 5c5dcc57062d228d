"""What ``doctor`` answers as one value, published as ``gpubench.doctor/1``."""

import dataclasses

import gpubench
from gpubench.checks.diagnosis import Cause, Finding, diagnose
from gpubench.checks.drift import Drift, drift
from gpubench.checks.expected import is_expectation
from gpubench.checks.outcome import Status
from gpubench.checks.running import Result
from gpubench.checks.targets import Target, aim, is_whole
from gpubench.env.snapshot import Snapshot
from gpubench.errors import ExitStatus
from gpubench.units import Seconds

SCHEMA = "gpubench.doctor/1"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class CheckLine:
    """One check and how it ended."""

    id: str
    status: str
    reason: str
    seconds: Seconds


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class DoctorReport:
    """The verdict, its causes, what was found, every check, and the snapshot it speaks of."""

    schema: str = SCHEMA
    gpubench_version: str
    verdict: str
    diagnosis: tuple[Cause, ...]
    findings: tuple[Finding, ...]
    checks: tuple[CheckLine, ...]
    target: Target | None = None
    """The machine that is not here, for which it was judged (--target-gpu, --target-driver)."""
    drift: Drift | None = None
    """What changed since an earlier snapshot (--against)."""
    snapshot: Snapshot
    """This machine, whatever it was judged for."""

    def count(self, status: Status) -> int:
        """How many checks ended so."""
        return sum(line.status == status.value for line in self.checks)


def make_report(
    snapshot: Snapshot,
    results: tuple[Result, ...],
    *,
    target: Target | None = None,
    before: Snapshot | None = None,
) -> DoctorReport:
    """The answer to ``doctor`` about ``snapshot``, judged for ``target``, since ``before``."""
    diagnosis = diagnose(aim(snapshot, target) if target else snapshot, results)
    return DoctorReport(
        gpubench_version=gpubench.__version__,
        verdict=_as_far_as_known(diagnosis.verdict, results, target),
        diagnosis=diagnosis.causes,
        findings=diagnosis.findings,
        checks=tuple(
            CheckLine(
                id=result.check.id,
                status=result.status.value,
                reason=result.outcome.reason,
                seconds=result.seconds,
            )
            for result in results
        ),
        target=target,
        drift=drift(before, snapshot, diagnosis.findings) if before else None,
        snapshot=snapshot,
    )


def _as_far_as_known(verdict: str, results: tuple[Result, ...], target: Target | None) -> str:
    """The verdict; not healthy where an expectation was not read or half a target was named."""
    unread = any(is_expectation(r.check.id) and r.status in _UNREAD for r in results)
    open_half = target is not None and not is_whole(target)
    return "undetermined" if verdict == "healthy" and (unread or open_half) else verdict


_UNREAD = (Status.UNKNOWN, Status.CRASH)


def exit_status(report: DoctorReport, *, fail_on: str, require_gpu: bool = False) -> ExitStatus:
    """1 for a finding at or above ``fail_on``, 4 where what was asked for was not read, else 0.

    Asked for is a GPU by --require-gpu, and every line of a contract by --expect.
    """
    severities = {"error": {"error"}, "warning": {"error", "warning"}, "never": set()}[fail_on]
    if any(finding.severity in severities for finding in report.findings):
        return ExitStatus.NO
    if fail_on == "never":
        return ExitStatus.YES
    if (require_gpu and not _gpu_was_read(report)) or _expectation_is_open(report):
        return ExitStatus.INCONCLUSIVE
    return ExitStatus.YES


def _expectation_is_open(report: DoctorReport) -> bool:
    unread = {status.value for status in _UNREAD}
    return any(is_expectation(line.id) and line.status in unread for line in report.checks)


def _gpu_was_read(report: DoctorReport) -> bool:
    """True where GPUs are described and opening them was seen to work."""
    statuses = {line.id: line.status for line in report.checks}
    good = {Status.PASS.value, Status.NOTE.value}
    return bool(report.snapshot.gpus) and statuses.get("gpu.handles", "pass") in good
