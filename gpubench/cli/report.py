"""``gpubench report``: render a record again."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gpubench.cli import terminal
from gpubench.errors import ExitStatus

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
) -> int:
    """Render records of earlier runs as tables."""
    from gpubench.bench.record import read_record
    from gpubench.gate.pages import pages
    from gpubench.render.registry import renderer

    render = renderer(format)
    read = [read_record(place) for place in records]
    terminal.answer(render([table for record in read for table in pages(record)]), output)
    return ExitStatus.YES


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
