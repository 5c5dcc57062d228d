"""How the loss fell, and how the score rose, in characters."""

import math
import statistics
from collections.abc import Sequence

from gpubench import units
from gpubench.bench.learning.record import EpochLine, LossLine, TrainingRecord
from gpubench.gate.training_tables import SCORE_WORDS

MOST_COLUMNS = 60
HEIGHT = 10


def loss_plot(record: TrainingRecord) -> str:
    """The losses over the steps, oldest left, on a logarithmic axis; a column is a median of some.

    Nothing where fewer than two losses are known.
    """
    losses = [loss for line in record.of(LossLine) for loss in line.losses]
    if len(losses) < 2:
        return ""
    columns = _columns(losses)
    last = record.of(LossLine)[-1].step
    first = last - len(losses) + 1
    return "\n".join([f"  loss, steps {first} to {last}", *_drawn(columns), *_scores(record)])


def _columns(losses: Sequence[float]) -> list[float]:
    size = -(-len(losses) // MOST_COLUMNS)
    return [statistics.median(losses[at : at + size]) for at in range(0, len(losses), size)]


def _drawn(columns: Sequence[float]) -> list[str]:
    """Dots at a height by the loss's logarithm; a loss that is not above 0 stands at the bottom."""
    positive = [value for value in columns if value > 0]
    low, high = (min(positive), max(positive)) if positive else (1.0, 1.0)
    span = math.log(high / low) or 1.0
    rows = [round(math.log(max(value, low) / low) / span * (HEIGHT - 1)) for value in columns]
    lines = []
    for row in reversed(range(HEIGHT)):
        value = low * math.exp(span * row / (HEIGHT - 1))
        label = f"{units.significant(value):>8}" if row % 3 == 0 else " " * 8
        dots = "".join("●" if at == row else " " for at in rows)
        lines.append(f"  {label} │{dots}".rstrip())
    lines.append("  " + " " * 9 + "└" + "─" * len(columns))
    return lines


def _scores(record: TrainingRecord) -> list[str]:
    """A bar an epoch, full at 1."""
    epochs = record.of(EpochLine)
    if not epochs or not epochs[0].scores:
        return []
    name = next(iter(epochs[0].scores))
    bars = [
        f"  step {line.step:>6}  {'█' * round(40 * line.scores[name]):40}  {line.scores[name]:.3f}"
        for line in epochs
        if name in line.scores
    ]
    return ["", f"  {SCORE_WORDS.get(name, name)} on what was not trained on", *bars]
