"""What the engine adds to a step: microseconds around an empty one, nothing beside a plain loop."""

import math
import statistics
import time

import pytest
import torch

from gpubench.bench.job import Workload
from gpubench.bench.modes import mode_named
from gpubench.bench.precision import precision
from gpubench.bench.steps import WallClock, time_window
from gpubench.bench.training import (
    LOSSES,
    RESIDENT_BATCHES,
    LossLog,
    TrainingStep,
    resident,
)
from gpubench.suites import deit

CPU = torch.device("cpu")

BOUND_SECONDS = 20e-6
"""The most that the engine may cost per step."""

PAIRS, STEPS = 20, 12
TOLERANCE = 0.02
"""A slowdown beyond this is found where the pairs can tell it from noise."""

WIDEST = 0.05
"""An interval wider than this on either side decides nothing."""


def test_the_engine_around_an_empty_step(benchmark):
    """The window's marks and the loss log: all that is not the step itself."""
    steps, log, loss = 10_000, LossLog(LOSSES, CPU), torch.ones(())
    benchmark.pedantic(
        lambda: time_window(lambda: log.record(loss), WallClock(), steps=steps),
        warmup_rounds=2,
        rounds=20,
    )
    per_step = benchmark.stats.stats.median / steps
    benchmark.extra_info["seconds_per_step"] = per_step
    assert per_step <= BOUND_SECONDS


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
    step = TrainingStep(task, resident(task.batches(), CPU), mode_named("fp32"), CPU)
    return lambda steps: time_window(step, WallClock(), steps=steps).wall_seconds


@pytest.mark.benchmark(group="pairs")
def test_the_engine_is_as_fast_as_a_plain_loop(benchmark):
    with precision(mode_named("fp32")):
        by_hand, ours = plain_loop(), engine()
        by_hand(5), ours(5)
        ratios = []
        for pair in range(PAIRS):
            first, second = (by_hand, ours) if pair % 2 else (ours, by_hand)
            times = {first: first(STEPS), second: second(STEPS)}
            ratios.append(math.log(times[ours] / times[by_hand]))
        benchmark.pedantic(lambda: ours(STEPS), rounds=3)
    mean = statistics.fmean(ratios)
    half = 2.093 * statistics.stdev(ratios) / math.sqrt(PAIRS)  # t(0.975, 19)
    benchmark.extra_info |= {
        "slowdown": math.expm1(mean),
        "interval": [math.expm1(mean - half), math.expm1(mean + half)],
    }
    print(f"\nengine against plain loop: {mean:+.2%} [{mean - half:+.2%}, {mean + half:+.2%}]")
    assert half < WIDEST, "inconclusive: the machine is too noisy for these pairs"
    assert mean - half < TOLERANCE
