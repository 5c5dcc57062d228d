"""The parity plot: how far the losses of each mode part from float32's, within what band."""

import math
import textwrap
from collections.abc import Sequence
from typing import Any

from gpubench.bench.job import Subject
from gpubench.bench.modes import MODES, mode_named
from gpubench.bench.parity import Parity
from gpubench.bench.record import RunRecord
from gpubench.gate.odd_lines import device_line
from gpubench.gate.parity_curves import ParityCurve, parity_curves
from gpubench.gate.tables import title
from gpubench.render.plots import COLOURS, Drawing
from gpubench.render.text import printable

ZERO = 1e-8
"""Where no deviation is drawn: losses are float32, whose steps are 6e-8, so nothing else is."""

LOOKS = {None: "o", "default": "s", "reduce-overhead": "D", "max-autotune": "^"}
"""A marker, and by its place a colour, for each way to compile."""

OUTSIDE = "#B00020"
"""A red that stands out from the lines; shape says the same to who cannot tell it."""

TITLE_WIDTH = 104
"""Characters of the title that fit the width of a picture."""

BARS = "▁▂▃▄▅▆▇█"
"""Shares of the allowed, each bar √10 times the one before: the last is up to all of it."""

LEGEND = (
    f"one bar a step: {BARS[-1]} up to all of what is allowed, {BARS[-3]} a tenth, "
    f"{BARS[-5]} a hundredth; ! more than allowed, ✗ NaN or infinite"
)


def text(record: RunRecord, width: int = 100) -> str:  # noqa: ARG001 - a step is a column
    """Every subject's plot in characters: what share of the allowed each mode uses."""
    return "\n\n".join(_subject_text(record, subject) for subject in record.header.plan.subjects)


def drawings(record: RunRecord) -> list[Drawing]:
    """A picture per subject that has been held against float32."""
    return [
        _drawing(record, subject, curves)
        for subject in record.header.plan.subjects
        if (curves := parity_curves(record, subject))
    ]


def _subject_text(record: RunRecord, subject: Subject) -> str:
    head = f"parity · {printable(title(record, subject))}"
    curves = parity_curves(record, subject)
    if not curves:
        return f"{head}\n  no mode was held against float32 here"
    names = max(len(curve.mode) for curve in curves)
    steps = max(len(curve.steps) for curve in curves)
    lines = [
        f"  {curve.mode:{names}}  {''.join(map(_bar, curve.steps)):{steps}}  {_said(curve)}"
        for curve in curves
    ]
    return "\n".join([head, "  how far losses part from float32's", "", *lines, "", f"  {LEGEND}"])


def _bar(step: Parity) -> str:
    """A step's share of the allowed as one character."""
    if math.isinf(step.deviation):
        return "✗"
    if not step.holds:
        return "!"
    share = step.deviation / step.allowed
    level = math.ceil(2 * math.log10(share) - 1e-9) if share > 0 else -len(BARS)
    return BARS[max(0, len(BARS) - 1 + level)]


def _said(curve: ParityCurve) -> str:
    worst = curve.worst
    if math.isinf(worst.deviation):
        return f"fails: NaN or infinite at step {worst.step}"
    share = worst.deviation / worst.allowed
    if not worst.holds:
        return f"fails: {share:.2g} times the allowed at step {worst.step}"
    return f"{100 * share:.2g} % of the allowed at step {worst.step}"


