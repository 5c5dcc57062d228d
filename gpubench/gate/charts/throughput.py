"""Throughput of every mode with its interval; a mode without a figure keeps its word."""

from collections.abc import Sequence

from gpubench.gate.chart import Bars, Chart, Mark
from gpubench.gate.charts.scene import Scene
from gpubench.gate.marks import half_width
from gpubench.gate.summary import Cell
from gpubench.gate.tables import item_of, throughput_text


def throughput_chart(scene: Scene) -> Chart | None:
    """A bar a mode; None where nothing was planned."""
    if not scene.cells:
        return None
    unit = f"{item_of(scene.record.workloads.get(scene.subject))}s/s"
    return Chart(
        name="throughput",
        title="Throughput by mode",
        about=f"{unit}, with 95 % intervals over processes; longer is faster",
        parts=(Bars(unit=unit, marks=tuple(map(throughput_mark, scene.cells))),),
        notes=shaky_notes(scene.cells),
    )


def throughput_mark(cell: Cell, label: str | None = None, group: int = 0) -> Mark:
    """A cell's figure as a row."""
    text = throughput_text(cell)
    if cell.throughput is not None and cell.throughput.half_width is not None:
        text += f" ± {half_width(cell.throughput)}"
    return Mark.of(
        cell.mode if label is None else label,
        text,
        cell.throughput,
        is_shaky=cell.is_shaky,
        group=group,
    )


def shaky_notes(cells: Sequence[Cell]) -> tuple[str, ...]:
    """What a hollow bar says, where there is one."""
    if any(cell.is_shaky for cell in cells):
        return ("hollow and ~: not to be taken as it stands; the notes of the table say why",)
    return ()
