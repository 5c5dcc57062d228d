"""How long one waits for a first answer."""

import os
import statistics
import subprocess
import sys
import time

import pytest

HELP_SECONDS = 0.25
"""The most that ``gpubench --help`` may take on a machine that is not busy."""

COLLECT_ENV_SHARE = 0.25
"""What ``doctor --level quick`` may take of torch's own report of the same environment."""

PAIRS = 7


@pytest.fixture(scope="module")
def variables(tmp_path_factory):
    """The environment with byte code kept, as an installed gpubench has it."""
    plain = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    return {**plain, "PYTHONPYCACHEPREFIX": str(tmp_path_factory.mktemp("bytecode"))}


def run(variables, *arguments):
    return subprocess.run(
        [sys.executable, "-m", *arguments], check=False, capture_output=True, env=variables
    )


def test_help(benchmark, variables):
    benchmark.pedantic(run, args=(variables, "gpubench", "--help"), warmup_rounds=2, rounds=20)
    assert benchmark.stats.stats.min < HELP_SECONDS


def test_doctor_quick(benchmark, variables):
    done = benchmark.pedantic(
        run, args=(variables, "gpubench", "doctor", "--level", "quick"), warmup_rounds=1, rounds=10
    )
    assert done.returncode in (0, 1)


def test_doctor_quick_takes_a_quarter_of_collect_env(variables):
    pytest.importorskip("torch")
    sides = (("gpubench", "doctor", "--level", "quick"), ("torch.utils.collect_env",))
    for side in sides:
        run(variables, *side)  # byte code written, files read once
    ratios = [seconds(variables, sides[0]) / seconds(variables, sides[1]) for _ in range(PAIRS)]
    print(f"\nquick ÷ collect_env: {min(ratios):.3f} to {max(ratios):.3f}")
    assert statistics.median(ratios) <= COLLECT_ENV_SHARE


def seconds(variables, side):
    began = time.perf_counter()
    run(variables, *side)
    return time.perf_counter() - began
