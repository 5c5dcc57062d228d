"""Batches on their way to the step: kept on the device, or copied to it as they come."""

import dataclasses
import itertools
import math
import multiprocessing
import os
import time
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import torch

from gpubench.bench import cuda
from gpubench.bench.feed import Feed, cpu_seconds
from gpubench.bench.job import Workload
from gpubench.bench.protocol import Protocol
from gpubench.bench.steps import time_window
from gpubench.bench.task import Batch, Task
from gpubench.bench.training import RESIDENT_BATCHES, TrainingStep

HELD_BATCHES = 2
"""How many batches of one shape a stream holds to show the step without its input (own choice):
they come on top of what the cell itself needs."""


def batches_of(task: Task) -> int:
    """After how many batches a mixture of shapes is complete; 1 where all have one shape."""
    return int(getattr(task, "cycle", 1))


def kept_of(task: Task) -> int:
    """How many batches stay on the device: one whole mixture, or a few of one shape."""
    return batches_of(task) if batches_of(task) > 1 else RESIDENT_BATCHES


def steps_of(task: Task, accumulation: int) -> int:
    """After how many steps of so many batches each it is complete, and a step begins anew."""
    batches = batches_of(task)
    return batches // math.gcd(batches, accumulation)


def contents_of(task: Task, batch: Batch) -> dict[str, int]:
    """What the suite counts in a batch on the host, such as padded and real tokens."""
    count: Callable[[Batch], dict[str, int]] = getattr(task, "contents", lambda batch: {})
    return count(batch)


def in_whole_cycles(steps: int, cycle: int) -> int:
    """``steps`` rounded up, so that every shape has its share of them."""
    return math.ceil(steps / cycle) * cycle


def fitted(protocol: Protocol, cycle: int) -> Protocol:
    """The same rules with warm-up blocks of whole cycles, and room for four of them.

    The first steps, in which every shape may be compiled, have a block's room of their own.
    """
    block = in_whole_cycles(protocol.block_steps, cycle)
    most = max(protocol.warmup_max_steps, 5 * block) if cycle > 1 else protocol.warmup_max_steps
    return dataclasses.replace(protocol, block_steps=block, warmup_max_steps=most)


def moved(batch: Batch, device: torch.device, feed: Feed) -> Batch:
    """The batch on the device; a copy that does not block needs a pinned source."""
    return {
        name: tensor.to(device, non_blocking=feed.non_blocking) for name, tensor in batch.items()
    }


class ResidentFeed(Iterator[Batch]):
    """A few batches that stay on the device and are trained in turn, without end.

    ``cycle`` is the number of steps after which the mixture of shapes is complete.
    """

    def __init__(
        self, task: Task, device: torch.device, feed: Feed, *, accumulation: int = 1
    ) -> None:
        self.cycle, self._accumulation = steps_of(task, accumulation), accumulation
        count = kept_of(task)
        host = list(itertools.islice(task.batches(), count))
        self._contents = sum((Counter(contents_of(task, batch)) for batch in host), Counter())
        self._kept = len(host)
        self._batches = itertools.cycle([moved(batch, device, feed) for batch in host])

    def __next__(self) -> Batch:
        return next(self._batches)

    def begin(self) -> None:
        """Nothing is counted while it runs."""

    def facts(self, steps: int) -> dict[str, Any]:
        """What ``steps`` steps were fed: exact over whole cycles, in proportion otherwise."""
        batches = steps * self._accumulation
        return {name: round(n * batches / self._kept) for name, n in self._contents.items()}

    def waiting(self) -> dict[str, float]:
        """Nothing is waited for."""
        return {}


class StreamedFeed(Iterator[Batch]):
    """Every batch, copied to the device as it comes; the first is drawn at once.

    What a source does once (reading files, starting workers) is thereby no part of a first step.
    Waiting is the time in which the source had no batch ready; nothing waits for the device.
    ``cycle`` is the number of steps after which the mixture of shapes is complete.
    """

    def __init__(
        self, task: Task, device: torch.device, feed: Feed, *, accumulation: int = 1
    ) -> None:
        self.cycle = steps_of(task, accumulation)
        self._task, self._device, self._feed = task, device, feed
        host = iter(task.batches())
        self._host = itertools.chain([next(host)], host)
        self.begin()

    def __next__(self) -> Batch:
        began = time.perf_counter()
        batch = next(self._host)
        self.waited += time.perf_counter() - began
        self.drawn += 1
        self._contents.update(contents_of(self._task, batch))
        return moved(batch, self._device, self._feed)

    def begin(self) -> None:
        """Count from here on."""
        self.waited, self.drawn = 0.0, 0
        self._contents: Counter[str] = Counter()

    def facts(self, steps: int) -> dict[str, Any]:  # noqa: ARG002
        """What was drawn since ``begin``."""
        return dict(self._contents)

    def waiting(self) -> dict[str, float]:
        """Seconds since ``begin`` in which the next batch was not there yet."""
        return {"waiting_seconds": self.waited, "workers": self._feed.processes}

    def hold(self) -> Iterator[Batch]:
        """The next batches, kept on the device and repeated: the same step without its input."""
        count = max(HELD_BATCHES, batches_of(self._task))
        return itertools.cycle([next(self) for _ in range(count)])


AnyFeed = ResidentFeed | StreamedFeed


def feed_of(task: Task, workload: Workload, device: torch.device) -> AnyFeed:
    """The feed that the workload's tier asks for."""
    kind = ResidentFeed if workload.tier == "resident" else StreamedFeed
    return kind(task, device, workload.feed, accumulation=workload.accumulation)


class CpuTime:
    """CPU seconds of this process and of its workers since it was made."""

    def __init__(self) -> None:
        self._own = time.process_time()
        self._workers = _of_workers()

    def so_far(self) -> dict[str, float | None]:
        """Both, None for workers that cannot be read; workers that ended are left out."""
        now, before = _of_workers(), self._workers
        spent = [
            None if now[process] is None or before.get(process) is None
            else now[process] - before[process]  # type: ignore[operator]
            for process in now
        ]  # fmt: skip
        return {
            "cpu_seconds": time.process_time() - self._own,
            "worker_cpu_seconds": None if None in spent else sum(filter(None, spent)),
        }


def _of_workers() -> dict[int, float | None]:
    children = [child.pid for child in multiprocessing.active_children()]
    return {pid: cpu_seconds(pid) for pid in children if pid is not None and pid != os.getpid()}


def alone(
    step: TrainingStep, feed: AnyFeed, device: torch.device, protocol: Protocol, steps: int
) -> dict[str, Any]:
    """The same step over batches that stay on the device, after a window of ``steps`` steps.

    It is a quarter as long as that window, after one warm-up block; empty where the batches were
    resident already. It is a diagnostic, so what stops it becomes its reason and costs nothing.
    """
    if isinstance(feed, ResidentFeed):
        return {}
    try:
        return _alone(step, feed, device, protocol, steps)
    except Exception as problem:
        return {"resident_unread": f"{type(problem).__name__}: {problem}".splitlines()[0][:300]}
    finally:
        step.take(feed)


def _alone(
    step: TrainingStep, feed: StreamedFeed, device: torch.device, protocol: Protocol, steps: int
) -> dict[str, Any]:
    clock = cuda.clock_of(device)
    step.take(feed.hold())
    time_window(step, clock, steps=protocol.block_steps)
    window = time_window(step, clock, steps=in_whole_cycles(max(4, steps // 4), feed.cycle))
    return {
        "resident_seconds": window.wall_seconds,
        "resident_steps": len(window.step_seconds),
    }
