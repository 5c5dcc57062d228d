"""Memory on a real GPU: what runs out, what is found, what is accumulated; by `nox -s gpu`."""

import dataclasses

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("timm")

from gpubench.bench import cuda, fitting  # noqa: E402
from gpubench.bench.feed import USUAL_FEED  # noqa: E402
from gpubench.bench.feeding import moved  # noqa: E402
from gpubench.bench.hostmemory import host_memory  # noqa: E402
from gpubench.bench.job import Job, Workload  # noqa: E402
from gpubench.bench.modes import mode_named  # noqa: E402
from gpubench.bench.precision import precision  # noqa: E402
from gpubench.bench.protocol import SMOKE  # noqa: E402
from gpubench.bench.shortage import read_shortage  # noqa: E402
from gpubench.bench.training import TrainingStep  # noqa: E402
from gpubench.suites import deit  # noqa: E402

pytestmark = [pytest.mark.torch, pytest.mark.gpu]


def told(size):
    """The shortage of an allocation of so many bytes."""
    device = cuda.device_named("cuda")
    cuda.remember_shortages(device)
    with pytest.raises(torch.cuda.OutOfMemoryError) as caught:
        torch.empty(size, dtype=torch.uint8, device=device)
    return read_shortage(
        str(caught.value),
        device="cuda",
        allocator=cuda.allocator_at_shortage(),
        host=host_memory(),
        settings="",
    )


def test_more_than_the_whole_gpu_is_a_true_shortage():
    total = torch.cuda.mem_get_info()[1]
    found = told(2 * total)
    assert found.is_fragmented is False
    assert found.total_bytes == total
    assert found.requested_bytes == pytest.approx(2 * total, rel=0.01)


def test_freed_pieces_between_used_ones_are_fragmentation():
    """Half of the memory is free in pieces too small for what is asked."""
    device = cuda.device_named("cuda")
    torch.cuda.empty_cache()
    free, total = torch.cuda.mem_get_info(device)
    torch.cuda.set_per_process_memory_fraction(0.25 * free / total, device)
    piece = int(0.25 * free) // 64
    try:
        slab = torch.empty(16 * piece, dtype=torch.uint8, device=device)
        del slab  # one block of the cache, which the next pieces split
        pieces = [torch.empty(piece, dtype=torch.uint8, device=device) for _ in range(15)]
        del pieces[::2]
        found = told(int(0.25 * free) - 12 * piece)
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0, device)
        pieces = None
        torch.cuda.empty_cache()
    assert found.is_fragmented is True
    assert found.inactive_split_bytes > 0
    assert found.largest_free_block_bytes < found.requested_bytes


def test_a_search_ends_at_the_memory_it_may_use(monkeypatch):
    """The allocator is told to use a twentieth of the GPU, so that a tiny model meets it."""
    monkeypatch.setattr(fitting, "MARGIN", 0.95)
    job = Job(
        kind="search-batch",
        suite_module="gpubench.suites.deit",
        workload=Workload(preset="smoke", image_size=224),
        mode=mode_named("fp32"),
        protocol=dataclasses.replace(SMOKE, process_limit_seconds=200.0),
        device="cuda",
        scratch="/nowhere",
    )
    try:
        found = fitting.search_batch(job, deit, lambda *stage: None)
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0)
    assert found["state"] == "ok"
    if found["ended"] == "memory":
        peaks = [each["peak_bytes"] for each in found["tries"] if each["fits"]]
        assert max(peaks) <= found["room_bytes"] * 1.01


@pytest.mark.parametrize("name", ["fp32", "fp32+compile", "fp32+compile-overhead"])
def test_accumulated_gradients_are_those_of_the_large_batch(name):
    """CUDA graphs above all: their gradients lie in memory that the next replay writes."""
    device, mode = cuda.device_named("cuda"), mode_named(name)
    if reason := cuda.unsupported(mode, device):
        pytest.skip(reason)

    def losses(batch_size, accumulation, mode):
        # the same images for both: a source draws eight, in one batch or in four
        task = deit.build(Workload(preset="smoke", batch_size=8), exact=True)
        whole = next(task.batches())
        parts = [
            {key: tensor[at : at + batch_size] for key, tensor in whole.items()}
            for at in range(0, 8, batch_size)
        ]
        batches = (moved(part, device, USUAL_FEED) for _ in range(50) for part in parts)
        with precision(mode):
            step = TrainingStep(task, batches, mode, device, accumulation=accumulation)
            for _ in range(12):
                step()
        return step.losses.read()

    large = losses(8, 1, mode_named("fp32"))
    assert losses(2, 4, mode) == pytest.approx(large, rel=2e-2)
    assert large[-1] < large[0]
