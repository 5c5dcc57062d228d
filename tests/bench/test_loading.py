"""Loaders that work, starve, hang or lose a worker, in whole child processes."""

import dataclasses
import os
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest

from gpubench.bench.feed import Feed
from gpubench.bench.job import Job, Workload
from gpubench.bench.modes import REFERENCE
from gpubench.bench.protocol import SMOKE
from gpubench.bench.runner import run_job

pytestmark = pytest.mark.torch

QUICK = dataclasses.replace(SMOKE, window_min_seconds=0.3, process_limit_seconds=120.0)
PATIENCE = 4.0


def ask(tmp_path, kind="load", fault="starving", workers=2, **feed):
    on_cpu = {"pinned": False, "non_blocking": False}
    chosen = Feed(workers=workers, patience_seconds=PATIENCE, **{**on_cpu, **feed})
    job = Job(
        kind=kind,
        suite_module="tests.fakes.tiny",
        workload=Workload(preset="smoke", tier="end-to-end", model=fault, feed=chosen),
        mode=REFERENCE,
        protocol=QUICK,
        device="cpu",
        scratch=str(tmp_path),
    )
    return run_job(job, cache=tmp_path).result


def rate(result):
    return 4 * result["batches"] / result["window_seconds"]


def test_a_loader_s_window_has_its_batches_contents_and_cpu_time(tmp_path):
    result = ask(tmp_path)
    assert result["state"] in ("ok", "unstable")
    assert result["batches"] == 2 * len(result["round_seconds"])
    assert result["contents"] == {
        "padded_tokens": 4 * result["batches"],
        "real_tokens": 3 * result["batches"],
    }
    assert result["cpu_seconds"] > 0
    assert result["worker_cpu_seconds"] is not None


def test_a_source_that_sleeps_gives_no_more_than_its_workers_can(tmp_path):
    alone, helped = ask(tmp_path, workers=0), ask(tmp_path, workers=2)
    assert rate(alone) <= 4 / 0.02
    assert rate(alone) < rate(helped) <= 1.2 * 2 * 4 / 0.02
    assert alone["worker_cpu_seconds"] == 0


def test_sleeping_costs_no_cpu_time(tmp_path):
    result = ask(tmp_path)
    assert result["cpu_seconds"] + result["worker_cpu_seconds"] < 0.7 * result["window_seconds"]


def test_pinned_memory_without_a_gpu_is_not_supported(tmp_path, monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    result = ask(tmp_path, pinned=True)
    assert result["state"] == "not-supported"
    assert "pinned memory" in result["reason"]


@pytest.mark.parametrize("kind", ["load", "measure"])
def test_a_worker_that_hangs_ends_as_timed_out_within_the_stated_time(tmp_path, kind):
    began = time.monotonic()
    result = ask(tmp_path, kind, "hanging-worker")
    assert (result["state"], result["reason"]) == (
        "timed-out",
        "no batch came from 2 loader workers within 4 s",
    )
    assert time.monotonic() - began < 60 + PATIENCE
    assert not left_behind(tmp_path)


@pytest.mark.parametrize("kind", ["load", "measure"])
def test_a_worker_that_is_killed_is_a_failure_that_names_it(tmp_path, kind):
    result = ask(tmp_path, kind, "killed-worker")
    assert result["state"] == "failed"
    assert re.search(r"loader workers? \(process .*killed by (signal K|SIGK)", result["reason"])
    assert not left_behind(tmp_path)


def test_a_step_that_starves_waits_and_would_be_faster_alone(tmp_path):
    result = ask(tmp_path, "measure")
    feeding = result["feeding"]
    assert feeding["waiting_seconds"] > 0.5 * result["window_seconds"]
    fed = len(result["step_seconds"]) / result["window_seconds"]
    assert feeding["resident_steps"] / feeding["resident_seconds"] > 2 * fed
    assert feeding["workers"] == 2


def test_a_worker_that_hangs_dies_with_a_child_that_is_killed(tmp_path):
    """The loader's own watch sits in the worker, and a hanging worker does not look."""
    script = (
        "import sys, time\n"
        "from gpubench.bench.feed import Feed\n"
        "from gpubench.suites.delivery import delivered\n"
        "import tests.fakes.tiny as tiny\n"
        "rows = delivered(tiny.Rows('hanging-worker'), range(99), Feed(), workers=2)\n"
        "for _ in range(6): next(rows)\n"
        "print('hanging', flush=True); time.sleep(60)\n"
    )
    marked = {**os.environ, "CACHE_MARK": str(tmp_path)}
    command = [sys.executable, "-c", script]
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=marked) as child:
        assert child.stdout.readline() == b"hanging\n"
        assert len(left_behind(tmp_path)) == 3
        child.kill()
    ends = time.monotonic() + 10
    while left_behind(tmp_path) and time.monotonic() < ends:
        time.sleep(0.05)
    assert not left_behind(tmp_path)


def left_behind(mark):
    """Processes that were started with this folder in their environment, and still live."""
    found = []
    for place in Path("/proc").glob("[0-9]*"):
        try:
            if str(mark).encode() in (place / "environ").read_bytes():
                found.append(int(place.name))
        except OSError:
            continue
    return found
