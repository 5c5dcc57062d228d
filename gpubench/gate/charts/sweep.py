"""A sweep: speed and memory of each mode against what was swept, and what was fitted through it."""

from gpubench.bench.record import RunRecord
from gpubench.gate.chart import Chart, Line, Plane, Point
from gpubench.gate.intervals import WIDEST
from gpubench.gate.sweep_series import Dot, Panel, Series, sweep_panels


def sweep_charts(record: RunRecord) -> tuple[tuple[str, Chart], ...]:
    """By suite, a picture with a plane each for speed and memory; none where nothing was swept."""
    found = ((suite, sweep_panels(record, suite)) for suite in record.header.plan.suites)
    return tuple((suite, _chart(record, panels)) for suite, panels in found if panels)


def _chart(record: RunRecord, panels: tuple[Panel, ...]) -> Chart:
    sweep = record.header.plan.sweep
    dimension = sweep.dimension.replace("-", " ") if sweep else "size"
    dots = [dot for panel in panels for series in panel.series for dot in series.dots]
    shaky = any(dot.is_shaky for dot in dots)
    return Chart(
        name="sweep",
        title=f"How it grows with the {dimension}",
        about="points with 95 % intervals over processes; dashed lines are what was fitted",
        parts=tuple(map(_plane, panels)),
        notes=("hollow: not to be taken as it stands",) if shaky else (),
    )


def _plane(panel: Panel) -> Plane:
    return Plane(
        title="",
        x_label=panel.x_label,
        y_label=panel.y_label,
        lines=tuple(_line(series, look) for look, series in enumerate(panel.series)),
    )


def _line(series: Series, look: int) -> Line:
    return Line(
        name=series.mode,
        look=look,
        points=tuple(map(_point, series.dots)),
        has_dots=True,
        is_joined=not series.fitted,
        fitted=series.fitted,
    )


def _point(dot: Dot) -> Point:
    wide = dot.low is not None and dot.high is not None and dot.high > WIDEST * dot.low
    low, high = (None, None) if wide else (dot.low, dot.high)
    return Point(x=dot.x, y=dot.y, low=low, high=high, is_shaky=dot.is_shaky)
