"""``gpubench plan``: arguments in, exit status out."""

import os
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gpubench.cli import terminal
from gpubench.errors import BadUsage

if TYPE_CHECKING:
    from gpubench.plan.machine import Machine
    from gpubench.plan.report import PlanReport
    from gpubench.versions import Version


def plan(
    source: Annotated[
        str | None,
        typer.Option("--from", metavar="FILE|-", help="Plan for the machine of a saved report."),
    ] = None,
    driver: Annotated[
        str | None, typer.Option(metavar="V", help="Plan for this driver: 535.104.05")
    ] = None,
    gpu: Annotated[
        str | None,
        typer.Option(metavar="NAME|CC,..", help='Plan for these GPUs: "A100,RTX 4090" or 9.0'),
    ] = None,
    torch: Annotated[
        str | None, typer.Option(metavar="V", help="Only this release of torch: 2.8")
    ] = None,
    cuda: Annotated[
        str | None, typer.Option(metavar="V", help="Only builds for this CUDA: 12.8 or cu128")
    ] = None,
    python_version: Annotated[
        str | None, typer.Option(metavar="V", help="Plan for this Python: 3.11")
    ] = None,
    file: Annotated[
        str | None,
        typer.Option(
            metavar="FILE|-", help="Judge a Dockerfile, requirements, environment.yml, lock file …"
        ),
    ] = None,
    format_name: Annotated[str, typer.Option("--format", help="text, json or markdown.")] = "text",
    output: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write the answer there.")
    ] = None,
) -> int:
    """Tell which torch builds run here and how to install them, or whether a file holds."""
    from gpubench.render.plan import renderer

    render = renderer(format_name)
    flags = {"driver": driver, "gpu": gpu, "python": python_version}
    if file is not None:
        report = _of_file(file, source, torch, cuda, flags)
    else:
        report = _of_builds(source, torch, cuda, flags)
    color = output is None and sys.stdout.isatty() and not os.environ.get("NO_COLOR")
    width = min(shutil.get_terminal_size((100, 24)).columns, 120)
    terminal.answer(render(report, color=color, width=width), output)
    return report.status


def _of_file(
    file: str,
    source: str | None,
    torch: str | None,
    cuda: str | None,
    flags: dict[str, str | None],
) -> "PlanReport":
    from gpubench.plan.judging import judge_file

    if torch is not None or cuda is not None:
        raise BadUsage("--file says itself which torch and CUDA; leave out --torch and --cuda")
    if file == "-" and source == "-":
        raise BadUsage("stdin can be --from or --file, not both")
    return judge_file(file, _machine(source, flags, is_live=False))


def _of_builds(
    source: str | None, torch: str | None, cuda: str | None, flags: dict[str, str | None]
) -> "PlanReport":
    from gpubench.plan.question import ask

    release, cuda_release = _version(torch, "--torch", "2.8"), _cuda(cuda)
    is_live = flags["driver"] is None or flags["gpu"] is None
    return ask(_machine(source, flags, is_live=is_live), release, cuda_release)


def _machine(source: str | None, flags: dict[str, str | None], *, is_live: bool) -> "Machine":
    """The machine by flags, laid over a saved report or, where there is a question, this one."""
    from gpubench.plan.machine import Machine, of_snapshot, with_flags

    named = with_flags(Machine(), **flags)  # what cannot be read is said before anything is probed
    if source is not None:
        from gpubench.env.saved import read_snapshot

        return with_flags(of_snapshot(read_snapshot(source)), **flags)
    if not is_live:
        return named
    from gpubench.env.probe import take_snapshot

    return with_flags(of_snapshot(take_snapshot(level="quick")), **flags)


def _version(text: str | None, option: str, example: str) -> "Version | None":
    from gpubench.plan.machine import parsed

    return None if text is None else parsed(text.partition("+")[0], option, example)


def _cuda(text: str | None) -> "Version | None":
    """12.8, cu128 or 128."""
    if text is not None:
        bare = text.strip().lower().removeprefix("cuda").removeprefix("cu")
        text = f"{bare[:2]}.{bare[2]}" if bare.isdigit() and len(bare) == 3 else bare
    return _version(text, "--cuda", "12.8")
