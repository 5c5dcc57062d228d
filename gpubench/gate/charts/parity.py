"""Parity: how far the losses of each mode part from float32's, over the band they are held to."""

import math
from collections.abc import Sequence

from gpubench.bench.modes import MODES, mode_named
from gpubench.bench.parity import Parity
from gpubench.gate.chart import Chart, Line, Plane, Point
from gpubench.gate.charts.scene import Scene
from gpubench.gate.parity_curves import ParityCurve, parity_curves

ZERO = 1e-8
"""Where no deviation is drawn: losses are float32, whose steps are 6e-8, so nothing else is."""

WAYS = (None, "default", "reduce-overhead", "max-autotune")
"""Ways to compile; the place of each chooses its look."""


def parity_chart(scene: Scene) -> Chart | None:
    """A plane a precision, a line a way to compile; None where nothing was held against float32."""
    curves = parity_curves(scene.record, scene.subject)
    if not curves:
        return None
    shown = {mode_named(curve.mode).base for curve in curves}
    bases = [mode.name for mode in MODES if mode.compile is None and mode.name in shown]
    failing = [curve.mode for curve in curves if not curve.worst.holds]
    return Chart(
        name="parity",
        title="Does it train the same?",
        about="how far each loss parts from fp32's, as a share of it; the grey band is allowed, "
        "the foot of the axis is no deviation",
        parts=tuple(
            _plane(base, [c for c in curves if mode_named(c.mode).base == base]) for base in bases
        ),
        notes=tuple(
            f"{mode}: parts further than allowed, and so has no figure" for mode in failing
        ),
    )


def _plane(base: str, curves: Sequence[ParityCurve]) -> Plane:
    return Plane(
        title=base,
        x_label="training step",
        y_label="deviation",
        lines=tuple(map(_line, curves)),
        is_log=True,
        band=tuple((float(step.step), step.allowed) for step in curves[0].steps),
    )


def _line(curve: ParityCurve) -> Line:
    return Line(
        name="+" + curve.mode.partition("+")[2] if "+" in curve.mode else "eager",
        look=WAYS.index(mode_named(curve.mode).compile),
        points=tuple(_point(step) for step in curve.steps if math.isfinite(step.deviation)),
        has_dots=True,
        lost=tuple(float(s.step) for s in curve.steps if not math.isfinite(s.deviation)),
    )


def _point(step: Parity) -> Point:
    return Point(x=float(step.step), y=max(step.deviation, ZERO), is_outside=not step.holds)
