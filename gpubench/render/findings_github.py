"""A doctor's report as annotations of a GitHub job: its verdict, then a mark per finding."""

from collections.abc import Iterator

from gpubench.checks.diagnosis import Finding
from gpubench.checks.expected import is_expectation
from gpubench.checks.outcome import Status
from gpubench.checks.report import CheckLine, DoctorReport
from gpubench.render.annotations import Annotation, Level, written

VERDICTS: dict[str, Level] = {"healthy": "notice", "no-gpu": "notice", "broken": "error"}
"""How a verdict is marked; any other is a warning."""

SEVERITIES: dict[str, Level] = {"error": "error", "warning": "warning", "note": "notice"}


def render(
    report: DoctorReport,
    *,
    color: bool = False,  # noqa: ARG001 - the arguments of every renderer
    width: int = 100,  # noqa: ARG001
    seconds: float | None = None,  # noqa: ARG001
) -> str:
    """One line per annotation; what a contract asked for and could not be read is an error."""
    return written(_annotations(report))


def _annotations(report: DoctorReport) -> Iterator[Annotation]:
    yield Annotation(
        level=VERDICTS.get(report.verdict, "warning"),
        title="gpubench doctor",
        lines=(f"{report.verdict}: {_causes(report)}",),
    )
    yield from map(_finding, report.findings)
    for line in report.checks:
        if line.status in (Status.UNKNOWN.value, Status.CRASH.value) and is_expectation(line.id):
            yield _unread(line)


def _causes(report: DoctorReport) -> str:
    """What is to be fixed, in the order to fix it."""
    causes = ", ".join(f"{cause.cause} ({cause.confidence})" for cause in report.diagnosis)
    return causes or "no cause was found"


def _finding(finding: Finding) -> Annotation:
    return Annotation(
        level=SEVERITIES.get(finding.severity, "warning"),
        title=f"gpubench doctor {finding.check}",
        lines=(finding.summary, *(f"→ {step}" for step in finding.remedy)),
    )


def _unread(line: CheckLine) -> Annotation:
    return Annotation(
        level="error",
        title=f"gpubench doctor {line.id}",
        lines=(f"{line.status}: {line.reason}",),
    )