def _drawing(record: RunRecord, subject: Subject, curves: Sequence[ParityCurve]) -> Drawing:
    """A panel per precision, in one row or two."""
    shown = {mode_named(curve.mode).base for curve in curves}
    bases = [mode.name for mode in MODES if mode.compile is None and mode.name in shown]
    rows = 1 if len(bases) <= 2 else 2
    columns = math.ceil(len(bases) / rows)

    def draw(figure: Any) -> None:
        grid = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False)
        panels = list(grid.flat)
        for panel, base in zip(panels, bases, strict=False):
            _panel(panel, base, [c for c in curves if mode_named(c.mode).base == base])
        for panel in panels[len(bases) :]:
            panel.set_axis_off()
        for panel in grid[-1]:
            panel.set_xlabel("training step")
        highest = max(
            max(step.allowed, step.deviation if math.isfinite(step.deviation) else 0.0)
            for curve in curves
            for step in curve.steps
        )
        panels[0].set_ylim(ZERO / 2, 5 * highest)
        figure.suptitle(_heading(record, subject), x=0.01, ha="left", fontsize=9, parse_math=False)
        figure.supylabel("deviation from fp32's loss (relative)", fontsize=9)
        _legend(figure)

    return Drawing(subject=subject, height=1.4 + 2.1 * rows, draw=draw)


def _heading(record: RunRecord, subject: Subject) -> str:
    facts = record.workloads.get(subject)
    said = [f"Parity · {title(record, subject)}", device_line(facts.device) if facts else ""]
    return "\n".join(
        line for text in said for line in textwrap.wrap(printable(text), width=TITLE_WIDTH)
    )


def _panel(panel: Any, base: str, curves: Sequence[ParityCurve]) -> None:
    """The ways to compile one precision, over its band."""
    from matplotlib.ticker import FuncFormatter, LogFormatterSciNotation, LogLocator, MaxNLocator

    panel.set_yscale("log")
    _band(panel, curves[0].steps)
    for curve in curves:
        _line(panel, curve)
    power = LogFormatterSciNotation()
    panel.yaxis.set_major_locator(LogLocator(numticks=12))
    panel.yaxis.set_major_formatter(
        FuncFormatter(lambda value, at: "0" if value <= 1.01 * ZERO else power(value, at))
    )
    panel.minorticks_off()
    panel.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=6))
    panel.set_title(base, fontsize=9)


def _band(panel: Any, steps: Sequence[Parity]) -> None:
    at, allowed = [step.step for step in steps], [step.allowed for step in steps]
    panel.fill_between(at, ZERO / 2, allowed, color="#ececec", linewidth=0)
    panel.plot(at, allowed, color="#555555", linewidth=1, linestyle="--", label="allowed")


def _line(panel: Any, curve: ParityCurve) -> None:
    compile_mode = mode_named(curve.mode).compile
    finite = [step for step in curve.steps if math.isfinite(step.deviation)]
    panel.plot(
        [step.step for step in finite],
        [max(step.deviation, ZERO) for step in finite],
        color=COLOURS[list(LOOKS).index(compile_mode)],
        marker=LOOKS[compile_mode],
        markersize=3.5,
        linewidth=1.1,
        label=_way(curve),
    )
    outside = [step for step in finite if not step.holds]
    if outside:
        panel.plot(
            [step.step for step in outside],
            [step.deviation for step in outside],
            linestyle="none",
            marker="o",
            markersize=8,
            markerfacecolor="none",
            color=OUTSIDE,
            label="more than allowed",
        )
    lost = [step.step for step in curve.steps if math.isinf(step.deviation)]
    if lost:
        panel.plot(
            lost,
            [0.96] * len(lost),
            transform=panel.get_xaxis_transform(),
            linestyle="none",
            marker="x",
            markersize=7,
            color=OUTSIDE,
            label="NaN or infinite",
        )


def _way(curve: ParityCurve) -> str:
    """How a mode compiles, as its name says it."""
    return "+" + curve.mode.partition("+")[2] if "+" in curve.mode else "eager"


def _legend(figure: Any) -> None:
    """One legend for all panels, each look once, in a fixed order."""
    looks: dict[str, Any] = {}
    for panel in figure.axes:
        for handle, label in zip(*panel.get_legend_handles_labels(), strict=True):
            looks.setdefault(label, handle)
    known = ["eager", "+compile", "+compile-overhead", "+compile-max", "allowed"]
    labels = sorted(looks, key=lambda label: (known.index(label) if label in known else 9, label))
    figure.legend(
        [looks[label] for label in labels], labels, loc="outside lower center", ncols=4, fontsize=8
    )
