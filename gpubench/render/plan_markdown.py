"""A plan as GitHub-flavoured Markdown, for a comment under a change."""

from collections.abc import Iterator

from gpubench.env.redact import clean
from gpubench.plan.report import PlanReport, Problem
from gpubench.render.markdown import escaped

ANSWERS = {"yes": "yes", "no": "no", "unknown": "not decided", "not-asked": "not asked"}


def render(report: PlanReport, *, color: bool = False, width: int = 100) -> str:  # noqa: ARG001
    """The answer, then a table of builds or of problems, then what to write instead."""
    return "\n".join(_lines(report)) + "\n"


def _lines(report: PlanReport) -> Iterator[str]:
    title = f"gpubench plan · {report.file}" if report.file else "gpubench plan"
    yield f"### {_cell(title)}"
    yield ""
    yield f"**{ANSWERS[report.answer]}**: {_cell(report.summary)}"
    yield ""
    if report.builds:
        yield from _builds(report)
    if report.problems:
        yield from _problems(report)
    yield from (f"- {_cell(note)}" for note in report.notes)


def _builds(report: PlanReport) -> Iterator[str]:
    yield "| torch | CUDA | Python | verdict | install with, or why not |"
    yield "|---|---|---|---|---|"
    for build in report.builds:
        usable = build.verdict in ("runs", "undecided")
        last = _code(build.install) if usable else _cell("; ".join(build.reasons))
        cells = (build.torch, build.cuda, build.python, build.verdict)
        yield f"| {' | '.join(_cell(cell) for cell in cells)} | {last} |"
    yield ""
    if report.cpu_install:
        yield f"For the CPU: {_code(report.cpu_install)}"
        yield ""


def _problems(report: PlanReport) -> Iterator[str]:
    yield "| line | | what is wrong | write instead |"
    yield "|---|---|---|---|"
    for problem in report.problems:
        where = _cell(f"{problem.file}:{problem.line}")
        yield f"| {where} | {problem.severity} | {_cell(problem.summary)} | {_instead(problem)} |"
    yield ""


def _instead(problem: Problem) -> str:
    parts = [_code(problem.correction.text.strip())] if problem.correction else []
    return "<br>".join([*parts, *(_cell(step) for step in problem.remedy)])


def _cell(text: str) -> str:
    return escaped(clean(text))


def _code(text: str) -> str:
    """Words in a fixed font, which a table ends only at a bar."""
    return "`" + clean(text).replace("`", "'").replace("|", "\\|") + "`"
