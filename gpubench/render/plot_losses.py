"""The plot of how the loss of each mode went while it was timed."""

from gpubench.bench.record import RunRecord
from gpubench.gate.charts.losses import loss_chart
from gpubench.render.chart_plots import drawings_of, text_of
from gpubench.render.chart_text import PAPER
from gpubench.render.plots import Drawing


def text(record: RunRecord, width: int = PAPER) -> str:
    """Every subject's plot in characters."""
    return text_of(record, loss_chart, width)


def drawings(record: RunRecord) -> list[Drawing]:
    """A picture per subject."""
    return drawings_of(record, loss_chart)
