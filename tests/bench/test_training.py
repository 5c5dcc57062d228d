"""The step itself: it trains, keeps its losses, and looks at no number while it does."""

import pytest

torch = pytest.importorskip("torch")

from gpubench.bench import training  # noqa: E402
from gpubench.bench.feed import USUAL_FEED  # noqa: E402
from gpubench.bench.feeding import ResidentFeed, StreamedFeed  # noqa: E402
from gpubench.bench.modes import mode_named  # noqa: E402
from gpubench.bench.training import LossLog, TrainingStep  # noqa: E402

pytestmark = pytest.mark.torch
CPU = torch.device("cpu")


class Square(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.tensor(3.0))

    def forward(self, x):
        return ((self.weight * x) ** 2).mean()


class Task:
    batch_size = 2
    learning_rate = 0.1

    def __init__(self):
        self.model = Square()
        self.drawn = 0

    def batches(self):
        while True:
            self.drawn += 1
            yield {"x": torch.full((2,), float(self.drawn))}


def step_of(task, mode="fp32", bring=ResidentFeed):
    return TrainingStep(task, bring(task, CPU, USUAL_FEED), mode_named(mode), CPU)


def test_a_step_moves_the_weight_and_the_loss_falls():
    step = step_of(Task(), "fp32")
    for _ in range(20 * training.RESIDENT_BATCHES):
        step()
    losses = step.losses.read()
    assert losses[-training.RESIDENT_BATCHES] < losses[0]


def test_a_resident_run_draws_its_batches_once():
    task = Task()
    step = step_of(task, "fp32")
    for _ in range(3 * training.RESIDENT_BATCHES):
        step()
    assert task.drawn == training.RESIDENT_BATCHES


def test_an_end_to_end_run_draws_a_batch_a_step():
    task = Task()
    step = step_of(task, "fp32", StreamedFeed)
    for _ in range(5):
        step()
    assert task.drawn == 5


def test_nothing_is_read_back_within_a_step(monkeypatch):
    step = step_of(Task(), "fp32")
    step()

    def read(*arguments):
        raise AssertionError("a value was read back inside the step")

    for name in ("item", "tolist", "cpu", "numpy", "__float__", "__bool__"):
        monkeypatch.setattr(torch.Tensor, name, read)
    step()


def test_losses_come_back_in_order_and_the_oldest_give_way():
    log = LossLog(3, CPU)
    for value in (1.0, 2.0, 3.0, 4.0):
        log.record(torch.tensor(value))
    assert log.read() == [2.0, 3.0, 4.0]


def test_without_a_scaler_no_step_is_skipped():
    step = step_of(Task(), "fp32")
    step()
    assert step.skipped_steps() == 0
    assert step.scaler is None


def test_overflowing_gradients_are_counted_as_skipped_steps():
    step = step_of(Task(), "amp-fp16", StreamedFeed)
    with torch.no_grad():
        step.model.weight.fill_(1e38)
    step()
    assert step.skipped_steps() == 1
