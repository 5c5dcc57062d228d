"""Plots that are charts of a subject's cells: their text and their drawings."""

from collections.abc import Callable, Iterator
from typing import Any

from gpubench.bench.record import RunRecord
from gpubench.gate.chart import Chart
from gpubench.gate.charts.scene import Scene
from gpubench.gate.tables import compared, title
from gpubench.render.chart_text import PAPER, chart_text
from gpubench.render.plots import Drawing
from gpubench.render.text import printable

Draw = Callable[[Scene], Chart | None]


def text_of(record: RunRecord, draw: Draw, width: int = PAPER) -> str:
    """The chart of every subject in characters, under the subject's name."""
    drawn = [
        f"{printable(title(record, scene.subject))}\n{chart_text(chart, width)}"
        for scene, chart in _charts(record, draw)
    ]
    return "\n\n".join(drawn) or "nothing of it was measured in this run"


def drawings_of(record: RunRecord, draw: Draw) -> list[Drawing]:
    """A picture per subject that has the chart."""
    return [_drawing(record, scene, chart) for scene, chart in _charts(record, draw)]


def _charts(record: RunRecord, draw: Draw) -> Iterator[tuple[Scene, Chart]]:
    for found in compared(record):
        if found.cells:
            scene = Scene(record=found.part, subject=found.subject, cells=found.cells)
            chart = draw(scene)
            if chart is not None:
                yield scene, chart


def _drawing(record: RunRecord, scene: Scene, chart: Chart) -> Drawing:
    from gpubench.render import chart_drawn

    def on(figure: Any) -> None:
        chart_drawn.draw(figure, chart, title(record, scene.subject))

    return Drawing(subject=scene.subject, height=chart_drawn.height(chart), draw=on)
