"""The loader tier: batches are made and copied, nothing is trained."""

import dataclasses
import math
from typing import Any

import torch

from gpubench.bench import cuda
from gpubench.bench.feeding import CpuTime, StreamedFeed, in_whole_cycles
from gpubench.bench.job import Job, Progress
from gpubench.bench.protocol import Protocol, on_cpu, window_steps
from gpubench.bench.steps import Warmup, time_window, warm_up
from gpubench.bench.task import Suite

UNPINNED = "pinned memory is for copies to a GPU, and torch can use none here"


PREFETCHED = 2
"""Rounds that workers have ready in advance (torch's prefetch_factor): drawn before the window."""


def load(job: Job, suite: Suite, progress: Progress) -> dict[str, Any]:
    """Draw batches until the rate is steady, then time a window of them.

    A step is a round: one batch from each worker, since workers take turns. The rules for a
    steady rate are those of a CPU, which does this work.
    """
    device = cuda.device_named(job.device)
    if device.type != "cuda" and job.workload.feed.pinned:
        return {"state": "not-supported", "reason": UNPINNED}
    torch.manual_seed(job.workload.seed)
    task = suite.build(job.workload)
    feed = StreamedFeed(task, device, job.workload.feed)
    batches = in_whole_cycles(max(1, job.workload.feed.processes), feed.cycle)

    def draw() -> None:
        for _ in range(batches):
            next(feed)

    clock, protocol = cuda.clock_of(device), _rules(job.protocol, batches)
    progress("warm-up", 0, protocol.warmup_max_steps)
    warmup = warm_up(draw, clock, protocol)
    rounds = window_steps(protocol, warmup.step_seconds)
    progress("window", 0, rounds)
    for _ in range(PREFETCHED):
        draw()
    feed.begin()
    cpu = CpuTime()
    window = time_window(draw, clock, steps=rounds)
    return {
        **cpu.so_far(),
        **_state(warmup, protocol),
        "batches": rounds * batches,
        "window_seconds": window.wall_seconds,
        "round_seconds": list(window.step_seconds),
        "contents": feed.facts(rounds),
        "data": dict(task.data()),
        "memory": cuda.memory(device),
    }


def _rules(protocol: Protocol, batches: int) -> Protocol:
    """The protocol's numbers of steps as rounds of so many batches."""
    rules = on_cpu(protocol)
    least = math.ceil(rules.window_min_steps / batches)
    return dataclasses.replace(rules, window_min_steps=max(3, least))


def _state(warmup: Warmup, protocol: Protocol) -> dict[str, Any]:
    if warmup.stable:
        return {"state": "ok", "reason": None}
    return {
        "state": "unstable",
        "reason": f"the rate did not settle within {protocol.stable_within:.0%} "
        f"in {warmup.steps} rounds",
    }
