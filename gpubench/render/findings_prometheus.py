"""A doctor's report for the textfile collector of Prometheus's node_exporter.

Write it with ``--output DIR/gpubench.prom``: the file appears whole or not at all.
"""

from collections.abc import Iterable, Iterator

from gpubench.checks.outcome import Status
from gpubench.checks.report import DoctorReport
from gpubench.env.snapshot import digest
from gpubench.render.findings_text import VERDICTS
from gpubench.render.gauges import Sample, gauge, timestamp

PREFIX = "gpubench_doctor"


def render(
    report: DoctorReport,
    *,
    color: bool = False,  # noqa: ARG001 - the arguments of every renderer
    width: int = 100,  # noqa: ARG001
    seconds: float | None = None,
) -> str:
    """The report as gauges in the text format 0.0.4; no sample carries a time of its own."""
    return "".join(_lines(report, seconds))


def _lines(report: DoctorReport, seconds: float | None) -> Iterator[str]:
    yield from _gauge(
        "verdict",
        "1 for the verdict of the last run, 0 for the others.",
        (({"verdict": name}, name == report.verdict) for name in VERDICTS),
    )
    yield from _gauge(
        "finding",
        "1 for every finding of the last run.",
        (
            ({"check": f.check, "cause": f.cause or "", "severity": f.severity}, 1)
            for f in report.findings
        ),
    )
    yield from _gauge(
        "checks",
        "Checks of the last run by how they ended.",
        (({"status": status.value}, report.count(status)) for status in Status),
    )
    yield from _gauge("info", "1, with what was examined.", [(_about(report), 1)])
    if report.drift is not None:
        changed = len(report.drift.changes)
        yield from _gauge("changes", "What changed since the earlier snapshot.", [({}, changed)])
    if seconds is not None:
        yield from _gauge("duration_seconds", "How long the last run took.", [({}, seconds)])
    taken = timestamp(report.snapshot.taken_at)
    if taken is not None:
        yield from _gauge(
            "last_run_timestamp_seconds", "When the machine was looked at.", [({}, taken)]
        )


def _about(report: DoctorReport) -> dict[str, str]:
    snapshot = report.snapshot
    return {
        "version": report.gpubench_version,
        "level": snapshot.level,
        "torch": snapshot.torch.version if snapshot.torch else "",
        "driver": snapshot.driver.version or "",
        "environment": digest(snapshot)[:12],
    }


def _gauge(name: str, about: str, samples: Iterable[Sample]) -> Iterator[str]:
    return gauge(f"{PREFIX}_{name}", about, samples)
