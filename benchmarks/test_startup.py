"""How long one waits for a first answer."""

import subprocess
import sys

HELP_SECONDS = 0.25
"""The most that ``gpubench --help`` may take on a machine that is not busy."""


def run(*arguments):
    return subprocess.run(
        [sys.executable, "-m", "gpubench", *arguments], check=False, capture_output=True
    )


def test_help(benchmark):
    benchmark.pedantic(run, args=("--help",), warmup_rounds=2, rounds=20)
    assert benchmark.stats.stats.min < HELP_SECONDS


def test_doctor_quick(benchmark):
    done = benchmark.pedantic(run, args=("doctor", "--level", "quick"), warmup_rounds=1, rounds=10)
    assert done.returncode in (0, 1)
