"""The throw-away process in which a batch size is searched: real steps, on the real device."""

import dataclasses
import functools
import gc
import itertools
from collections.abc import Iterator, Sequence
from typing import Any

import torch

from gpubench.bench import cuda
from gpubench.bench.batch_search import MARGIN, STAGE, BatchTry, forecast_peak, search
from gpubench.bench.feed import Feed
from gpubench.bench.feeding import batches_of, kept_of
from gpubench.bench.hostmemory import forget_peak, host_memory
from gpubench.bench.job import Job, Progress
from gpubench.bench.precision import precision
from gpubench.bench.steps import time_window
from gpubench.bench.task import Batch, Suite, Task
from gpubench.bench.training import TrainingStep
from gpubench.units import Bytes

FIRST_STEPS = 2
"""Steps before the timed ones: the second holds the optimizer's state from its start on."""

TIMED_STEPS = 3
"""Steps whose fastest counts (own choice); whether doubling pays shows at once."""

MOST_SECONDS = 240
"""How long a search may take in all, and never more than half of a process's limit."""


def search_batch(job: Job, suite: Suite, progress: Progress) -> dict[str, Any]:
    """The largest batch that is of use in the job's mode, and what was tried for it.

    On a GPU it is the largest that fits into what is free less a margin. On a CPU no size is tried
    that by the sizes before it would need more than the machine, or a control group of it, still
    gives; and the search ends where samples/s no longer rises.
    """
    device = cuda.device_named(job.device)
    reason = cuda.unsupported(job.mode, device)
    if reason is not None:
        return {"state": "not-supported", "reason": reason}
    workload, _ = suite.survey(job.workload, job.scratch)
    room = _room(device)

    def attempt(size: int) -> BatchTry:
        progress(f"{STAGE}{size}", 0, 1)
        sized = dataclasses.replace(workload, batch_size=size, feed=_plain(workload.feed))
        changed = dataclasses.replace(job, workload=sized)
        return _attempt(changed, suite, device)

    with precision(job.mode):
        found = search(
            attempt,
            forecast=functools.partial(_forecast, device),
            until_flat=device.type == "cpu",
            most_seconds=min(MOST_SECONDS, job.protocol.process_limit_seconds / 2),
        )
    return {
        "state": "ok" if found.size else "out-of-memory",
        "reason": None if found.size else found.tries[-1].why,
        "found": found.size,
        "ended": found.ended,
        "tries": [dataclasses.asdict(each) for each in found.tries],
        "room_bytes": room,
        "margin": MARGIN,
    }


def _room(device: torch.device) -> Bytes | None:
    """What the process may use; on a GPU its allocator is told so."""
    if device.type == "cuda":
        return Bytes(cuda.keep_out_of_memory(device, MARGIN))
    host = host_memory()
    if host.available_bytes is None:
        return None
    return Bytes(round((host.resident_bytes or 0) + host.available_bytes * (1 - MARGIN)))


def _forecast(device: torch.device, tries: Sequence[BatchTry], size: int) -> str | None:
    """Why a size must not be tried on a CPU, whose kernel would end some process for it."""
    if device.type == "cuda":
        return None
    needed, room = forecast_peak(tries, size), _room(device)
    if needed is None or room is None or needed <= room:
        return None
    return (
        f"not tried: about {needed / 2**30:.2f} GiB by the sizes before, {room / 2**30:.2f} GiB "
        "may be used"
    )


def _attempt(job: Job, suite: Suite, device: torch.device) -> BatchTry:
    size = job.workload.batch_size or 1
    _reset(device)
    try:
        seconds, peak = _train(job, suite, device)
    except Exception as problem:
        if not cuda.is_out_of_memory(problem):
            raise
        return BatchTry(batch_size=size, fits=False, why=str(problem).splitlines()[0][:400])
    return BatchTry(
        batch_size=size,
        fits=True,
        peak_bytes=peak,
        samples_per_second=size * job.workload.accumulation / seconds,
    )


def _reset(device: torch.device) -> None:
    """Let go of the attempt before, and of its peak."""
    gc.collect()
    if device.type == "cuda":
        cuda.reset_peak_memory(device)
    else:
        forget_peak()


def _train(job: Job, suite: Suite, device: torch.device) -> tuple[float, Bytes]:
    """Seconds of the fastest step, and peak bytes."""
    torch.manual_seed(job.workload.seed)
    task = suite.build(job.workload)
    batches = _as_many_as_measured(task, device, job.workload.tier)
    step = TrainingStep(task, batches, job.mode, device, accumulation=job.workload.accumulation)
    clock = cuda.clock_of(device)
    for _ in range(FIRST_STEPS):
        time_window(step, clock, steps=1)
    times = [time_window(step, clock, steps=1).wall_seconds for _ in range(TIMED_STEPS)]
    return min(times), _peak(device)


def _plain(feed: Feed) -> Feed:
    """The same batches made by this process: a search needs a few, and no time of the loader."""
    return dataclasses.replace(feed, workers=0, pinned=False)


def _as_many_as_measured(task: Task, device: torch.device, tier: str) -> Iterator[Batch]:
    """The largest batch of a mixture, in as many copies as a measured process keeps of all."""
    host = max(itertools.islice(task.batches(), batches_of(task)), key=_elements)
    first = {name: tensor.to(device) for name, tensor in host.items()}
    kept = [first]
    if tier == "resident":
        kept += [
            {name: tensor.clone() for name, tensor in first.items()}
            for _ in range(kept_of(task) - 1)
        ]
    return itertools.cycle(kept)


def _elements(batch: Batch) -> int:
    return sum(tensor.numel() for tensor in batch.values())


def _peak(device: torch.device) -> Bytes:
    if device.type == "cuda":
        return Bytes(cuda.memory(device)["peak_reserved_bytes"])
    return host_memory().peak_bytes or Bytes(cuda.memory(device)["peak_bytes"])
