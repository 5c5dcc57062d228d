"""A plan for people: the machine, the best choice, what runs with its line, what does not."""

import io
import textwrap
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from gpubench.env.redact import clean
from gpubench.knowledge.tables import newest_cuda
from gpubench.plan.builds import EXPERIMENTAL, RUNS, UNDECIDED, Candidate
from gpubench.plan.machine import Machine, Target
from gpubench.plan.report import PlanReport, Problem

if TYPE_CHECKING:
    from rich.text import Text

MARKS = {"error": ("✗", "bold red"), "warning": ("!", "yellow"), "note": ("i", "cyan")}
ANSWERS = {"yes": "green", "no": "bold red", "unknown": "magenta", "not-asked": "magenta"}
WORDS = {"yes": "yes", "no": "no", "unknown": "not decided", "not-asked": "not asked"}
FLAGS = {"driver": "--driver", "gpu": "--gpu", "python": "--python-version"}

SHOWN = 24
"""Builds on a page; older ones are counted (own choice)."""

Line = list[tuple[str, str]]


def render(report: PlanReport, *, color: bool = False, width: int = 100) -> str:
    """The report as text; ``width`` is where sentences wrap, commands are never broken."""
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
    for line in _lines(report, max(40, width)):
        console.print(_text(line), soft_wrap=True)
    return stream.getvalue()


def _text(parts: Line) -> "Text":
    from rich.text import Text

    return Text.assemble(*[(clean(words), style) for words, style in parts])


def _lines(report: PlanReport, width: int) -> Iterator[Line]:
    yield [("gpubench plan", "bold"), (f" · {report.file}" if report.file else "", "dim")]
    yield []
    if report.question != "file" or report.machine.named or report.machine.origin != "flags":
        yield from (
            [(f"  {name:<8}", "dim"), (words, "")] for name, words in _machine(report.machine)
        )
        yield []
    if report.question == "file":
        yield from _problems(report, width)
    else:
        yield from _builds(report, width)
    for note in report.notes:
        yield from _wrapped(note, width, first="  i ", rest="    ", style="cyan")
    if report.notes:
        yield []
    yield from _answer(report, width)


def _answer(report: PlanReport, width: int) -> Iterator[Line]:
    word = WORDS[report.answer]
    wrapped = textwrap.wrap(f"{word}: {clean(report.summary)}", width) or [word]
    yield [(word, ANSWERS[report.answer]), (wrapped[0][len(word) :], "")]
    yield from ([(line, "")] for line in wrapped[1:])


def _wrapped(words: str, width: int, *, first: str, rest: str, style: str = "") -> Iterator[Line]:
    """A sentence with a coloured mark before it, indented where it goes on."""
    lines = textwrap.wrap(
        clean(words), max(20, width - len(rest)), break_long_words=False, break_on_hyphens=False
    )
    for number, line in enumerate(lines):
        yield [(first if number == 0 else rest, style), (line, "")]


# -- the machine ----------------------------------------------------------------------------------


def _machine(machine: Machine) -> Iterator[tuple[str, str]]:
    """Driver, GPUs and Python, each with where it is from."""
    yield "Driver", _driver(machine) + _from(machine, "driver", machine.driver)
    yield "GPUs", _gpus(machine) + _from(machine, "gpu", machine.gpus)
    yield "Python", (machine.python or "not known") + _from(machine, "python", machine.python)


def _from(machine: Machine, name: str, value: object) -> str:
    if name in machine.named:
        return f" ({FLAGS[name]})"
    if not value or machine.origin == "flags":
        return ""
    return " (this machine)" if machine.origin == "live" else f" ({machine.origin})"


def _driver(machine: Machine) -> str:
    version = machine.driver_version
    if version is None:
        return "none" if machine.has_no_gpu else "not known"
    newest = newest_cuda(version)
    return f"{version}, CUDA up to {newest}" if newest else str(version)


def _gpus(machine: Machine) -> str:
    if not machine.gpus:
        return "none" if machine.has_no_gpu else "not known"
    return "; ".join(_gpu(gpu) for gpu in machine.gpus)


def _gpu(gpu: Target) -> str:
    if gpu.capability is None:
        return f"{gpu.name}, capability not on record"
    return gpu.name if gpu.capability in gpu.name else f"{gpu.name}, {gpu.capability}"


# -- builds ---------------------------------------------------------------------------------------


