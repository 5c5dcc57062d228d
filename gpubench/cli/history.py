"""``gpubench history``: one cell over many records."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gpubench import units
from gpubench.cli import terminal
from gpubench.errors import ExitStatus, UnreadableInput

if TYPE_CHECKING:
    from gpubench.gate.history import Point
    from gpubench.gate.table import Table


def history(
    records: Annotated[
        list[Path], typer.Argument(metavar="RECORDS...", help="Records, or folders of them.")
    ],
    suite: Annotated[str, typer.Option(help="The suite of the cell.")],
    mode: Annotated[str, typer.Option(help="Its mode.")] = "fp32",
    variant: Annotated[str, typer.Option(help="Its variant, of a sweep.")] = "",
    format: Annotated[  # noqa: A002
        str, typer.Option(help="text (with a plot), markdown, csv or json.")
    ] = "text",
    output: Annotated[Path | None, typer.Option(help="Write here instead of stdout.")] = None,
) -> int:
    """Show one cell over many records, as a table and a plot."""
    from gpubench.bench.modes import mode_named
    from gpubench.gate.history import history as read
    from gpubench.gate.history import plot, records_under
    from gpubench.render.registry import renderer
    from gpubench.suites.registry import suite_named

    render = renderer(format)
    suite, mode = suite_named(suite).name, mode_named(mode).name
    points, notes = read(records_under(records), suite, mode, variant)
    for note in notes:
        terminal.note(terminal.plain(note))
    if not points:
        raise UnreadableInput(f"no figure of {suite} {variant} {mode} in these records")
    text = render([_table(points, suite, mode, variant)])
    if format == "text":
        text += "\n" + "\n".join(plot(points)) + "\n"
    terminal.answer(text, output)
    return ExitStatus.YES


def _table(points: "list[Point]", suite: str, mode: str, variant: str) -> "Table":
    from gpubench.gate.table import Column, Row, Table

    columns = (
        Column(key="created", heading="when", numeric=False),
        Column(key="throughput", heading="samples/s"),
        Column(key="interval", heading="± 95 %"),
        Column(key="change", heading="to the one before"),
        Column(key="processes", heading="processes"),
        Column(key="torch", heading="torch", numeric=False),
        Column(key="device", heading="device", numeric=False),
        Column(key="source", heading="record", numeric=False),
    )
    rows = []
    for before, point in zip([None, *points], points, strict=False):
        change = None
        if before is not None:
            change = point.throughput.value / before.throughput.value - 1
        half = point.throughput.half_width
        texts = {
            "created": point.created,
            "throughput": units.significant(point.throughput.value),
            "interval": "> 100 %" if half is not None and half > 1 else units.percent(half),
            "change": units.ABSENT if change is None else f"{100 * change:+.1f} %",
            "processes": str(point.processes),
            "torch": point.torch or units.ABSENT,
            "device": point.device or units.ABSENT,
            "source": point.source,
        }
        values = {
            "created": point.created,
            "samples_per_second": point.throughput.value,
            "samples_per_second_low": point.throughput.low,
            "samples_per_second_high": point.throughput.high,
            "processes": point.processes,
            "torch": point.torch,
            "device": point.device,
            "source": point.source,
        }
        rows.append(Row(values=values, texts=texts))
    return Table(
        title=" · ".join(filter(None, (suite, variant, mode))),
        about=(units.count(len(points), "record"),),
        columns=columns,
        rows=tuple(rows),
        notes=("a change between two records is no verdict: gpubench compare gives one",),
    )
