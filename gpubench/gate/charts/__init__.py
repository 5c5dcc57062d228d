"""The pictures of a record: one file each, in the order in which they are read."""

from collections.abc import Callable

from gpubench.gate.chart import Chart
from gpubench.gate.charts.losses import loss_chart
from gpubench.gate.charts.parity import parity_chart
from gpubench.gate.charts.scene import Scene
from gpubench.gate.charts.speedup import speedup_chart
from gpubench.gate.charts.telemetry import telemetry_chart
from gpubench.gate.charts.throughput import throughput_chart

CHARTS: tuple[Callable[[Scene], Chart | None], ...] = (
    throughput_chart,
    speedup_chart,
    parity_chart,
    loss_chart,
    telemetry_chart,
)
"""Each answers None where there is nothing to draw."""


def charts(scene: Scene) -> tuple[Chart, ...]:
    """The pictures of one subject."""
    return tuple(chart for draw in CHARTS if (chart := draw(scene)) is not None)
