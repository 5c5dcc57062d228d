"""The training steps of both suites by the engine of ``gpubench run``, on the GPU if there is one.

    pytest benchmarks/test_training_steps.py -W default --benchmark-json a/1.json

A file is one process. Three or more a side, measured in turns, are gated by ``gpubench compare a
b``; one alone decides nothing. ``gpubench run`` is the protocol with several processes, parity and
telemetry.
"""

import importlib
import math
import time

import pytest
import torch

from gpubench.bench import cuda
from gpubench.bench.feed import USUAL_FEED
from gpubench.bench.feeding import ResidentFeed
from gpubench.bench.job import Workload
from gpubench.bench.modes import mode_named
from gpubench.bench.precision import precision
from gpubench.bench.protocol import on_cpu, protocol_named
from gpubench.bench.steps import warm_up
from gpubench.bench.training import TrainingStep
from gpubench.gate.pytest_benchmark import OURS
from gpubench.suites.registry import SUITES

TRAINING = [suite for suite in SUITES if suite.trains]
DEVICE = torch.device("cuda" if torch.cuda.is_available() else "cpu")
CLOCK = cuda.clock_of(DEVICE)
PRESET = "standard" if DEVICE.type == "cuda" else "smoke"
PROTOCOL = protocol_named(PRESET) if DEVICE.type == "cuda" else on_cpu(protocol_named(PRESET))
ROUNDS = 5


def settled() -> float:
    """The host's clock once the device has done what was asked of it: both ends of a window."""
    CLOCK.settle()
    return time.perf_counter()


@pytest.mark.benchmark(timer=settled)
@pytest.mark.parametrize("mode", ["fp32", "tf32", "amp-bf16", "amp-fp16"])
@pytest.mark.parametrize("suite", TRAINING, ids=lambda suite: suite.name)
def test_training_step(benchmark, suite, mode):
    """A round is a window of steps between two waits; nothing waits or is read in between."""
    mode = mode_named(mode)
    if reason := cuda.unsupported(mode, DEVICE):
        pytest.skip(reason)
    module = importlib.import_module(suite.module)
    task = module.build(Workload(preset=PRESET))
    with precision(mode):
        step = TrainingStep(task, ResidentFeed(task, DEVICE, USUAL_FEED), mode, DEVICE)
        warm = warm_up(step, CLOCK, PROTOCOL)
        benchmark.group = suite.name
        benchmark.extra_info |= {
            "samples per step": task.batch_size,
            OURS: {
                "state": "ok" if warm.stable else "unstable",
                "facts": facts(task, module.REVISION),
            },
        }
        benchmark.pedantic(step, rounds=ROUNDS, iterations=PROTOCOL.window_min_steps)
    assert all(map(math.isfinite, step.losses.read())), "a loss is not finite"


def facts(task, revision):
    """What must be equal for two files to be compared; plain values."""
    return {
        "preset": PRESET,
        "suite revision": revision,
        "batch size": task.batch_size,
        "threads": torch.get_num_threads(),
        **{key: value for key, value in task.settings.items() if not isinstance(value, list)},
    }
