"""The plot of clock, power and temperature of the GPU over the windows."""

from gpubench.bench.record import RunRecord
from gpubench.gate.charts.telemetry import telemetry_chart
from gpubench.render.chart_plots import drawings_of, text_of
from gpubench.render.chart_text import PAPER
from gpubench.render.plots import Drawing


def text(record: RunRecord, width: int = PAPER) -> str:
    """Every subject's plot in characters."""
    return text_of(record, telemetry_chart, width)


def drawings(record: RunRecord) -> list[Drawing]:
    """A picture per subject."""
    return drawings_of(record, telemetry_chart)
