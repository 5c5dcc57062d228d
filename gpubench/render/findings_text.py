"""A doctor's report for people: the machine, one line per category, what to do first."""

import io
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from gpubench import units
from gpubench.checks.outcome import Status
from gpubench.checks.registry import CATEGORIES
from gpubench.checks.report import CheckLine, DoctorReport
from gpubench.env.snapshot import digest
from gpubench.render.machine import changes, judged_for, machine, one_line, paste

if TYPE_CHECKING:
    from rich.text import Text

MARKS = {
    Status.FAIL: ("✗", "bold red"),
    Status.CRASH: ("✗", "bold magenta"),
    Status.WARN: ("!", "yellow"),
    Status.UNKNOWN: ("?", "magenta"),
    Status.NOTE: ("i", "cyan"),
    Status.PASS: ("✓", "green"),
    Status.SKIP: ("–", "dim"),
}
"""From the gravest on: a category wears the mark of its gravest check."""
COUNTED = (
    (Status.PASS, "passed", "passed"),
    (Status.NOTE, "note", "notes"),
    (Status.WARN, "warning", "warnings"),
    (Status.FAIL, "failed", "failed"),
    (Status.SKIP, "skipped", "skipped"),
    (Status.UNKNOWN, "unknown", "unknown"),
    (Status.CRASH, "crashed", "crashed"),
)
SHOWN = (Status.FAIL, Status.CRASH, Status.WARN, Status.UNKNOWN, Status.NOTE)
WIDEST = 32
"""Columns of an id; what is longer moves its own reason alone."""
NAMED = 3
"""Checks that are named where several ended for one reason."""
VERDICTS = {
    "healthy": "green",
    "no-gpu": "green",
    "degraded": "yellow",
    "undetermined": "magenta",
    "broken": "bold red",
}


def render(
    report: DoctorReport, *, color: bool = False, width: int = 100, seconds: float | None = None
) -> str:
    """The report as text of ``width`` columns."""
    from rich.console import Console

    stream = io.StringIO()
    console = Console(
        file=stream,
        width=width,
        force_terminal=color,
        color_system="standard" if color else None,
        highlight=False,
        markup=False,
        emoji=False,
    )
    for line in _lines(report, seconds):
        console.print(line, soft_wrap=True)
    return stream.getvalue()


def _lines(report: DoctorReport, seconds: float | None) -> Iterator["Text"]:
    took = f" · {units.seconds(seconds)}" if seconds is not None else ""
    source = report.snapshot.source
    level = report.snapshot.level if source == "live" else one_line(source)
    yield _text(("gpubench doctor", "bold"), (f" · {level}{took}", "dim"))
    yield _text()
    for name, words in (*paste(report), *machine(report.snapshot), *judged_for(report)):
        yield _text((f"  {name:<10}", "dim"), (words, ""))
    yield _text()
    for name, subjects in CATEGORIES:
        mine = [line for line in report.checks if line.id.partition(".")[0] in subjects]
        if name != "Report" or report.snapshot.paste is not None:
            yield from _category(name, mine)
    yield from _changed(report)
    yield from _first_steps(report)
    yield _text()
    yield _summary(report)


def _text(*parts: tuple[str, str]) -> "Text":
    from rich.text import Text

    return Text.assemble(*parts)


# -- the checks -----------------------------------------------------------------------------------


def _category(name: str, lines: Sequence[CheckLine]) -> Iterator["Text"]:
    """One line; more only for what went wrong or is worth knowing."""
    if not lines:
        return
    gravest = next(status for status in MARKS if _having(lines, status))
    yield _text(_mark(gravest), (f" {name:<11} ", "bold"), (_counts(lines), "dim"))
    shown = [
        (status, ids, reason)
        for status in SHOWN
        for ids, reason in _by_reason(_having(lines, status))
    ]
    wide = max((len(ids) for _, ids, _ in shown if len(ids) <= WIDEST), default=0)
    for status, ids, reason in shown:
        yield _text(("    ", ""), _mark(status), (f" {ids:<{max(20, wide)}} ", ""), (reason, ""))


def _by_reason(lines: Sequence[CheckLine]) -> Iterator[tuple[str, str]]:
    """Checks that ended for one reason on one line: the first few by id, then their number."""
    alike: dict[str, list[str]] = {}
    for line in lines:
        alike.setdefault(one_line(line.reason), []).append(line.id)
    for reason, ids in alike.items():
        more = f" and {len(ids) - NAMED} more" if len(ids) > NAMED + 1 else ""
        yield ", ".join(ids[:NAMED] if more else ids) + more, reason


def _having(lines: Sequence[CheckLine], status: Status) -> list[CheckLine]:
    return [line for line in lines if line.status == status.value]


def _mark(status: Status) -> tuple[str, str]:
    return MARKS[status]


def _counts(lines: Sequence[CheckLine]) -> str:
    """How many ended how; where all were skipped for one reason, the reason."""
    reasons = {line.reason for line in lines}
    if all(line.status == Status.SKIP.value for line in lines) and len(reasons) == 1:
        return f"{len(lines)} skipped: {one_line(reasons.pop())}"
    counted = ((len(_having(lines, status)), one, many) for status, one, many in COUNTED)
    return ", ".join(
        f"{number} {one if number == 1 else many}" for number, one, many in counted if number
    )


def _changed(report: DoctorReport) -> Iterator["Text"]:
    """What is not what it was in the earlier snapshot; what a finding speaks of stands first."""
    if report.drift is None:
        return
    title, *lines = changes(report.drift)
    yield _text()
    yield _text((title, "bold"))
    for line in lines:
        yield _text((f"  {line}", ""))


def _first_steps(report: DoctorReport) -> Iterator["Text"]:
    """Every cause in the order to fix them, with what to type; then advice that is no fault."""
    if report.diagnosis:
        yield _text()
        yield _text(("What to do first", "bold"))
    for number, cause in enumerate(report.diagnosis, start=1):
        yield _text((f"  {number}. ", ""), (cause.cause, "bold"), (f" ({cause.confidence})", "dim"))
        mine = [finding for finding in report.findings if finding.check in cause.because]
        yield from _remedy(list(dict.fromkeys(step for f in mine for step in f.remedy)))
    advice = [f for f in report.findings if f.remedy and not _is_diagnosed(report, f.check)]
    if advice:
        yield _text()
        yield _text(("Also", "bold"))
    for finding in advice:
        yield _text((f"  {finding.check}: {one_line(finding.summary)}", ""))
        yield from _remedy(finding.remedy)


def _is_diagnosed(report: DoctorReport, check: str) -> bool:
    return any(check in cause.because for cause in report.diagnosis)


def _remedy(remedy: Sequence[str]) -> Iterator["Text"]:
    for step in remedy:
        yield _text(("     → ", "dim"), (one_line(step), "cyan"))


def _summary(report: DoctorReport) -> "Text":
    """The verdict, a count of every status, and which environment it was."""
    counts = ", ".join(
        f"{report.count(s)} {one if report.count(s) == 1 else many}" for s, one, many in COUNTED
    )
    return _text(
        (report.verdict, VERDICTS.get(report.verdict, "")),
        (f": {units.count(len(report.checks), 'check')}: {counts}", ""),
        (f" · environment {digest(report.snapshot)[:12]}", "dim"),
    )
