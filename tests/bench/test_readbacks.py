"""A step that hands values to the host is seen, and the line that does it is named."""

import threading
import warnings

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("timm")
pytest.importorskip("transformers")

from torch._subclasses.fake_tensor import FakeTensorMode  # noqa: E402

from gpubench.bench import cuda  # noqa: E402
from gpubench.bench.feed import USUAL_FEED  # noqa: E402
from gpubench.bench.feeding import ResidentFeed, StreamedFeed  # noqa: E402
from gpubench.bench.job import Workload  # noqa: E402
from gpubench.bench.modes import mode_named  # noqa: E402
from gpubench.bench.readbacks import ReadBacks  # noqa: E402
from gpubench.bench.training import TrainingStep  # noqa: E402
from gpubench.suites import bert_ner, deit  # noqa: E402

pytestmark = pytest.mark.torch
CPU, GPU = torch.device("cpu"), torch.device("cuda")
HERE = "bench/test_readbacks.py:"


class Model(torch.nn.Module):
    """One weight, and whatever a test wants done to its loss."""

    def __init__(self, then):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.ones(3))
        self.then = then

    def forward(self, x):
        loss = ((self.weight * x) ** 2).mean()
        self.then(loss, x)
        return loss


class Task:
    batch_size, learning_rate = 2, 0.1

    def __init__(self, then=lambda loss, x: None):
        self.model = Model(then)

    def batches(self):
        while True:
            order = torch.randperm(3).tolist()  # the host's own work, which waits for nothing
            yield {"x": torch.ones(3)[order]}


def read_backs(then=lambda loss, x: None, mode="fp32", bring=ResidentFeed):
    task = Task(then)
    step = TrainingStep(task, bring(task, CPU, USUAL_FEED), mode_named(mode), CPU)
    reads = ReadBacks(CPU)
    reads.watch(step)
    assert reads.unwatched is None
    return reads


