"""A training over its steps: how the loss fell, and how good it became on what it did not see."""

from gpubench.bench.learning.record import EpochLine, LossLine, TrainingRecord
from gpubench.gate.chart import Chart, Line, Plane, Point, finite, thinned
from gpubench.gate.training_tables import SCORE_WORDS

MOST_POINTS = 300
"""Points of a curve (own choice)."""


def training_charts(record: TrainingRecord) -> tuple[Chart, ...]:
    """The loss by step, and each score by step; none of which nothing is known."""
    found = (_losses(record), _scores(record))
    return tuple(chart for chart in found if chart is not None)


def _losses(record: TrainingRecord) -> Chart | None:
    """Every step, and the mean of each stretch; steps whose loss was not finite have a cross."""
    lines = record.of(LossLine)
    steps = [
        (line.step - len(line.losses) + place, loss)
        for line in lines
        for place, loss in enumerate(line.losses, start=1)
    ]
    if len(steps) < 2:
        return None
    known = tuple(Point(x=float(step), y=loss) for step, loss in steps if finite([loss]))
    lost = tuple(float(step) for step, loss in steps if not finite([loss]))
    means = tuple(Point(x=float(li.step), y=li.mean) for li in lines if finite([li.mean]))
    return Chart(
        name="learning",
        title="How the loss fell",
        about="training loss by step, and its mean over each stretch",
        parts=(
            Plane(
                title="",
                x_label="training step",
                y_label="loss",
                lines=(
                    Line(
                        name="step",
                        look=6,
                        points=thinned(known, MOST_POINTS),
                        lost=lost[:MOST_POINTS],
                    ),
                    Line(name="mean since the line before", look=0, points=means),
                ),
            ),
        ),
    )


def _scores(record: TrainingRecord) -> Chart | None:
    epochs = record.of(EpochLine)
    names = dict.fromkeys(name for epoch in epochs for name in epoch.scores)
    lines = tuple(
        Line(
            name=SCORE_WORDS.get(name, name),
            look=look,
            points=tuple(
                Point(x=float(epoch.step), y=epoch.scores[name])
                for epoch in epochs
                if finite([epoch.scores.get(name)])
            ),
            has_dots=True,
        )
        for look, name in enumerate(names)
    )
    if not any(line.points for line in lines):
        return None
    return Chart(
        name="scores",
        title="How good it became",
        about="on what it was not trained on; 1 is without a fault",
        parts=(Plane(title="", x_label="training step", y_label="score", lines=lines),),
    )
