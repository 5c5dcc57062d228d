"""What ``doctor`` answers as one value, published as ``gpubench.doctor/1``."""

import dataclasses

import gpubench
from gpubench.checks.diagnosis import Cause, Finding, diagnose
from gpubench.checks.outcome import Status
from gpubench.checks.running import Result
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
    snapshot: Snapshot

    def count(self, status: Status) -> int:
        """How many checks ended so."""
        return sum(line.status == status.value for line in self.checks)


def make_report(snapshot: Snapshot, results: tuple[Result, ...]) -> DoctorReport:
    """The answer to ``doctor`` about ``snapshot``."""
    diagnosis = diagnose(snapshot, results)
    return DoctorReport(
        gpubench_version=gpubench.__version__,
        verdict=diagnosis.verdict,
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
        snapshot=snapshot,
    )


def exit_status(report: DoctorReport, *, fail_on: str, require_gpu: bool = False) -> ExitStatus:
    """1 for a finding at or above ``fail_on``, 4 where a required GPU could not be read, else 0."""
    severities = {"error": {"error"}, "warning": {"error", "warning"}, "never": set()}[fail_on]
    if any(finding.severity in severities for finding in report.findings):
        return ExitStatus.NO
    if require_gpu and fail_on != "never" and not _gpu_was_read(report):
        return ExitStatus.INCONCLUSIVE
    return ExitStatus.YES


def _gpu_was_read(report: DoctorReport) -> bool:
    """True where GPUs are described and opening them was seen to work."""
    statuses = {line.id: line.status for line in report.checks}
    good = {Status.PASS.value, Status.NOTE.value}
    return bool(report.snapshot.gpus) and statuses.get("gpu.handles", "pass") in good
