"""What a child does with a job of ceilings: measure those it is asked for, each for itself."""

import time
from typing import Any

import torch

from gpubench.bench import cuda
from gpubench.bench.ceilings import collective, works
from gpubench.bench.ceilings.windows import ClocksDisagree
from gpubench.bench.job import Job
from gpubench.units import Seconds


def measure(job: Job, suite: object, progress: Any) -> dict[str, Any]:  # noqa: ARG001
    """A line for each ceiling the job names; one that fails leaves the others alone."""
    device = cuda.device_for(job.device)
    torch.manual_seed(job.workload.seed)
    lines = []
    began = time.monotonic()
    for done, name in enumerate(job.ceilings):
        progress(name, done, len(job.ceilings))
        lines.append({"name": name, **_one(name, device, job.protocol.window_min_seconds)})
    return {
        "state": "ok",
        "reason": None,
        "ceilings": lines,
        "device": cuda.facts(device),
        "window_monotonic": [began, time.monotonic()],
    }


def _one(name: str, device: torch.device, seconds: Seconds) -> dict[str, Any]:
    measured = collective.all_reduce if name == "all-reduce" else _samples(name)
    try:
        return {"state": "ok", "reason": None, "samples": measured(device, seconds)}
    except works.NotHere as reason:
        return _without("not-supported", reason)
    except works.NotAsSet as reason:
        return _without("invalid", reason)
    except ClocksDisagree as reason:
        return {**_without("invalid", reason), "disturbed": True}
    except Exception as problem:
        if cuda.is_out_of_memory(problem):
            return _without("out-of-memory", problem)
        if "not implemented for" in str(problem):
            return _without("not-supported", problem)
        return _without("failed", f"{type(problem).__name__}: {problem}")


def _samples(name: str) -> Any:
    return lambda device, seconds: works.samples(name, device, seconds)


def _without(state: str, reason: object) -> dict[str, Any]:
    first = next(iter(str(reason).splitlines()), "")
    return {"state": state, "reason": first[:400], "samples": []}
