"""How a proving child speaks: one JSON object per line, each as soon as it is known.

Part of what is sent to the interpreter under test: standard library alone, Python 3.8 and later.
``{"phase": ...}`` says what begins, ``begin`` which proof, ``proof`` how it came out; any step may
hang or end the process, and the parent then knows which one it was.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import signal
import sys
import time
from typing import Any, Callable, NamedTuple

PR_SET_PDEATHSIG = 1
"""prctl(2): the signal this process gets when its parent dies."""
_answers = sys.stdout
_started = time.monotonic()


class NotSupported(Exception):
    """This torch or this device does not have what would be proved; no fault."""


class Task(NamedTuple):
    """One proof: what is computed, where, in which dtype, by which of several ways."""

    what: str
    device: str
    compute: Callable[[], dict[str, Any]]
    """Gives the fields of the proof: ``error`` and ``limit``, ``figures``."""
    dtype: str = ""
    variant: str = ""

    @property
    def key(self) -> str:
        """Its name among those of one child."""
        return f"{self.what} {self.dtype} {self.variant} {self.device}"


def start() -> dict[str, Any]:
    """Keep stdout for answers, never outlive the parent, and give what the parent wishes for."""
    global _answers
    with contextlib.suppress(OSError, AttributeError):  # not Linux: the time limit still holds
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    _answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    wish: dict[str, Any] = json.loads(sys.argv[1])
    return wish


def say(**facts: Any) -> None:
    """Tell the parent."""
    _answers.write(json.dumps(facts) + "\n")
    _answers.flush()


def words(problem: BaseException) -> str:
    """An exception as one text."""
    return f"{type(problem).__name__}: {problem}"[:2000]


def attempt(name: str, fact: Callable[[], Any]) -> None:
    """Say one fact; why it cannot be had goes among the last words."""
    try:
        value = fact()
    except Exception as problem:
        sys.stderr.write(f"{name}: {words(problem)}\n")
        return
    if value is not None:
        say(**{name: value})


def prove(
    tasks: list[Task],
    skip: list[str],
    is_fault: Callable[[str, str], bool],
    still_works: Callable[[], bool] = lambda: True,
) -> None:
    """Do every task that is not to be skipped; a failure leaves the others.

    ``is_fault`` tells, from what an exception said and the dtype, a fault from a device that
    cannot. Where the device takes no more work after a failure, the rest is left to a fresh
    process: ``again``.
    """
    for task in tasks:
        if task.key in skip:
            continue
        place = {"what": task.what, "device": task.device}
        place.update(dtype=task.dtype, variant=task.variant)
        name = " ".join(filter(None, (task.what, task.dtype, task.variant, task.device)))
        begin(name, place, task.key)
        proof = _measured(task, is_fault)
        say(proof=dict(place, **proof))
        if proof.get("problem") and proof.get("is_supported", True) and not still_works():
            say(again=True)
            return


def begin(phase: str, place: dict[str, Any], key: str) -> None:
    """Say which proof begins, and how many seconds after the start of this process."""
    say(phase=phase, begin=place, key=key, after=time.monotonic() - _started)


def _measured(task: Task, is_fault: Callable[[str, str], bool]) -> dict[str, Any]:
    started = time.monotonic()
    proof: dict[str, Any] = {}
    try:
        proof.update(task.compute())
    except NotSupported as reason:
        proof.update(problem=str(reason), is_supported=False)
    except Exception as problem:
        said = words(problem)
        proof.update(problem=said, is_supported=is_fault(said, task.dtype))
    proof["seconds"] = time.monotonic() - started
    return proof


def api(module: Any, path: str) -> Any:
    """The public name ``path`` of torch; NotSupported where this release has none."""
    found = module
    for name in path.split("."):
        found = getattr(found, name, None)
        if found is None:
            raise NotSupported(f"this torch has no torch.{path}")
    return found


def run(main: Callable[[], None]) -> None:
    """Run ``main``; an exception is told before it ends the process."""
    try:
        main()
    except Exception as problem:
        say(problem=words(problem))
        raise
