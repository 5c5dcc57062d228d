"""Several batches that make one step train as one large batch does."""

import itertools

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

from gpubench.bench.accumulation import Portions, keep_gradients, portion_of  # noqa: E402
from gpubench.bench.job import Workload  # noqa: E402
from gpubench.bench.modes import mode_named  # noqa: E402
from gpubench.bench.parity import judge  # noqa: E402
from gpubench.bench.record import ParityRun  # noqa: E402
from gpubench.bench.training import TrainingStep  # noqa: E402
from gpubench.suites import bert_ner  # noqa: E402

pytestmark = pytest.mark.torch
CPU = torch.device("cpu")
STEPS = 6


class Regression(torch.nn.Module):
    """Rows (B, 4); a target of NaN is ignored, and the loss is the mean over the others."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(3)
        self.layers = torch.nn.Sequential(
            torch.nn.Linear(4, 8), torch.nn.Tanh(), torch.nn.Linear(8, 1)
        )
        self.seen = []

    def forward(self, x, y):
        self.seen.append(len(x))
        counted = ~y.isnan()
        errors = (self.layers(x)[:, 0] - y.nan_to_num()) ** 2 * counted
        return errors.sum() / counted.sum()


class Task:
    learning_rate = 1e-2

    def __init__(self, batch_size, every_label=True):
        self.batch_size = batch_size
        self.model = Regression()
        self._every_label = every_label

    def batches(self):
        generator = torch.Generator().manual_seed(0)
        x = torch.randn(512, 4, generator=generator)
        y = x.sum(1)
        if not self._every_label:
            y[(torch.arange(512) + 3) % 8 < 5] = float("nan")  # one label in four, then two
        for start in range(0, 512, self.batch_size):
            stop = start + self.batch_size
            yield {"x": x[start:stop], "y": y[start:stop]}


class CountingTask(Task):
    def loss_terms(self, batch):
        return (~batch["y"].isnan()).sum()


def losses(task, accumulation=1, mode="fp32", steps=STEPS):
    step = TrainingStep(task, task.batches(), mode_named(mode), CPU, accumulation=accumulation)
    if step.scaler is not None:  # a scale at which neither overflows, so that neither skips
        step.scaler = torch.amp.GradScaler("cpu", init_scale=256.0)
    for _ in range(steps):
        step()
    assert step.skipped_steps() == 0
    return step.losses.read()


def test_four_batches_of_two_train_as_one_of_eight():
    whole = losses(Task(8))
    assert losses(Task(2), accumulation=4) == pytest.approx(whole, rel=1e-6)
    assert whole[0] != whole[-1]


@pytest.mark.parametrize("mode", ["amp-fp16", "amp-bf16"])
def test_accumulated_gradients_are_scaled_and_unscaled_as_one(mode):
    # bfloat16 rounds each batch's gradients on its own: 2^-8 of it, over six steps
    assert losses(Task(2), 4, mode) == pytest.approx(losses(Task(8), 1, mode), rel=2e-2)


def test_a_compiled_model_accumulates_as_well():
    assert losses(Task(2), 4, "fp32+compile", steps=3) == pytest.approx(
        losses(Task(8), steps=3), rel=1e-5
    )


def test_the_scaler_unscales_once_a_step(monkeypatch):
    calls = []
    unscale = torch.amp.GradScaler.unscale_

    def counted(self, optimizer):
        calls.append(1)
        unscale(self, optimizer)

    monkeypatch.setattr(torch.amp.GradScaler, "unscale_", counted)
    losses(Task(2), 4, "amp-fp16", steps=3)
    assert len(calls) == 3


def test_batches_weigh_by_the_labels_they_have():
    whole = losses(CountingTask(8, every_label=False))
    assert losses(CountingTask(4, every_label=False), 2) == pytest.approx(whole, rel=1e-6)


def test_a_plain_mean_of_means_would_train_something_else():
    whole = losses(Task(8, every_label=False))
    assert losses(Task(4, every_label=False), 2) != pytest.approx(whole, rel=1e-2)


def test_a_batch_without_a_label_adds_nothing_to_the_step():
    logits = torch.randn(3, 5, requires_grad=True)
    loss = torch.nn.functional.cross_entropy(logits, torch.full((3,), -100))
    assert loss.isnan()
    portion = portion_of(loss, torch.tensor(0.0))
    portion.backward()
    assert portion == 0
    assert (logits.grad == 0).all()


def test_a_loss_that_is_not_a_number_stays_one_where_labels_count():
    assert portion_of(torch.tensor(float("nan")), torch.tensor(0.5)).isnan()
    assert portion_of(torch.tensor(float("nan")), 0.25).isnan()


def test_a_step_holds_one_batch_at_a_time():
    task = Task(2)
    losses(task, accumulation=4, steps=1)
    assert task.model.seen == [2, 2, 2, 2]


def test_no_batch_is_drawn_before_its_turn_where_all_weigh_the_same():
    drawn = []
    batches = iter(lambda: drawn.append(1) or {}, None)
    next(iter(Portions(4, None).of(batches)))
    assert len(drawn) == 1


def test_nothing_is_read_back_while_batches_are_weighed(monkeypatch):
    task = CountingTask(4, every_label=False)
    step = TrainingStep(task, task.batches(), mode_named("fp32"), CPU, accumulation=2)
    step()

    def read(*arguments):
        raise AssertionError("a value was read back inside the step")

    for name in ("item", "tolist", "cpu", "numpy", "__float__", "__bool__"):
        monkeypatch.setattr(torch.Tensor, name, read)
    step()


def test_a_gradient_that_is_kept_is_added_to_in_place():
    """A CUDA graph writes its gradients to the same memory again: they must be copied out."""
    model = Regression()
    keep_gradients(model)
    before = [parameter.grad.data_ptr() for parameter in model.parameters()]
    model(torch.ones(2, 4), torch.zeros(2)).backward()
    assert [parameter.grad.data_ptr() for parameter in model.parameters()] == before


@pytest.fixture
def corpus(tmp_path):
    """Sentences of one to twenty words: labels are spread as unevenly as in real text."""
    lines = []
    for length in (1, 20, 3, 14, 2, 2, 9, 17, 5, 1):
        lines += [
            f"{'中国人长'[at % 4]}\t{('O', 'B-PER', 'I-PER')[at % 3]}" for at in range(length)
        ] + [""]
    (tmp_path / "train.bio").write_text("\n".join(lines))
    return tmp_path


def test_ner_with_ignored_tokens_follows_the_large_batch_within_the_parity_bands(corpus, tmp_path):
    asked = Workload(preset="smoke", data=str(corpus), sequence_length=24)
    workload, _ = bert_ner.survey(asked, str(tmp_path))

    def trajectory(batch_size, accumulation, weighed=True, nudged=False):
        import dataclasses

        task = bert_ner.build(dataclasses.replace(workload, batch_size=batch_size), exact=True)
        if nudged:
            with torch.no_grad():
                for parameter in task.model.parameters():
                    parameter.mul_(1 + 2.0**-24 * torch.rand_like(parameter))
        batches = itertools.islice(task.batches(), STEPS * accumulation)
        step = TrainingStep(task, batches, mode_named("fp32"), CPU, accumulation=accumulation)
        if not weighed:
            step._portions._terms = None
        for _ in range(STEPS):
            step()
        return tuple(step.losses.read())

    def run(found, **others):
        return ParityRun(
            suite="bert-ner", mode="fp32", state="ok", reason=None, losses=found, **others
        )

    large = run(
        trajectory(8, 1),
        repeats=(trajectory(8, 1),),
        disturbed={"float32": (trajectory(8, 1, nudged=True),)},
    )
    assert judge(large, run(trajectory(2, 4)), "float32").holds
    assert not judge(large, run(trajectory(2, 4, weighed=False)), "float32").holds
