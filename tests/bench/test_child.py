"""What a child does around its window, on batches of several widths, in this process."""

import dataclasses

import pytest

torch = pytest.importorskip("torch")

from gpubench.bench import child, cuda, training, trajectories  # noqa: E402
from gpubench.bench.feeding import StreamedFeed  # noqa: E402
from gpubench.bench.job import Job, Workload  # noqa: E402
from gpubench.bench.modes import mode_named  # noqa: E402
from gpubench.bench.protocol import SMOKE  # noqa: E402
from tests.fakes import mixture  # noqa: E402

pytestmark = pytest.mark.torch
QUICK = dataclasses.replace(
    SMOKE, window_min_seconds=0.02, soak_seconds=0.01, parity_steps=12, stable_within=0.9
)


@pytest.fixture(autouse=True)
def seen(monkeypatch):
    monkeypatch.setattr(mixture, "SEEN", mixture.Seen())
    return mixture.SEEN


@pytest.fixture
def compiles_fast(monkeypatch):
    """torch.compile traces and guards as ever, and leaves the operators as they are."""
    real = torch.compile
    monkeypatch.setattr(
        training.torch, "compile", lambda model, **_: real(model, backend="eager", dynamic=False)
    )
    monkeypatch.setattr(cuda, "unsupported", lambda mode, device: None)
    torch._dynamo.reset()


def job(kind="measure", mode="fp32", **workload):
    return Job(
        kind=kind,
        suite_module="tests.fakes.mixture",
        workload=Workload(preset="smoke", **workload),
        mode=mode_named(mode),
        protocol=QUICK,
        device="cpu",
        scratch="/nowhere",
        parity_roundings=("bfloat16",),
    )


def measure(progress=lambda *stage: None, **asked):
    return child.measure(job(**asked), mixture, progress)


def test_a_shortage_after_the_window_costs_no_more_than_the_step_alone(monkeypatch):
    def short(self):
        raise torch.cuda.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB\nmore")

    monkeypatch.setattr(StreamedFeed, "hold", short)
    result = measure(tier="end-to-end")
    assert result["state"] == "ok"
    assert "resident_seconds" not in result["feeding"]
    assert "Tried to allocate 2.00 GiB" in result["feeding"]["resident_unread"]


def test_a_profiled_step_is_fed_as_the_window_was(monkeypatch, seen):
    def profiled(step, device, step_seconds, *, cycle):
        before = seen.made
        step()
        return {"drawn": seen.made - before, "cycle": cycle}

    monkeypatch.setattr(child, "profiled", profiled)
    result = measure(tier="end-to-end")
    assert result["profile"] == {"drawn": 1, "cycle": len(mixture.WIDTHS)}
    assert result["feeding"]["resident_seconds"] > 0


def test_every_width_takes_its_memory_again_before_the_window(monkeypatch, seen):
    marks = {}
    monkeypatch.setattr(
        cuda, "reset_peak_memory", lambda device: marks.update(reset=len(seen.trained))
    )

    def progress(stage, done, most):
        marks.setdefault(stage, len(seen.trained))

    measure(progress)
    assert set(seen.trained[marks["reset"] : marks["window"]]) == set(mixture.WIDTHS)


@pytest.mark.usefixtures("compiles_fast")
@pytest.mark.parametrize("tier", ["resident", "end-to-end"])
def test_every_width_is_compiled_in_the_steps_whose_compile_time_counts(tier):
    result = measure(mode="fp32+compile", tier=tier)
    assert result["state"] == "ok", result["reason"]
    widths, cycle = len(set(mixture.WIDTHS)), len(mixture.WIDTHS)
    assert len(result["warmup"]["start_seconds"]) == widths + cycle


@pytest.mark.usefixtures("compiles_fast")
def test_what_a_model_reads_once_to_set_itself_up_is_not_held_against_its_compiled_mode():
    result = measure(mode="fp32+compile", model="reads-once")
    assert result["state"] == "ok", result["reason"]
    assert result["effective"]["read_backs"] == []


@pytest.mark.usefixtures("compiles_fast")
def test_what_eager_steps_left_is_given_back_before_a_graph_s_pool_needs_it(monkeypatch):
    order = []

    def warmed_up(*arguments):
        order.append("warm-up")
        raise InterruptedError

    monkeypatch.setattr(cuda, "give_back_memory", lambda device: order.append("given back"))
    monkeypatch.setattr(child, "_warmed_up", warmed_up)
    with pytest.raises(InterruptedError):
        measure(mode="fp32+compile")
    assert order == ["given back", "warm-up"]


def test_only_a_gpu_s_allocator_is_asked_to_give_back(monkeypatch):
    asked = []
    monkeypatch.setattr(torch.cuda, "empty_cache", lambda: asked.append(1))
    cuda.give_back_memory(torch.device("cpu"))
    assert asked == []
    cuda.give_back_memory(torch.device("cuda"))
    assert asked == [1]


def test_parity_holds_no_more_batches_than_a_step_needs(seen):
    trajectories.parity(job("parity", accumulation=3), mixture, lambda *stage: None)
    assert seen.made > 3 * QUICK.parity_steps
    assert seen.most_alive < 3 * QUICK.parity_steps / 3


def test_parity_trains_the_same_batches_whatever_a_model_draws_in_between():
    result = trajectories.parity(job("parity", model="draws"), mixture, lambda *stage: None)
    assert len(set(result["losses"])) == QUICK.parity_steps
    assert result["repeats"] == [result["losses"]]
