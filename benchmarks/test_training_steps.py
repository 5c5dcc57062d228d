"""The training steps of both suites, on the GPU where there is one.

    pytest benchmarks/test_training_steps.py --benchmark-json steps.json

A number here is one process; ``gpubench run`` is the protocol with several.
"""

import importlib

import pytest
import torch

from gpubench.bench import cuda
from gpubench.bench.feed import USUAL_FEED
from gpubench.bench.feeding import ResidentFeed
from gpubench.bench.job import Workload
from gpubench.bench.modes import mode_named
from gpubench.bench.precision import precision
from gpubench.bench.training import TrainingStep
from gpubench.suites.registry import SUITES

TRAINING = [suite for suite in SUITES if suite.trains]
DEVICE = torch.device("cuda" if torch.cuda.is_available() else "cpu")
PRESET = "standard" if DEVICE.type == "cuda" else "smoke"


@pytest.mark.parametrize("mode", ["fp32", "tf32", "amp-bf16", "amp-fp16"])
@pytest.mark.parametrize("suite", TRAINING, ids=lambda suite: suite.name)
def test_training_step(benchmark, suite, mode):
    mode = mode_named(mode)
    if reason := cuda.unsupported(mode, DEVICE):
        pytest.skip(reason)
    task = importlib.import_module(suite.module).build(Workload(preset=PRESET))
    clock = cuda.clock_of(DEVICE)
    with precision(mode):
        step = TrainingStep(task, ResidentFeed(task, DEVICE, USUAL_FEED), mode, DEVICE)

        def one_step():
            step()
            clock.settle()

        benchmark.extra_info |= {
            "batch_size": task.batch_size,
            "device": cuda.facts(DEVICE)["name"],
        }
        benchmark.pedantic(one_step, warmup_rounds=5, rounds=30)
    losses = step.losses.read()
    assert all(loss == loss for loss in losses), "a loss is not a number"
