"""A doctor's report as GitHub-flavoured Markdown, for a job summary or an issue.

What comes from the machine is written so that it stays text: no HTML, no markup, no mention of a
user and no link gets through, whatever a GPU or a path is called.
"""

import json
import re
from collections.abc import Iterable, Iterator, Sequence

from gpubench import codec
from gpubench.checks.diagnosis import Finding
from gpubench.checks.outcome import Status
from gpubench.checks.report import DoctorReport
from gpubench.env.snapshot import digest
from gpubench.render.machine import changes, judged_for, machine, one_line, paste

_MARKUP = re.compile(
    r"[^\w\s.,;:'()/=%+–→·×✓°-]"
    r"|:(?=//)|(?<=\bwww)\."  # what becomes a link by itself
    r"|(?<![^\W_])_|_(?![^\W_])",  # inside a word an underscore is one
    re.IGNORECASE,
)
_LIST = re.compile(r"^(?:[-+]|\d(?=\d*[.)]))")
"""What would begin a list, were it the first of a line."""
_WORD_BREAK = "\N{ZERO WIDTH SPACE}"
"""Keeps ``@name`` and ``#12`` from becoming a user and an issue; it is seen by nobody."""
MARKS = {"error": "❌", "warning": "⚠️", "note": "ℹ️"}


def render(
    report: DoctorReport,
    *,
    color: bool = False,  # noqa: ARG001 - the arguments of every renderer
    width: int = 100,  # noqa: ARG001
    seconds: float | None = None,  # noqa: ARG001
) -> str:
    """The report: verdict, machine, what to do first, findings; the rest folded away."""
    blocks = [
        f"### gpubench doctor: {text(report.verdict)}",
        _machine(report),
        *_first_steps(report),
        *_findings(report),
        *_changed(report),
        *_folded(report),
    ]
    return "\n\n".join(block for block in blocks if block) + "\n"


def text(words: str) -> str:
    """``words`` as plain text on one line: every mark that could be markup is spelt as a number."""
    return _MARKUP.sub(_spelt, one_line(words))


def _item(words: str) -> str:
    """``text`` as the item of a list; it begins no list of its own."""
    return "- " + _LIST.sub(_spelt, text(words))


def _spelt(found: re.Match[str]) -> str:
    mark = found[0]
    return mark if ord(mark) > 127 else f"&#{ord(mark)};" + (_WORD_BREAK if mark in "@#" else "")


def code(words: str) -> str:
    """``words`` as code inside a line; the fence is longer than any run of backticks in it."""
    plain = one_line(words)
    fence = "`" * (_longest_run(plain) + 1)
    padded = f" {plain} " if "`" in plain else plain or " "
    return f"{fence}{padded}{fence}"


def _block(lines: Iterable[str], indent: str = "") -> str:
    """Lines as a block of code."""
    plain = [one_line(line) for line in lines]
    fence = "`" * max(3, *(_longest_run(line) + 1 for line in plain))
    return "\n".join(f"{indent}{line}" for line in (fence, *plain, fence))


def _longest_run(plain: str) -> int:
    return max(map(len, re.findall("`+", plain)), default=0)


def _row(*cells: str) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    return "\n".join([_row(*heads), _row(*("---" for _ in heads)), *(_row(*row) for row in rows)])


def _machine(report: DoctorReport) -> str:
    lines = (*paste(report), *machine(report.snapshot), *judged_for(report))
    return "\n".join(
        f"- **{name}**: {text(words)}" if name else _item(words) for name, words in lines
    )


def _first_steps(report: DoctorReport) -> Iterator[str]:
    if not report.diagnosis:
        return
    yield "#### What to do first"
    for number, cause in enumerate(report.diagnosis, start=1):
        mine = [finding for finding in report.findings if finding.check in cause.because]
        said = f"{number}. **{text(cause.cause)}** ({cause.confidence}): "
        yield said + "; ".join(text(finding.summary) for finding in mine)
        steps = list(dict.fromkeys(step for finding in mine for step in finding.remedy))
        if steps:
            yield _block(steps, indent=" " * (len(str(number)) + 2))


def _findings(report: DoctorReport) -> Iterator[str]:
    if report.findings:
        yield "#### Findings"
        yield _table(("", "check", "cause", "found"), map(_finding, report.findings))


def _finding(finding: Finding) -> tuple[str, ...]:
    mark = f"{MARKS[finding.severity]} {finding.severity}"
    return mark, code(finding.check), text(finding.cause or ""), text(finding.summary)


def _changed(report: DoctorReport) -> Iterator[str]:
    if report.drift is not None:
        title, *lines = changes(report.drift)
        yield f"#### {text(title)}"
        yield "\n".join(map(_item, lines))


def _folded(report: DoctorReport) -> Iterator[str]:
    """What is only looked at when in doubt: advice, evidence, and every check."""
    for finding in report.findings:
        details = [*(f"→ {step}" for step in finding.remedy), *_evidence(finding)]
        if details:
            yield _details(f"{text(finding.check)}: remedy and evidence", _block(details))
    counted = ((report.count(status), status.value) for status in Status)
    counts = ", ".join(f"{number} {status}" for number, status in counted if number)
    rows = [(line.status, code(line.id), text(line.reason)) for line in report.checks]
    yield _details(
        f"{len(report.checks)} checks: {counts}", _table(("status", "check", "reason"), rows)
    )
    version = text(report.gpubench_version)
    yield f"gpubench {version}, environment {code(digest(report.snapshot)[:12])}"


def _evidence(finding: Finding) -> Iterator[str]:
    if finding.evidence:
        yield json.dumps(codec.to_plain(finding.evidence), ensure_ascii=False, default=str)


def _details(summary: str, content: str) -> str:
    return f"<details><summary>{summary}</summary>\n\n{content}\n\n</details>"
