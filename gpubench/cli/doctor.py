"""``gpubench doctor``: arguments in, exit status out."""

import os
import shutil
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gpubench import codec
from gpubench.cli import terminal
from gpubench.errors import BadUsage, ExitStatus, UnknownName

if TYPE_CHECKING:
    from gpubench.checks.report import DoctorReport
    from gpubench.cli.question import Question
    from gpubench.env.snapshot import Snapshot

LEVELS = ("quick", "standard", "deep")
FAIL_ON = ("error", "warning", "never")
FORMATS = "text, json, markdown, junit, sarif, prometheus or github (annotations)."


def doctor(
    level: Annotated[
        str,
        typer.Option(help="quick: files only. standard: torch is run too. deep: minutes of load."),
    ] = "standard",
    python: Annotated[
        str | None,
        typer.Option(metavar="EXE", help="Examine this interpreter, not gpubench's own."),
    ] = None,
    source: Annotated[
        str | None,
        typer.Option(
            "--from", metavar="FILE|-", help="Judge a pasted report, or a saved snapshot."
        ),
    ] = None,
    format_name: Annotated[str, typer.Option("--format", help=FORMATS)] = "text",
    output: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write the answer there.")
    ] = None,
    only: Annotated[
        str, typer.Option(metavar="ID,..", help="These checks alone: cuda.floor,drv")
    ] = "",
    left_out: Annotated[
        str, typer.Option("--skip", metavar="ID,..", help="All but these checks.")
    ] = "",
    fail_on: Annotated[
        str, typer.Option(help="Exit 1 from here on: error, warning or never.")
    ] = "error",
    timeout: Annotated[
        float, typer.Option(metavar="S", help="Seconds each child process may take.")
    ] = 60.0,
    save_snapshot: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Keep the snapshot.")
    ] = None,
    against: Annotated[
        str | None,
        typer.Option(metavar="SNAPSHOT", help="Say what changed since that was taken."),
    ] = None,
    expect: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Hold it against a contract, as TOML.")
    ] = None,
    target_gpu: Annotated[
        str | None,
        typer.Option(metavar="NAME,..", help="Judge for these GPUs, which are not here."),
    ] = None,
    target_driver: Annotated[
        str | None, typer.Option(metavar="V", help="Judge for this driver, which is not here.")
    ] = None,
    require_gpu: Annotated[
        bool, typer.Option("--require-gpu", help="A missing GPU is an error.")
    ] = False,
    identify: Annotated[
        bool, typer.Option("--identify", help="Show host name, UUIDs, serials.")
    ] = False,
    explain: Annotated[
        str | None, typer.Option(metavar="ID", help="Say what a check is for.")
    ] = None,
    list_checks: Annotated[bool, typer.Option("--list", help="List every check.")] = False,
) -> int:
    """Tell whether this stack runs here and, if not, why and what to type."""
    if list_checks:
        return _list(output)
    if explain is not None:
        return _explain(explain, output)
    started = time.monotonic()
    _check_usage(level, fail_on, timeout, source, python)
    if source == against == "-":
        raise BadUsage("--from - and --against - both read stdin; give a file for one of them")
    question = _question(
        format_name,
        only=only,
        left_out=left_out,
        require_gpu=require_gpu,
        expect=expect,
        against=against,
        target_gpu=target_gpu,
        target_driver=target_driver,
    )
    snapshot = _snapshot(source, level, python, timeout, identify=identify)
    if save_snapshot is not None:
        terminal.answer(codec.to_json(snapshot, indent=2), save_snapshot)
    report = question.put(snapshot)
    _answer(report, format_name, output, time.monotonic() - started)
    from gpubench.checks.report import exit_status

    return exit_status(report, fail_on=fail_on, require_gpu=require_gpu)


def _check_usage(
    level: str, fail_on: str, timeout: float, source: str | None, python: str | None
) -> None:
    if level not in LEVELS:
        raise UnknownName("level", level, LEVELS)
    if fail_on not in FAIL_ON:
        raise UnknownName("severity for --fail-on", fail_on, FAIL_ON)
    if not 0 < timeout < 86400:
        raise BadUsage(f"--timeout {timeout:g}: give seconds between 0 and a day")
    if source is not None and python is not None:
        raise BadUsage("--from judges a file and --python an interpreter; give one of them")


def _question(format_name: str, **options: Any) -> "Question":
    """The question, read before anything is probed; a GpubenchError where it is none."""
    from gpubench.cli.question import read_question
    from gpubench.render.findings import renderer

    renderer(format_name)
    return read_question(**options)


def _snapshot(
    source: str | None, level: str, python: str | None, timeout: float, *, identify: bool
) -> "Snapshot":
    if source is not None:
        from gpubench.env.saved import read_snapshot

        return read_snapshot(source)
    from gpubench.env.probe import take_snapshot

    with terminal.interruptible(), terminal.status(f"{level}: reading the machine") as tell:
        return take_snapshot(
            level=level, python=python, timeout=timeout, identify=identify, tell=tell
        )


def _answer(report: "DoctorReport", name: str, output: Path | None, seconds: float) -> None:
    from gpubench.render.findings import renderer

    color = output is None and sys.stdout.isatty() and not os.environ.get("NO_COLOR")
    width = shutil.get_terminal_size((100, 24)).columns
    text = renderer(name)(report, color=color, width=width, seconds=seconds)
    terminal.answer(text, output)


def _list(output: Path | None) -> int:
    from gpubench.checks.registry import CHECKS

    terminal.answer("\n".join(f"{check.id:<22} {check.title}" for check in CHECKS), output)
    return ExitStatus.YES


def _explain(name: str, output: Path | None) -> int:
    """One check, or every check of a subject: what, why, remedy, cause, reference."""
    from gpubench.checks.expectation import described
    from gpubench.checks.explain import explanation
    from gpubench.checks.registry import CHECKS
    from gpubench.checks.running import select

    checks = (*CHECKS, *described())
    ids = select(checks, [name])
    terminal.answer("\n".join(explanation(check) for check in checks if check.id in ids), output)
    return ExitStatus.YES
