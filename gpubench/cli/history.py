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
    if not any(point.throughput for point in points):
        for point in points:
            terminal.note(terminal.plain(f"{point.source}: {_state(point)}"))
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
        Column(key="batch_size", heading="batch"),
        Column(key="preset", heading="preset", numeric=False),
        Column(key="torch", heading="torch", numeric=False),
        Column(key="device", heading="device", numeric=False),
        Column(key="source", heading="record", numeric=False),
    )
    rows, before = [], None
    for point in points:
        rows.append(Row(values=_values(point, before), texts=_texts(point, before)))
        before = point if point.throughput else before
    return Table(
        title=" · ".join(filter(None, (suite, variant, mode))),
        about=(units.count(len(points), "record"),),
        columns=columns,
        rows=tuple(rows),
        notes=(
            "a change between two records is no verdict: gpubench compare gives one",
            *(f"{point.created}: {said}" for point in points if (said := _said(point))),
        ),
    )


def _texts(point: "Point", before: "Point | None") -> dict[str, str]:
    from gpubench.gate.marks import half_width, marked
    from gpubench.gate.table import STATE_WORDS

    found, change = point.throughput, point.change_since(before)
    state = point.cell.state
    word = STATE_WORDS.get(state, state)
    shaky = point.is_shaky or (before is not None and before.is_shaky)
    return {
        "created": point.created,
        "throughput": marked(units.significant(found.value), shaky=point.is_shaky)
        if found
        else word,
        "interval": half_width(found),
        "change": units.ABSENT if change is None else marked(f"{100 * change:+.1f} %", shaky=shaky),
        "processes": str(point.processes),
        "batch_size": str(point.cell.facts.get("batch size", units.ABSENT)),
        "preset": str(point.cell.facts.get("preset", units.ABSENT)),
        "torch": point.torch or units.ABSENT,
        "device": point.device or units.ABSENT,
        "source": point.source,
    }


def _values(point: "Point", before: "Point | None") -> dict[str, object]:
    found = point.throughput
    return {
        "created": point.created,
        "state": point.cell.state,
        "reason": point.cell.reason,
        "samples_per_second": found.value if found else None,
        "samples_per_second_low": found.low if found else None,
        "samples_per_second_high": found.high if found else None,
        "samples_per_second_is_shaky": point.is_shaky,
        "change": point.change_since(before),
        "processes": point.processes,
        "batch_size": point.cell.facts.get("batch size"),
        "preset": point.cell.facts.get("preset"),
        "torch": point.torch,
        "device": point.device,
        "source": point.source,
    }


def _said(point: "Point") -> str | None:
    """Why a point has a mark or no figure; None where it is a plain one."""
    if point.cell.state != "ok":
        return _state(point)
    if point.cell.faults:
        return f"a process broke: {point.cell.faults[0]}"
    return "its input set the pace" if point.held_back else None


def _state(point: "Point") -> str:
    return ": ".join(filter(None, (point.cell.state, point.cell.reason)))
