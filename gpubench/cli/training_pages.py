"""A training's record as it is shown: its tables, and for people how the loss fell."""

from collections.abc import Sequence
from pathlib import Path

from gpubench.bench.learning.record import TrainingRecord, read_training
from gpubench.gate.training_tables import training_tables
from gpubench.render.plot_loss import loss_plot
from gpubench.render.registry import PAGE, renderer


def shown(record: TrainingRecord, format: str) -> str:  # noqa: A002
    """The tables in a format; as text with a plot."""
    text = renderer(format)(training_tables(record))
    plot = loss_plot(record) if format == "text" else ""
    return f"{text}\n{plot}\n" if plot else text


def several(places: Sequence[Path], format: str) -> str:  # noqa: A002
    """Trainings one after the other; in formats for programs in one document."""
    records = [read_training(place) for place in places]
    if format == PAGE.name:
        from gpubench.render.html.page import render_trainings

        return render_trainings(records)
    if format == "text":
        return "\n".join(shown(record, format) for record in records)
    return renderer(format)([table for record in records for table in training_tables(record)])