@pytest.mark.parametrize(
    ("then", "words"),
    [
        (lambda loss, x: loss.item(), "item()"),
        (lambda loss, x: float(loss.detach()), "item()"),
        (lambda loss, x: bool(loss > 0), "item()"),
        (lambda loss, x: loss.detach().tolist(), "tolist()"),
        (lambda loss, x: loss.detach().cpu(), "cpu()"),
        (lambda loss, x: loss.detach().numpy(), "numpy()"),
        (lambda loss, x: f"{loss.detach():.3f}", "item()"),
        (lambda loss, x: x.nonzero(), "nonzero()"),
        (lambda loss, x: x[x > 0], "indexing with a mask"),
        (lambda loss, x: x.clone().__setitem__(x > 0, torch.ones(3)), "indexing with a mask"),
        (lambda loss, x: x.masked_select(x > 0), "masked_select()"),
        (lambda loss, x: torch.unique(x), "unique()"),
        (lambda loss, x: torch.equal(x, x), "equal()"),
        (lambda loss, x: x.repeat_interleave(torch.tensor([1, 2, 1])), "repeat_interleave()"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_whatever_hands_a_value_to_the_host_is_found_with_its_line(then, words):
    (found,) = read_backs(then).by("model")
    assert words in found.operator
    assert found.place.startswith(HERE)


@pytest.mark.parametrize(
    "then",
    [
        lambda loss, x: x[torch.tensor([0, 2])],
        lambda loss, x: torch.where(x > 0, x, -x),
        lambda loss, x: x.clone().__setitem__(x > 0, 0.0),
        lambda loss, x: x.to(loss.dtype).to(loss.device),
        lambda loss, x: loss.detach().clone(),
    ],
)
def test_what_stays_on_the_device_is_none(then):
    assert read_backs(then).found == []


def test_a_place_is_told_once_however_often_it_reads():
    def twice(loss, x):
        for _ in range(2):
            loss.item()
        loss.item()

    assert len(read_backs(twice).found) == 2


def test_drawing_a_batch_is_the_host_s_work_and_no_read_back():
    assert read_backs(bring=StreamedFeed).found == []


def test_a_thread_that_loads_data_meanwhile_is_not_the_step():
    def load(loss, x):
        thread = threading.Thread(target=torch.cuda.synchronize)
        thread.start()
        thread.join()

    original = torch.cuda.synchronize
    torch.cuda.synchronize = lambda: None
    try:
        assert read_backs(load).found == []
    finally:
        torch.cuda.synchronize = original


def test_a_read_in_the_backward_is_found():
    class Peek(torch.autograd.Function):
        @staticmethod
        def forward(context, x):
            return x.clone()

        @staticmethod
        def backward(context, gradient):
            gradient.sum().item()
            return gradient

    task = Task()
    task.model.forward = lambda x: Peek.apply((task.model.weight * x).sum())
    step = TrainingStep(task, ResidentFeed(task, CPU, USUAL_FEED), mode_named("fp32"), CPU)
    reads = ReadBacks(CPU)
    reads.watch(step)
    (found,) = reads.by("model")
    assert found.place.startswith(HERE)


def unfused(step):
    step.optimizer = torch.optim.AdamW(step.model.parameters(), lr=0.1, fused=False)
    return step


def test_an_unfused_scaler_step_is_declared_and_not_held_against_the_model():
    task = Task()
    step = TrainingStep(task, ResidentFeed(task, CPU, USUAL_FEED), mode_named("amp-fp16"), CPU)
    reads = ReadBacks(CPU)
    reads.watch(unfused(step))
    assert reads.by("model") == []
    assert reads.facts()["scaler_synchronises"]
    assert reads.facts()["optimizer_synchronises"]


def test_a_fused_step_with_a_scaler_reads_nothing():
    assert read_backs(mode="amp-fp16").found == []


def test_a_step_that_cannot_be_watched_is_said_and_costs_nothing():
    def refuse(loss, x):
        raise NotImplementedError("not under a watcher")

    task = Task(refuse)
    step = TrainingStep(task, ResidentFeed(task, CPU, USUAL_FEED), mode_named("fp32"), CPU)
    reads = ReadBacks(CPU)
    reads.watch(step)
    assert reads.facts()["read_backs_unwatched"] == "NotImplementedError: not under a watcher"


def test_a_call_to_synchronize_is_found_and_still_made(monkeypatch):
    made = []
    monkeypatch.setattr(torch.cuda, "synchronize", lambda: made.append("synchronize"))
    (found,) = read_backs(lambda loss, x: torch.cuda.synchronize()).by("model")
    assert "synchronize()" in found.operator
    assert len(made) == 2
    torch.cuda.synchronize()
    assert len(made) == 3


def test_where_torch_warns_that_it_waits_the_line_is_told(monkeypatch):
    modes = []
    monkeypatch.setattr(torch.cuda, "get_sync_debug_mode", lambda: 0)
    monkeypatch.setattr(torch.cuda, "set_sync_debug_mode", modes.append)
    reads = ReadBacks(GPU)
    with reads.waits():
        warnings.warn("something else", stacklevel=1)
        warnings.warn("called a synchronizing CUDA operation", stacklevel=1)
    assert modes == ["warn", 0]
    assert [found.operator for found in reads.found] == ["a wait"]
    assert reads.found[0].place.startswith(HERE)


def test_on_a_cpu_torch_is_not_asked_where_it_waits(monkeypatch):
    monkeypatch.setattr(torch.cuda, "set_sync_debug_mode", lambda mode: 1 / 0)
    with cuda.told_of_waits(CPU, lambda: None):
        pass


def as_on_a_gpu(work):
    """Run a forward on tensors that only pretend to be on a GPU."""
    reads = ReadBacks(GPU)
    with FakeTensorMode(allow_non_fake_inputs=True), torch.device("cuda"), reads.operators():
        work()
    return [one.operator for one in reads.found]


@pytest.mark.parametrize(
    ("work", "words"),
    [
        (lambda: torch.ones(2).to("cpu"), "a copy to the host"),
        (lambda: torch.ones(2).to("cpu", non_blocking=True), "a copy to the host"),
        (lambda: torch.ones(2, device="cpu").to("cuda"), "a copy to the device"),
        (lambda: torch.ones(2).copy_(torch.ones(2, device="cpu")), "a copy to the device"),
    ],
)
def test_a_copy_that_is_waited_for_is_found_on_a_gpu(work, words):
    (said,) = as_on_a_gpu(work)
    assert words in said


@pytest.mark.parametrize(
    "work",
    [
        lambda: torch.ones(2, device="cpu").to("cuda", non_blocking=True),
        lambda: torch.ones(2).to(torch.float16),
        lambda: torch.ones(2, device="cpu").sum() + torch.ones((), device="cpu"),
    ],
)
def test_a_copy_that_nobody_waits_for_is_none(work):
    assert as_on_a_gpu(work) == []


def on_a_pretended_gpu(model):
    """The model with its weights and buffers replaced by fake ones on a GPU."""
    for module in model.modules():
        for name, weight in list(module.named_parameters(recurse=False)):
            setattr(module, name, torch.nn.Parameter(torch.empty(weight.shape)))
        for name, buffer in list(module.named_buffers(recurse=False)):
            module.register_buffer(name, torch.zeros(buffer.shape, dtype=buffer.dtype))
    return model.train()


@pytest.mark.parametrize("suite", [deit, bert_ner], ids=["deit", "bert-ner"])
def test_a_forward_of_both_suites_would_copy_nothing_across_on_a_gpu(suite):
    task = suite.build(Workload(preset="smoke"))

    def forward():
        model = on_a_pretended_gpu(task.model)
        batch = {n: torch.zeros(t.shape, dtype=t.dtype) for n, t in task.meta_batch().items()}
        assert all(tensor.device.type == "cuda" for tensor in batch.values())
        assert model(**batch).device.type == "cuda"

    assert as_on_a_gpu(forward) == []
