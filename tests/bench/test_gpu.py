"""What only a GPU can show; run by `nox -s gpu`."""

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("timm")
pytest.importorskip("transformers")

from gpubench.bench import cuda  # noqa: E402
from gpubench.bench.feed import USUAL_FEED  # noqa: E402
from gpubench.bench.feeding import ResidentFeed  # noqa: E402
from gpubench.bench.job import Workload  # noqa: E402
from gpubench.bench.modes import MODES, mode_named  # noqa: E402
from gpubench.bench.precision import mismatches, precision, read_back  # noqa: E402
from gpubench.bench.profiled import profiled  # noqa: E402
from gpubench.bench.readbacks import ReadBacks  # noqa: E402
from gpubench.bench.training import TrainingStep  # noqa: E402
from gpubench.suites import bert_ner, deit  # noqa: E402

pytestmark = [pytest.mark.torch, pytest.mark.gpu]

SUITES = pytest.mark.parametrize("suite", [deit, bert_ner], ids=["deit", "bert-ner"])
EAGER = [mode for mode in MODES if mode.compile is None]


def step_of(suite, mode):
    device = cuda.device_named("cuda")
    if reason := cuda.unsupported(mode, device):
        pytest.skip(reason)
    task = suite.build(Workload(preset="smoke"))
    return TrainingStep(task, ResidentFeed(task, device, USUAL_FEED), mode, device)


@pytest.mark.parametrize("mode", EAGER, ids=lambda mode: mode.name)
def test_what_is_set_is_in_effect(mode):
    device = cuda.device_named("cuda")
    if reason := cuda.unsupported(mode, device):
        pytest.skip(reason)
    with precision(mode):
        assert mismatches(mode, read_back(mode, device)) == []


def test_tf32_that_leaks_in_is_seen_and_named():
    device = cuda.device_named("cuda")
    if reason := cuda.unsupported(mode_named("tf32"), device):
        pytest.skip(reason)
    mode = mode_named("fp32")
    with precision(mode):
        torch.backends.cuda.matmul.allow_tf32 = True
        said = mismatches(mode, read_back(mode, device))
    assert "products ran as tf32" in said[0]
    assert "torch.get_float32_matmul_precision() is high" in said[0]


@SUITES
@pytest.mark.parametrize("mode", EAGER, ids=lambda mode: mode.name)
def test_a_watched_step_of_ours_reads_nothing_back(suite, mode):
    with precision(mode):
        step = step_of(suite, mode)
        reads = ReadBacks(cuda.device_named("cuda"))
        reads.watch(step)
    assert reads.unwatched is None
    assert reads.found == []


@pytest.mark.parametrize("operators", [True, False])
@pytest.mark.parametrize(
    "read",
    [
        lambda loss: loss.item(),
        lambda loss: loss.cpu(),
        lambda loss: torch.tensor(1.0, device="cuda"),
        lambda loss: torch.cuda.synchronize(),
    ],
    ids=["item", "cpu", "a copy in", "synchronize"],
)
def test_a_wait_inside_the_model_is_found_with_its_line(operators, read):
    step = step_of(deit, mode_named("fp32"))
    plain = step.model.forward

    def forward(**batch):
        loss = plain(**batch)
        read(loss.detach())
        return loss

    step.model.forward = forward
    reads = ReadBacks(cuda.device_named("cuda"))
    reads.watch(step, operators=operators)
    assert reads.by("model")
    assert reads.by("model")[0].place.startswith("bench/test_gpu.py:")


def test_a_profiled_pass_tells_a_busy_share_and_the_attention():
    step = step_of(deit, mode_named("amp-bf16"))
    facts = profiled(step, cuda.device_named("cuda"), 0.01)
    assert "unread" not in facts, facts
    assert 0 < facts["busy_seconds"] <= facts["wall_seconds"]
    assert facts["attention"]
    assert len(facts["top"]) == 5


@SUITES
@pytest.mark.parametrize("mode", EAGER, ids=lambda mode: mode.name)
def test_a_step_never_waits_for_the_device(suite, mode):
    with precision(mode):
        step = step_of(suite, mode)
        for _ in range(3):
            step()
        torch.cuda.synchronize()
        torch.cuda.set_sync_debug_mode("error")
        try:
            step()
        finally:
            torch.cuda.set_sync_debug_mode("default")


@SUITES
@pytest.mark.parametrize("name", ["fp32+compile", "amp-bf16+compile-overhead"])
def test_a_compiled_step_trains_over_cycling_batches(suite, name):
    mode = mode_named(name)
    with precision(mode):
        step = step_of(suite, mode)
        for _ in range(24):
            step()
    losses = step.losses.read()
    assert sum(losses[-8:]) < sum(losses[:8])
    assert len(set(losses)) > 12, "the log holds each step's own loss, not one buffer's"


def test_overflow_is_counted_as_skipped_steps():
    step = step_of(deit, mode_named("amp-fp16"))
    with torch.no_grad():
        for parameter in step.model.parameters():
            parameter.fill_(1e4)
    step()
    assert step.skipped_steps() == 1


def test_memory_that_runs_out_is_recognised():
    with pytest.raises(Exception) as caught:  # noqa: PT011 - which type is what is asked
        torch.empty(2**50, dtype=torch.uint8, device="cuda")
    assert cuda.is_out_of_memory(caught.value)


def test_the_clock_agrees_with_the_wall():
    device = cuda.device_named("cuda")
    clock = cuda.clock_of(device)
    left = torch.randn(4096, 4096, device=device)
    clock.settle()
    start = clock.mark()
    for _ in range(20):
        left @ left
    end = clock.mark()
    clock.settle()
    assert 0 < clock.seconds(start, end) < 10
