"""Stands in a container before the program that is to run there, and ends it when it must end.

Sent as ``python -c`` with a time limit and a command: standard library alone, Python 3.8 and
later. Its stdin begins with the length of the command's own input; when stdin is closed, whoever
started the container is gone or wants it to end: the command is asked where it is (SIGABRT), then
killed with all it started. Its last line on stderr says how the command ended.
"""

from __future__ import annotations

import sys

sys.path[:] = [entry for entry in sys.path if entry]

import contextlib
import ctypes
import os
import resource
import select
import signal
import subprocess
import threading
import time

PR_SET_PDEATHSIG = 1
"""prctl(2): the signal this process gets when its parent dies."""


def _input() -> bytes:
    """What the first line says that comes, and no more."""
    with open(0, "rb", buffering=0, closefd=False) as stream:
        size, text = int(stream.readline() or 0), b""
        while len(text) < size:
            piece = stream.read(size - len(text))
            if not piece:
                break
            text += piece
    return text


def _feed(child: subprocess.Popen[bytes], text: bytes) -> None:
    with contextlib.suppress(OSError):  # it ended without reading it
        child.stdin.write(text)  # type: ignore[union-attr]
        child.stdin.close()  # type: ignore[union-attr]


def _with_guard() -> None:
    """Where the container is no more than a folder, the kernel ends the program with its guard."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def _end(child: subprocess.Popen[bytes], number: int) -> None:
    with contextlib.suppress(OSError):
        os.killpg(child.pid, number)


def _watch(child: subprocess.Popen[bytes], limit: float) -> None:
    """Wait for the end of stdin or of the time, whatever comes first."""
    select.select([0], [], [], limit)
    with contextlib.suppress(OSError, ValueError):
        resource.prlimit(child.pid, resource.RLIMIT_CORE, (1, 1))  # it leaves no core file
    _end(child, signal.SIGABRT)
    time.sleep(1.0)
    _end(child, signal.SIGKILL)


def _run(limit: float, command: list[str], text: bytes) -> int:
    try:
        child = subprocess.Popen(
            command, stdin=subprocess.PIPE, start_new_session=True, preexec_fn=_with_guard
        )
    except OSError as problem:
        sys.stderr.write(f"cannot start {command[0]}: {problem.strerror}\n")
        return 127
    threading.Thread(target=_feed, args=(child, text), daemon=True).start()
    threading.Thread(target=_watch, args=(child, limit), daemon=True).start()
    status = child.wait()
    _end(child, signal.SIGKILL)
    return status


status = _run(float(sys.argv[1]), sys.argv[2:], _input())
sys.stderr.write(f"\ngpubench-guard: ended with {status}\n")
sys.stderr.flush()
os._exit(0)
