"""The work of a child, answered at once and without torch; each child leaves its number behind."""

import dataclasses
import os
import time
from pathlib import Path

from tests.fakes.records import FACTS

STEP_SECONDS = {"fp32": 0.1, "amp-bf16": 0.05, "fp32+compile": 0.08}


def _here(job, progress):
    if "GPUBENCH_TEST_PIDS" in os.environ:  # a container is not told
        (Path(os.environ["GPUBENCH_TEST_PIDS"]) / str(os.getpid())).touch()
    progress(f"working on {job.kind}", 0, 1)
    time.sleep(0.02)


def describe(job, suite, progress):
    _here(job, progress)
    names = ("revision", "batch_size", "parameters", "step_flops", "settings")
    return {
        **{name: getattr(FACTS, name) for name in names},
        "workload": {**dataclasses.asdict(job.workload), "labels": ["a"]},
        "survey": {},
        "ranks": job.workload.strategy.world,
        "device": {"type": "cpu", "name": "A CPU"},
        "unsupported": {},
    }


def measure(job, suite, progress):
    _here(job, progress)
    each = STEP_SECONDS[job.mode.name]
    return {
        "state": "ok", "reason": None, "window_seconds": 10 * each, "step_seconds": [each] * 10,
        "losses": [1.0] * 8, "memory": {"peak_bytes": 1},
    }  # fmt: skip


def parity(job, suite, progress):
    _here(job, progress)
    return {"state": "ok", "reason": None, "losses": [2.0, 1.9, 1.8]}


def ceilings(job, suite, progress):
    _here(job, progress)
    lines = [
        {"name": name, "state": "not-supported", "reason": "none here"} for name in job.ceilings
    ]
    return {"state": "ok", "reason": None, "ceilings": lines, "device": {"type": "cpu"}}
