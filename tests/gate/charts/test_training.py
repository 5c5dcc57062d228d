"""A training's pictures hold its losses and scores, and what was no number."""

import pytest

from gpubench.bench.learning.record import EpochLine, LossLine, TrainingRecord
from gpubench.gate.charts.training import training_charts


def loss_line(step, losses, mean=1.0):
    return LossLine(
        step=step, epoch=1, mean=mean, last=losses[-1], losses=tuple(losses),
        learning_rate=1e-3, seconds=1.0,
    )  # fmt: skip


def epoch(step, **scores):
    return EpochLine(
        step=step, epoch=1, complete=True, mean_loss=1.0, seconds=1.0, scores=scores, items=10
    )


def training(*lines):
    return TrainingRecord(
        source="/home/alice/run-9/training.jsonl", header=None, lines=lines, torn=False,
        unknown_lines=0,
    )  # fmt: skip


def test_losses_stand_at_their_steps():
    (chart,) = training_charts(training(loss_line(2, [3.0, 2.0]), loss_line(4, [1.5, 1.0], 1.25)))
    steps, means = chart.parts[0].lines
    assert [(p.x, p.y) for p in steps.points] == [(1, 3.0), (2, 2.0), (3, 1.5), (4, 1.0)]
    assert [(p.x, p.y) for p in means.points] == [(2, 1.0), (4, 1.25)]


def test_a_loss_that_is_no_number_is_a_cross_and_no_point():
    (chart,) = training_charts(training(loss_line(3, [3.0, float("nan"), float("inf")])))
    assert [point.x for point in chart.parts[0].lines[0].points] == [1.0]
    assert chart.parts[0].lines[0].lost == (2.0, 3.0)


def test_a_long_training_is_thinned():
    (chart,) = training_charts(training(loss_line(9000, [1.0] * 9000)))
    assert len(chart.parts[0].lines[0].points) == 300


def test_scores_are_lines_by_name():
    lines = (loss_line(2, [3.0, 2.0]), epoch(2, f1=0.2, recall=0.3), epoch(4, f1=0.9))
    _, chart = training_charts(training(*lines))
    named = {line.name: [(p.x, p.y) for p in line.points] for line in chart.parts[0].lines}
    assert named == {"F1": [(2, 0.2), (4, 0.9)], "recall": [(2, 0.3)]}


@pytest.mark.parametrize("lines", [(), (epoch(1),), (loss_line(1, [2.0]),)])
def test_of_what_is_not_known_there_is_no_picture(lines):
    assert training_charts(training(*lines)) == ()
