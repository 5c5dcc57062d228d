"""The child process: reads one job from stdin, answers JSON lines, and never outlives its parent.

Started as ``python -c`` by ``runner``; needs the standard library, torch, and what the suite
imports, so that any interpreter or image can run it from a folder that holds gpubench alone.
"""

import contextlib
import ctypes
import importlib
import json
import os
import signal
import sys
from typing import Any, TextIO

WORK = {
    "describe": ("gpubench.bench.child", "describe"),
    "measure": ("gpubench.bench.child", "measure"),
    "parity": ("gpubench.bench.trajectories", "parity"),
    "search-batch": ("gpubench.bench.fitting", "search_batch"),
    "load": ("gpubench.bench.loading", "load"),
    "ceilings": ("gpubench.bench.ceilings.measuring", "measure"),
    "train": ("gpubench.bench.learning.loop", "train"),
    "measure-ranks": ("gpubench.bench.ranks.launcher", "launch"),
    "parity-ranks": ("gpubench.bench.ranks.launcher", "launch"),
    "take-part": ("gpubench.bench.ranks.meeting", "take_part"),
}
"""The module and function that do each kind of job; the module is imported when it is asked for."""

PR_SET_PDEATHSIG = 1
"""prctl(2): the signal this process gets when its parent dies."""


def main() -> None:
    """Do the job on stdin and write its answers to what stdout was at the start."""
    die_with_parent()
    answers = _take_stdout()
    job_text = sys.stdin.read()

    def say(event: str, **content: Any) -> None:
        answers.write(json.dumps({"event": event, **content}) + "\n")
        answers.flush()

    say("begun")  # a broken pipe: the parent died before this process asked to die with it
    try:
        say("result", **_run(job_text, say))
    except Exception as problem:
        say("error", **told(problem))
        sys.exit(1)


def die_with_parent() -> None:
    """Have the kernel kill this process as soon as the thread that started it is gone."""
    with contextlib.suppress(OSError, AttributeError):  # not Linux: the time limit still holds
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def _take_stdout() -> TextIO:
    """The real stdout, for answers alone; whatever prints from here on goes to stderr."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    return answers


def _run(job_text: str, say: Any) -> dict[str, Any]:
    from gpubench.bench.job import Job

    job = Job.from_plain(json.loads(job_text))
    suite = importlib.import_module(job.suite_module)
    module, function = WORK[job.kind]
    answer: dict[str, Any] = getattr(importlib.import_module(module), function)(
        job, suite, _Telling(say)
    )
    return answer


class _Telling:
    """Where a job says how far it is, and what is to be kept before it is done."""

    def __init__(self, say: Any) -> None:
        self._say = say

    def __call__(self, stage: str, done: int, of: int) -> None:
        self._say("progress", stage=stage, done=done, of=of)

    def tell(self, kind: str, **content: Any) -> None:
        self._say("told", kind=kind, **content)


def told(problem: Exception) -> dict[str, Any]:
    """What went wrong, sorted by what the user can do about it."""
    from gpubench.bench.feed import LoaderDied, LoaderHung, death_of_worker
    from gpubench.bench.strategy import RankProblem
    from gpubench.errors import GpubenchError

    text = f"{type(problem).__name__}: {problem}"
    if isinstance(problem, RankProblem):
        return problem.told
    if isinstance(problem, GpubenchError):
        return {"kind": "user", "reason": str(problem)}
    if isinstance(problem, ModuleNotFoundError):
        return {"kind": "missing-package", "reason": problem.name or str(problem)}
    if isinstance(problem, LoaderHung):
        return {"kind": "timed-out", "reason": str(problem)}
    if isinstance(problem, LoaderDied):
        return {"kind": "failed", "reason": str(problem)}
    died = death_of_worker(text)  # torch tells it by a signal, wherever the step then is
    if died is not None:
        return {"kind": "failed", "reason": died}
    if _is_out_of_memory(problem):
        return {"kind": "out-of-memory", "reason": text, **_memory(text)}
    return {"kind": "failed", "reason": text}


def _is_out_of_memory(problem: Exception) -> bool:
    if "torch" not in sys.modules:
        return isinstance(problem, MemoryError)
    from gpubench.bench import cuda

    return cuda.is_out_of_memory(problem)


def _memory(message: str) -> dict[str, Any]:
    """Figures of this moment, while what was allocated still is."""
    import dataclasses

    import torch

    from gpubench.bench import cuda
    from gpubench.bench.hostmemory import host_memory
    from gpubench.bench.shortage import read_shortage

    device = cuda.device_named("cuda" if torch.cuda.is_initialized() else "cpu")
    shortage = read_shortage(
        message,
        device=device.type,
        allocator=cuda.allocator_at_shortage(),
        host=host_memory(),
        settings=cuda.allocator_settings(),
    )
    return {"memory": cuda.memory(device), "shortage": dataclasses.asdict(shortage)}
