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
        list[Path],
        typer.Argument(
            metavar="RECORD...", help="Folders of runs or of trainings; or one comparison as JSON."
        ),
    ],
    format: Annotated[  # noqa: A002
        str,
        typer.Option(
            help="text, markdown, csv, json, html, junit, prometheus, pytest-benchmark or "
            "github-benchmark."
        ),
    ] = "text",
    output: Annotated[Path | None, typer.Option(help="Write here instead of stdout.")] = None,
    price_per_hour: Annotated[
        str | None,
        typer.Option(
            metavar="X[,Y..]",
            help="What an hour costs (2.49, 2.49EUR), one price or one a record: samples for it.",
        ),
    ] = None,
    plot: Annotated[
        str | None,
        typer.Option(
            help="Draw this in characters instead of tables: throughput, speedup, parity, sweep, "
            "losses or telemetry."
        ),
    ] = None,
    plots: Annotated[
        Path | None, typer.Option(help="Write every plot into this folder, as SVG and PNG.")
    ] = None,
    claims: Annotated[
        bool, typer.Option("--claims", help="Hold the records against the documents' claims.")
    ] = False,
) -> int:
    """Render records of earlier runs as tables and plots."""
    from gpubench.cli.claims import asks_for_claims, records_of
    from gpubench.cli.writing import answer_of, hold_price, with_picture
    from gpubench.render import plots as drawn
    from gpubench.render.registry import exporter

    more = bool(price_per_hour or claims or plot is not None or plots is not None)
    if len(records) == 1 and _compared(records[0], format, output, more=more):
        return ExitStatus.YES
    export = exporter(format)
    prices = hold_price(price_per_hour, format, len(records))
    of_claims = asks_for_claims(
        records, claims=claims, priced=bool(prices), exported=export is not None
    )
    if _trained(records, format, output, more=more):
        return ExitStatus.YES
    if plot is not None:
        _hold_plot(plot, format, claims=claims, priced=bool(prices))
    read = records_of(records)
    if plots is not None:
        written = drawn.write(read, plots)
        terminal.note(
            f"wrote {len(written)} files to {plots}" if written else "there is nothing to plot"
        )
    if plot is not None:
        text = drawn.text(plot, read, terminal.columns())
        terminal.answer(terminal.drawn(text) if output is None else text, output)
        return ExitStatus.YES
    if export is not None:
        terminal.answer(export(read), output)
        _say_left_out(read, format)
        return ExitStatus.YES
    text = answer_of(read, format, prices, of_claims=of_claims)
    if output is None and not of_claims:
        text = with_picture(text, read, format)
    terminal.answer(text, output)
    return ExitStatus.YES


def _hold_plot(plot: str, format: str, *, claims: bool, priced: bool) -> None:  # noqa: A002
    """Errors for a plot that is none, and for what it has no place for."""
    from gpubench.render.plots import plot_named

    plot_named(plot)
    if format != "text":
        raise BadUsage(f"--plot draws in characters; leave --format {format} out")
    for option, is_given in (("--claims", claims), ("--price-per-hour", priced)):
        if is_given:
            raise BadUsage(f"--plot draws what was measured; leave {option} out")


def _compared(place: Path, format: str, output: Path | None, *, more: bool) -> bool:  # noqa: A002
    """Whether the place holds a comparison, which is then rendered."""
    from gpubench.gate.answers import comparison_at
    from gpubench.render.compare import renderer

    found = comparison_at(place)
    if found is None:
        return False
    if more:
        raise BadUsage("a comparison is shown as it is: leave all but --format and --output out")
    terminal.answer(renderer(format)(found), output)
    return True


def _trained(
    places: list[Path],
    format: str,  # noqa: A002
    output: Path | None,
    *,
    more: bool,
) -> bool:
    """Whether the places hold trainings, which are then rendered; they have nothing ``more``."""
    from gpubench.bench.learning.record import is_training
    from gpubench.cli.training_pages import several

    trainings = [place for place in places if is_training(place)]
    if not trainings:
        return False
    if len(trainings) < len(places) or more:
        raise BadUsage(
            "a training is reported by itself, without --plot, --plots, --claims and a price"
        )
    terminal.answer(several(trainings, format), output)
    return True


def _say_left_out(read: "list[RunRecord]", format: str) -> None:  # noqa: A002
    """Name what an export has no place for."""
    from gpubench.render.registry import WITHOUT_MARKS
    from gpubench.render.run_cells import without_figure

    if format in WITHOUT_MARKS:
        for said in without_figure(read):
            terminal.note(terminal.plain(f"left out: {said}"))


def print_tables(record: "RunRecord", folder: Path, format: str) -> int:  # noqa: A002
    """Write a run's tables beside its record in every format, print one, judge the run."""
    from gpubench.cli.writing import with_picture
    from gpubench.gate.pages import pages
    from gpubench.gate.summary import is_sound
    from gpubench.render.registry import renderer

    tables = pages(record)
    shown = with_picture(renderer(format)(tables), [record], format)
    terminal.answer(shown)  # first: a full disk must not hide it
    write_tables(tables, folder)
    return ExitStatus.YES if is_sound(record) else ExitStatus.INVALID


def write_tables(tables: "Sequence[Table]", folder: Path) -> None:
    """Leave tables in a folder in every format."""
    from gpubench import codec
    from gpubench.render.registry import FORMATS, renderer

    for entry in FORMATS:
        codec.write_text(folder / f"table.{entry.ending}", renderer(entry.name)(tables))
