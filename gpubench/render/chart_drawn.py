"""Charts through matplotlib, for files: bars with intervals, and lines over an axis."""

import textwrap
from collections.abc import Sequence
from typing import Any

from gpubench.gate.chart import Bars, Chart, Line, Mark, Plane
from gpubench.render.plots import COLOURS
from gpubench.render.text import printable

ROW, REST, PLANE = 0.27, 1.1, 2.1
"""Inches of a row of bars, of what stands around them, and of a plane."""

MARKERS = "osD^vP*X"

TITLE_WIDTH = 104
"""Characters of a title that fit the width of a picture."""


def height(chart: Chart) -> float:
    """Inches that a chart takes."""
    return REST + sum(
        ROW * len(part.marks) if isinstance(part, Bars) else PLANE for part in chart.parts
    )


def draw(figure: Any, chart: Chart, heading: str) -> None:
    """Put a chart on a figure, its parts below each other."""
    axes = figure.subplots(len(chart.parts), 1, squeeze=False)[:, 0]
    for axis, part in zip(axes, chart.parts, strict=True):
        if isinstance(part, Bars):
            _bars(axis, part)
        else:
            _plane(axis, part)
    said = textwrap.wrap(f"{chart.title} · {printable(heading)}", width=TITLE_WIDTH)
    figure.suptitle("\n".join(said), x=0.01, ha="left", fontsize=9, parse_math=False)
    _legend(figure, axes)
    if chart.notes:
        axes[-1].annotate(
            printable("; ".join(chart.notes)), (0, 0), (0, 2), xycoords="figure points", fontsize=7
        )


def _bars(axis: Any, part: Bars) -> None:
    places = list(range(len(part.marks)))[::-1]
    for place, mark in zip(places, part.marks, strict=True):
        _bar(axis, part, place, mark)
    axis.set_yticks(places, [printable(m.label).replace("$", r"\$") for m in part.marks])
    axis.set_xlim(0, part.top)
    axis.set_xlabel(printable(part.unit), parse_math=False)
    axis.grid(axis="y", visible=False)
    if part.reference is not None:
        axis.axvline(part.reference, color="#555555", linestyle="--", linewidth=1)


def _bar(axis: Any, part: Bars, place: int, mark: Mark) -> None:
    """A bar with its interval and its text; without a value the text alone."""
    colour = COLOURS[mark.group % len(COLOURS)]
    end = mark.value or 0.0
    if mark.value is not None:
        face = {"facecolor": "white", "linestyle": "--"} if mark.is_shaky else {"facecolor": colour}
        axis.barh(place, mark.value, height=0.6, edgecolor=colour, **face)
    if mark.value is not None and mark.low is not None and mark.high is not None:
        errors = [[mark.value - mark.low], [mark.high - mark.value]]
        axis.errorbar(mark.value, place, xerr=errors, color="#222222", capsize=2, linewidth=1)
        end = min(mark.high, part.top)
    text = printable(mark.text)
    axis.annotate(
        text, (end, place), (4, 0), textcoords="offset points", va="center", fontsize=8,
        parse_math=False,
    )  # fmt: skip


def _plane(axis: Any, part: Plane) -> None:
    for line in part.lines:
        _line(axis, line)
    axis.set_xlabel(part.x_label)
    axis.set_ylabel(printable(part.y_label), parse_math=False)
    if part.is_log:
        axis.set_yscale("log")
    elif part.from_zero:
        axis.set_ylim(bottom=0)
    if part.limit:
        axis.axhline(part.limit[1], color="#555555", linestyle="--", linewidth=1)


def _line(axis: Any, line: Line) -> None:
    axis.plot(
        [point.x for point in line.points],
        [point.y for point in line.points],
        color=COLOURS[line.look % len(COLOURS)],
        marker=MARKERS[line.look % len(MARKERS)] if line.has_dots else None,
        markersize=3.5,
        linewidth=1.1,
        linestyle="-" if line.look < len(COLOURS) else ":",
        label=printable(line.name).replace("$", r"\$"),
    )


def _legend(figure: Any, axes: Sequence[Any]) -> None:
    """Each name once."""
    looks: dict[str, Any] = {}
    for axis in axes:
        for handle, label in zip(*axis.get_legend_handles_labels(), strict=True):
            looks.setdefault(label, handle)
    if looks:
        figure.legend(looks.values(), looks.keys(), loc="outside lower center", ncols=4, fontsize=8)
