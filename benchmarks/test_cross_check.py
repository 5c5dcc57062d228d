"""The window's wall time and torch's own timer agree on the training steps of both suites."""

import importlib

import pytest
import torch
from torch.utils.benchmark import Timer

from benchmarks.pairs import noted, ratio_of_pairs
from gpubench.bench import cuda
from gpubench.bench.feed import USUAL_FEED
from gpubench.bench.feeding import ResidentFeed
from gpubench.bench.job import Workload
from gpubench.bench.modes import REFERENCE
from gpubench.bench.precision import precision
from gpubench.bench.steps import time_window
from gpubench.bench.training import TrainingStep
from gpubench.suites.registry import SUITES

TRAINING = [suite for suite in SUITES if suite.trains]
DEVICE = torch.device("cuda" if torch.cuda.is_available() else "cpu")

PAIRS, STEPS, WARMUP = 30, 8, 10

BOUND = 0.05
"""All of the interval must lie this near to 1; a machine too noisy for that shows nothing."""


@pytest.mark.benchmark(group="pairs")
@pytest.mark.parametrize("suite", TRAINING, ids=lambda suite: suite.name)
def test_the_window_and_torchs_timer_agree(benchmark, suite):
    task = importlib.import_module(suite.module).build(Workload(preset="smoke"))
    clock = cuda.clock_of(DEVICE)
    with precision(REFERENCE):
        step = TrainingStep(task, ResidentFeed(task, DEVICE, USUAL_FEED), REFERENCE, DEVICE)
        # the timer would otherwise measure with one thread
        timer = Timer("step()", globals={"step": step}, num_threads=torch.get_num_threads())

        def window():
            return time_window(step, clock, steps=STEPS).wall_seconds / STEPS

        def torchs():
            return timer.timeit(STEPS).mean

        time_window(step, clock, steps=WARMUP)
        ratio = ratio_of_pairs(window, torchs, pairs=PAIRS)
        benchmark.pedantic(window, rounds=3)
    noted(benchmark, ratio, f"{suite.name}, window against torch.utils.benchmark")
    assert ratio.low > 1 - BOUND, "the window reads less than torch's timer, or noise hides it"
    assert ratio.high < 1 + BOUND, "the window reads more than torch's timer, or noise hides it"
