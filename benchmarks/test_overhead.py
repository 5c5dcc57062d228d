"""What the engine adds to a step: microseconds around an empty one, nothing beside a plain loop."""

import time

import pytest
import torch

from benchmarks.pairs import half_of, noted, ratio_of_pairs
from gpubench.bench import cuda
from gpubench.bench.feed import USUAL_FEED
from gpubench.bench.feeding import ResidentFeed
from gpubench.bench.job import Workload
from gpubench.bench.modes import REFERENCE
from gpubench.bench.precision import precision
from gpubench.bench.steps import WallClock, time_window
from gpubench.bench.training import (
    LOSSES,
    RESIDENT_BATCHES,
    LossLog,
    TrainingStep,
)
from gpubench.gate.intervals import mean_of
from gpubench.suites import deit

CPU = torch.device("cpu")
DEVICES = [CPU, *([torch.device("cuda")] if torch.cuda.is_available() else [])]

BOUND_SECONDS = 20e-6
"""The most that the engine may cost per step; all of the interval must lie below."""

EMPTY_STEPS = 10_000

PAIRS, STEPS = 20, 12
TOLERANCE = 0.02
"""A slowdown beyond this is found where the pairs can tell it from noise."""

WIDEST = 0.05
"""An interval wider than this on either side decides nothing."""


@pytest.mark.parametrize("device", DEVICES, ids=str)
def test_the_engine_around_an_empty_step(benchmark, device):
    """The window's marks and the loss log: all that is not the step itself."""
    clock, loss = cuda.clock_of(device), torch.ones((), device=device)
    log, costs = LossLog(LOSSES, device), []

    def window():
        wall = time_window(lambda: log.record(loss), clock, steps=EMPTY_STEPS).wall_seconds
        costs.append(wall / EMPTY_STEPS)

    benchmark.pedantic(window, warmup_rounds=2, rounds=20)
    cost = mean_of(costs[2:])
    benchmark.extra_info |= {
        "seconds_per_step": cost.value,
        "interval": [cost.low, cost.high],
    }
    print(
        f"\nthe engine around an empty step, {device}: {cost.value * 1e6:.2f} µs "
        f"[{cost.low * 1e6:.2f}, {cost.high * 1e6:.2f}]"
    )
    assert cost.high <= BOUND_SECONDS


def plain_loop():
    """The same model, batches and optimizer in a loop as one writes it by hand."""
    task = deit.build(Workload(preset="smoke"))
    model = task.model.train()
    source = task.batches()
    batches = [next(source) for _ in range(RESIDENT_BATCHES)]
    optimizer = torch.optim.AdamW(model.parameters(), lr=task.learning_rate, fused=True)

    def run(steps):
        began = time.perf_counter()
        for index in range(steps):
            optimizer.zero_grad(set_to_none=True)
            loss = model(**batches[index % len(batches)])
            loss.backward()
            optimizer.step()
        return time.perf_counter() - began

    return run


def engine():
    """The engine's own step and window."""
    task = deit.build(Workload(preset="smoke"))
    step = TrainingStep(task, ResidentFeed(task, CPU, USUAL_FEED), REFERENCE, CPU)
    return lambda steps: time_window(step, WallClock(), steps=steps).wall_seconds


@pytest.mark.benchmark(group="pairs")
def test_the_engine_is_as_fast_as_a_plain_loop(benchmark):
    with precision(REFERENCE):
        by_hand, ours = plain_loop(), engine()
        by_hand(5), ours(5)
        ratio = ratio_of_pairs(lambda: ours(STEPS), lambda: by_hand(STEPS), pairs=PAIRS)
        benchmark.pedantic(lambda: ours(STEPS), rounds=3)
    noted(benchmark, ratio, "engine against plain loop")
    assert half_of(ratio) < WIDEST, "inconclusive: the machine is too noisy for these pairs"
    assert ratio.low < 1 + TOLERANCE
