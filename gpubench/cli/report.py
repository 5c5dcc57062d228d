"""``gpubench report``: render a record again."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gpubench.cli import terminal
from gpubench.errors import BadUsage, ExitStatus

if TYPE_CHECKING:
    from gpubench.bench.record import RunRecord
    from gpubench.gate.table import Table


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
    claims: Annotated[
        bool, typer.Option("--claims", help="Hold the records against the documents' claims.")
    ] = False,
) -> int:
    """Render records of earlier runs as tables and plots."""
    from gpubench.cli.claims import holds_claims, records_of
    from gpubench.gate.claims.table import claims_table
    from gpubench.gate.pages import pages
    from gpubench.render import plots as drawn
    from gpubench.render.registry import renderer

    render = renderer(format)
    if plot is not None:
        drawn.plot_named(plot)
        if format != "text":
            raise BadUsage(f"--plot draws in characters; leave --format {format} out")
    read = records_of(records)
    if plots is not None:
        written = drawn.write(read, plots)
        terminal.note(
            f"wrote {len(written)} files to {plots}" if written else "there is nothing to plot"
        )
    if plot is not None:
        terminal.answer(drawn.text(plot, read), output)
        return ExitStatus.YES
    if claims or any(map(holds_claims, records)):
        tables = [claims_table(read)]
    else:
        tables = [table for record in read for table in pages(record)]
    terminal.answer(render(tables), output)
    return ExitStatus.YES


def print_tables(record: "RunRecord", folder: Path, format: str) -> int:  # noqa: A002
    """Write a run's tables beside its record in every format, print one, judge the run."""
    from gpubench.gate.pages import pages
    from gpubench.gate.summary import is_sound
    from gpubench.render.registry import renderer

    tables = pages(record)
    terminal.answer(renderer(format)(tables))  # first: a full disk must not hide it
    write_tables(tables, folder)
    return ExitStatus.YES if is_sound(record) else ExitStatus.INVALID


def write_tables(tables: "Sequence[Table]", folder: Path) -> None:
    """Leave tables in a folder in every format."""
    from gpubench import codec
    from gpubench.render.registry import FORMATS, renderer

    for entry in FORMATS:
        codec.write_text(folder / f"table.{entry.ending}", renderer(entry.name)(tables))