def _builds(report: PlanReport, width: int) -> Iterator[Line]:
    if report.cpu_install:
        yield [("For the CPU", "bold")]
        yield [("  → ", "dim"), (report.cpu_install, "cyan")]
        yield []
    if report.best is not None and (not report.cpu_install or report.question == "build"):
        yield from _best(report, report.best, width)
    usable = [build for build in report.builds if build.verdict in (RUNS, UNDECIDED)]
    if len(usable) > 1 or (usable and usable[0] is not report.best):
        yield from _table(usable, report)
    others = [build for build in report.builds if build not in usable]
    yield from _ruled_out([] if report.machine.has_no_gpu else others, width)


def _best(report: PlanReport, best: Candidate, width: int) -> Iterator[Line]:
    title = "Best choice"
    if report.question == "build":
        title = {"yes": "The build", "no": "Instead"}.get(report.answer, "The build")
    yield [(f"{title}: torch {best.torch} for CUDA {best.cuda}", "bold")]
    yield [("  → ", "dim"), (best.install, "cyan")]
    for reason in (*best.reasons, *best.notes):
        yield from _wrapped(reason, width, first="  i ", rest="    ", style="cyan")
    yield []


def _table(builds: Sequence[Candidate], report: PlanReport) -> Iterator[Line]:
    """Every build that may be used, newest first, with the line that installs it."""
    heading = "Builds that run"
    if report.machine.has_no_gpu:
        heading = "Newest builds with CUDA, for machines with a GPU"
        builds = builds[:6]
    elif report.answer == "no":
        heading = "Builds that there are"
    elif any(build.verdict == UNDECIDED for build in builds):
        heading = "Builds that nothing known speaks against"
    yield [(heading, "bold")]
    yield [(f"  {'torch':<8}{'CUDA':<6}{'Python':<14}install with", "dim")]
    for build in builds[:SHOWN]:
        yield [
            (f"  {build.torch:<8}{build.cuda:<6}{build.python:<14}", ""),
            (build.install, "cyan"),
        ]
    if len(builds) > SHOWN:
        more = f"  … and {len(builds) - SHOWN} older: --torch names one, --format json lists all"
        yield [(more, "dim")]
    yield []


def _ruled_out(builds: Sequence[Candidate], width: int) -> Iterator[Line]:
    """The others, those of one reason together."""
    grouped: dict[tuple[str, ...], list[Candidate]] = {}
    for build in builds:
        grouped.setdefault(build.reasons, []).append(build)
    if grouped:
        yield [("Ruled out", "bold")]
    for reasons, those in grouped.items():
        mark = "–" if those[0].verdict == EXPERIMENTAL else "✗"
        yield from _wrapped("; ".join(reasons), width, first=f"  {mark} ", rest="    ", style="red")
        names = ", ".join(_by_release(those))
        yield from _wrapped(names, width, first="      ", rest="      ")
    if grouped:
        yield []


def _by_release(builds: Sequence[Candidate]) -> Iterator[str]:
    """2.14.0 cu130 cu132: the variants of one release together."""
    releases: dict[str, list[str]] = {}
    for build in builds:
        releases.setdefault(build.torch, []).append(build.variant)
    for torch, variants in releases.items():
        yield " ".join([torch, *sorted(variants)])


# -- files ----------------------------------------------------------------------------------------


def _problems(report: PlanReport, width: int) -> Iterator[Line]:
    for problem in report.problems:
        yield from _problem(problem, width)
        yield []


def _problem(problem: Problem, width: int) -> Iterator[Line]:
    mark, style = MARKS[problem.severity]
    yield [
        (f"{mark} ", style),
        (f"{problem.file}:{problem.line}", "bold"),
        (f"  {problem.severity} · {problem.rule}", "dim"),
    ]
    yield from _wrapped(problem.summary, width, first="    ", rest="    ")
    yield [("    found     ", "dim"), (problem.found, "")]
    yield [("    expected  ", "dim"), (problem.expected, "")]
    if problem.correction is not None:
        other = problem.correction.line != problem.line or problem.correction.file != problem.file
        where = f"line {problem.correction.line}: " if other else ""
        yield [("    write     ", "dim"), (where, ""), (problem.correction.text.strip(), "cyan")]
    for step in problem.remedy:
        yield [("    →         ", "dim"), (step, "cyan")]
