"""The sweep plot: speed and memory against the batch size, the length or the image size."""

import math
from typing import Any

from gpubench import units
from gpubench.bench.job import Subject
from gpubench.bench.record import RunRecord
from gpubench.gate.intervals import WIDEST
from gpubench.gate.marks import marked
from gpubench.gate.sweep_series import Panel, Series, sweep_panels
from gpubench.render.plots import COLOURS, Drawing
from gpubench.render.text import printable

BAR, BESIDE = 40, 60
"""Characters of the longest bar, and of what stands beside it."""

MARKERS = "osD^vP*X"


def text(record: RunRecord, width: int = 100) -> str:
    """Every suite's sweep in characters: a bar a variant."""
    most = max(10, min(BAR, width - BESIDE))
    return "\n\n".join(_suite_text(record, suite, most) for suite in record.header.plan.suites)


def drawings(record: RunRecord) -> list[Drawing]:
    """A picture per suite of a sweep in which something was measured."""
    return [
        _drawing(record, suite, panels)
        for suite in record.header.plan.suites
        if (panels := sweep_panels(record, suite))
    ]


def _suite_text(record: RunRecord, suite: str, most: int) -> str:
    panels = sweep_panels(record, suite)
    head = f"sweep · {_heading(record, suite)}"
    if not panels:
        return f"{head}\n  nothing was swept here, or nothing of it can be trusted"
    return "\n\n".join([head, *(_panel_text(panel, most) for panel in panels)])


def _heading(record: RunRecord, suite: str) -> str:
    sweep = record.header.plan.sweep
    what = f" · {sweep.dimension.replace('-', ' ')}" if sweep else ""
    smoke = " · SMOKE TEST, not for figures" if record.header.plan.preset == "smoke" else ""
    return printable(f"{suite}{what}{smoke}")


def _panel_text(panel: Panel, most: int) -> str:
    """Bars from zero, with the interval behind; what is not to be taken as it stands is marked."""
    highest = _highest(panel)
    names = max(len(printable(series.mode)) for series in panel.series)
    lines = [
        f"  {printable(series.mode) if at == 0 else '':{names}}  {dot.x:>6.0f}  "
        f"{'█' * math.ceil(most * dot.y / highest)} "
        f"{marked(units.significant(dot.y), shaky=dot.is_shaky)}{_spread(dot.low, dot.high)}"
        for series in panel.series
        for at, dot in enumerate(series.dots)
    ]
    if not lines:
        lines = ["  nothing of it was counted"]
    return "\n".join([f"  {printable(panel.y_label)} by {panel.x_label}", *lines])


def _highest(panel: Panel) -> float:
    """The highest dot; 1 where there is none, or all are zero."""
    return max((dot.y for series in panel.series for dot in series.dots), default=0.0) or 1.0


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
            axis.set_ylabel(printable(panel.y_label), parse_math=False)
            axis.set_xlim(left=0)
            axis.set_ylim(0, _top(panel))
        figure.suptitle(_heading(record, suite), x=0.01, ha="left", fontsize=9, parse_math=False)
        handles, labels = axes[0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower center", ncols=4, fontsize=8)
        if any(dot.is_shaky for panel in panels for series in panel.series for dot in series.dots):
            axes[0].set_title("hollow: not to be taken as it stands", fontsize=8, loc="left")

    return Drawing(subject=Subject(suite), height=3.4, draw=draw)


def _top(panel: Panel) -> float:
    """A little above the highest dot: an interval that is far wider may leave the picture."""
    dots = [dot for series in panel.series for dot in series.dots]
    highest = _highest(panel)
    ends = [min(dot.high or dot.y, 1.5 * highest) for dot in dots]
    return 1.1 * (max(ends, default=0.0) or highest)


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
        label=printable(series.mode).replace("$", r"\$"),
    )
    hollow = [dot for dot in series.dots if dot.is_shaky]
    if hollow:
        axis.plot(
            [dot.x for dot in hollow],
            [dot.y for dot in hollow],
            linestyle="none",
            marker=marker,
            markersize=4,
            color=colour,
            markerfacecolor="white",
            zorder=3,
        )
    if series.fitted:
        axis.plot(*zip(*series.fitted, strict=True), color=colour, linewidth=1, linestyle="--")
