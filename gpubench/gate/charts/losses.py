"""Loss curves: how the loss of each mode went in its first process that counts."""

from gpubench.bench.record import Measurement
from gpubench.gate.chart import Chart, Line, Plane, Point, finite, thinned
from gpubench.gate.charts.scene import Scene
from gpubench.gate.odd_lines import processes

MOST_POINTS = 120
"""Points of a curve; more cannot be told apart in a picture (own choice)."""


def loss_chart(scene: Scene) -> Chart | None:
    """A line a mode whose figures can be trusted; None where no loss was kept."""
    found = [
        _line(cell.mode, look, counting[0])
        for look, cell in enumerate(scene.cells)
        if cell.throughput
        and (counting := [m for m in processes(scene.record, cell.subject, cell.mode) if m.counts])
        and len(finite(counting[0].losses)) > 1
    ]
    if not found:
        return None
    return Chart(
        name="losses",
        title="Loss while it was timed",
        about="training loss by step, warm-up included, of the first process of each mode",
        parts=(Plane(title="", x_label="training step", y_label="loss", lines=tuple(found)),),
    )


def _line(mode: str, look: int, measurement: Measurement) -> Line:
    points = tuple(
        Point(x=float(step), y=loss)
        for step, loss in enumerate(measurement.losses, start=1)
        if loss is not None and finite([loss])
    )
    lost = tuple(
        float(step)
        for step, loss in enumerate(measurement.losses, start=1)
        if loss is None or not finite([loss])
    )
    return Line(name=mode, look=look, points=thinned(points, MOST_POINTS), lost=lost[:MOST_POINTS])
