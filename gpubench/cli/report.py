"""``gpubench report``: render a record again."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gpubench.cli import terminal
from gpubench.errors import BadUsage, ExitStatus

if TYPE_CHECKING:
    from gpubench.bench.record import RunRecord


def report(
    records: Annotated[
        list[Path], typer.Argument(metavar="RECORD...", help="Run folders or record files.")
    ],
    format: Annotated[  # noqa: A002
        str, typer.Option(help="text, markdown, csv or json.")
    ] = "text",
    output: Annotated[Path | None, typer.Option(help="Write here instead of stdout.")] = None,
    plot: Annotated[
        str | None, typer.Option(help="Draw this in characters instead of tables: parity or sweep.")
    ] = None,
    plots: Annotated[
        Path | None, typer.Option(help="Write every plot into this folder, as SVG and PNG.")
    ] = None,
) -> int:
    """Render records of earlier runs as tables and plots."""
    from gpubench.bench.record import read_record
    from gpubench.gate.pages import pages
    from gpubench.render import plots as drawn
    from gpubench.render.registry import renderer

    render = renderer(format)
    trainings, records = _apart(records)
    if trainings:
        from gpubench.cli.training_pages import several

        if records or plot is not None or plots is not None:
            raise BadUsage("a training is reported by itself, without --plot and --plots")
        terminal.answer(several(trainings, format), output)
        return ExitStatus.YES
    if plot is not None:
        drawn.plot_named(plot)
        if format != "text":
            raise BadUsage(f"--plot draws in characters; leave --format {format} out")
    read = [read_record(place) for place in records]
    if plots is not None:
        written = drawn.write(read, plots)
        terminal.note(
            f"wrote {len(written)} files to {plots}" if written else "there is nothing to plot"
        )
    if plot is not None:
        terminal.answer(drawn.text(plot, read), output)
        return ExitStatus.YES
    terminal.answer(render([table for record in read for table in pages(record)]), output)
    return ExitStatus.YES


def _apart(places: list[Path]) -> tuple[list[Path], list[Path]]:
    """Records of trainings, and all others."""
    from gpubench.bench.learning.record import is_training

    trainings = [place for place in places if is_training(place)]
    return trainings, [place for place in places if place not in trainings]


def print_tables(record: "RunRecord", folder: Path, format: str) -> int:  # noqa: A002
    """Write a run's tables beside its record in every format, print one, judge the run."""
    from gpubench import codec
    from gpubench.gate.pages import pages
    from gpubench.gate.summary import is_sound
    from gpubench.render.registry import FORMATS, renderer

    tables = pages(record)
    terminal.answer(renderer(format)(tables))  # first: a full disk must not hide it
    for entry in FORMATS:
        codec.write_text(folder / f"table.{entry.ending}", renderer(entry.name)(tables))
    return ExitStatus.YES if is_sound(record) else ExitStatus.INVALID
