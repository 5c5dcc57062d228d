"""The sweep plot: speed and memory against the batch size, the length or the image size."""

import math
from typing import Any

from gpubench import units
from gpubench.bench.job import Subject
from gpubench.bench.record import RunRecord
from gpubench.gate.intervals import WIDEST
from gpubench.gate.sweep_series import Panel, Series, sweep_panels
from gpubench.render.plots import COLOURS, Drawing
from gpubench.render.text import printable

BAR = 40
"""Characters of the longest bar."""

MARKERS = "osD^vP*X"


def text(record: RunRecord) -> str:
    """Every suite's sweep in characters: a bar a variant."""
    return "\n\n".join(_suite_text(record, suite) for suite in record.header.plan.suites)


def drawings(record: RunRecord) -> list[Drawing]:
    """A picture per suite of a sweep in which something was measured."""
    return [
        _drawing(record, suite, panels)
        for suite in record.header.plan.suites
        if (panels := sweep_panels(record, suite))
    ]


def _suite_text(record: RunRecord, suite: str) -> str:
    panels = sweep_panels(record, suite)
    head = f"sweep · {_heading(record, suite)}"
    if not panels:
        return f"{head}\n  nothing was swept here, or nothing of it can be trusted"
    return "\n\n".join([head, *map(_panel_text, panels)])


def _heading(record: RunRecord, suite: str) -> str:
    sweep = record.header.plan.sweep
    what = f" · {sweep.dimension.replace('-', ' ')}" if sweep else ""
    smoke = " · SMOKE TEST, not for figures" if record.header.plan.preset == "smoke" else ""
    return printable(f"{suite}{what}{smoke}")


def _panel_text(panel: Panel) -> str:
    """Bars from zero, with the interval behind."""
    highest = max((dot.y for series in panel.series for dot in series.dots), default=0.0)
    names = max(len(series.mode) for series in panel.series)
    lines = [
        f"  {series.mode if at == 0 else '':{names}}  {dot.x:>6.0f}  "
        f"{'█' * math.ceil(BAR * dot.y / highest)} {units.significant(dot.y)}"
        f"{_spread(dot.low, dot.high)}"
        for series in panel.series
        for at, dot in enumerate(series.dots)
    ]
    return "\n".join([f"  {panel.y_label} by {panel.x_label}", *lines])


def _spread(low: float | None, high: float | None) -> str:
    if low is None or high is None:
        return ""
    if high > WIDEST * low:
        return " (the processes differ too much)"
    return f" [{units.significant(low)}, {units.significant(high)}]"


def _drawing(record: RunRecord, suite: str, panels: tuple[Panel, ...]) -> Drawing:
    def draw(figure: Any) -> None:
        axes = figure.subplots(1, len(panels), squeeze=False)[0]
        for axis, panel in zip(axes, panels, strict=True):
            for number, series in enumerate(panel.series):
                _draw_series(axis, series, number)
            axis.set_xlabel(panel.x_label)
            axis.set_ylabel(panel.y_label)
            axis.set_xlim(left=0)
            axis.set_ylim(0, _top(panel))
        figure.suptitle(_heading(record, suite), x=0.01, ha="left", fontsize=9, parse_math=False)
        handles, labels = axes[0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower center", ncols=4, fontsize=8)

    return Drawing(subject=Subject(suite), height=3.4, draw=draw)


def _top(panel: Panel) -> float:
    """A little above the highest dot: an interval that is far wider may leave the picture."""
    dots = [dot for series in panel.series for dot in series.dots]
    highest = max(dot.y for dot in dots)
    return 1.1 * max(min(dot.high or dot.y, 1.5 * highest) for dot in dots)


def _draw_series(axis: Any, series: Series, number: int) -> None:
    """Dots with their intervals; the fit dashed, or else the dots joined."""
    colour, marker = COLOURS[number % len(COLOURS)], MARKERS[number % len(MARKERS)]
    at, values = [dot.x for dot in series.dots], [dot.y for dot in series.dots]
    ends = [
        [dot.y - (dot.y if dot.low is None else dot.low) for dot in series.dots],
        [(dot.y if dot.high is None else dot.high) - dot.y for dot in series.dots],
    ]
    axis.errorbar(
        at,
        values,
        yerr=ends,
        color=colour,
        marker=marker,
        markersize=4,
        capsize=2,
        linewidth=1.1,
        linestyle="none" if series.fitted else "-",
        label=series.mode,
    )
    if series.fitted:
        axis.plot(*zip(*series.fitted, strict=True), color=colour, linewidth=1, linestyle="--")
