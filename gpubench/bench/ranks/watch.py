"""Watches the ranks of a node from a thread: how far they are, where they stand if they hang."""

import contextlib
import json
import os
import re
import signal
import threading
import time
from pathlib import Path
from typing import Any

from gpubench.bench.job import Progress

EVERY_SECONDS = 0.2
STACK_SECONDS = 1.0
"""How long a rank gets to write down where it stands (own choice)."""


class Watch:
    """While it is entered, progress is passed on, and after ``limit_seconds`` the ranks are ended.

    ``hung`` then says what each of them was doing.
    """

    def __init__(self, folder: Path, limit_seconds: float, progress: Progress) -> None:
        self._folder, self._limit, self._progress = folder, limit_seconds, progress
        self._done, self._told = threading.Event(), 0
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self.hung: str | None = None

    def __enter__(self) -> "Watch":
        self._thread.start()
        return self

    def __exit__(self, *problem: object) -> None:
        self._done.set()
        self._thread.join()

    def _watch(self) -> None:
        ends = time.monotonic() + self._limit
        while not self._done.wait(EVERY_SECONDS):
            self._pass_on()
            if time.monotonic() > ends:
                self._end()
                return

    def _pass_on(self) -> None:
        with contextlib.suppress(OSError, ValueError, KeyError):
            lines = (self._folder / "progress").read_text(encoding="utf-8").splitlines()
            for line in lines[self._told :]:
                told: dict[str, Any] = json.loads(line)
                self._progress(told["stage"], told["done"], told["of"])
                self._told += 1

    def _end(self) -> None:
        """Ask the ranks that run where they stand, then end them."""
        running = {rank: pid for rank, pid in pids(self._folder).items() if _is_there(pid)}
        for pid in running.values():
            _send(pid, signal.SIGUSR1)
        time.sleep(STACK_SECONDS)
        stood = [f"rank {rank} {_stands(self._folder, rank)}" for rank in running]
        self.hung = f"no answer within {self._limit:.0f} s; {', '.join(stood) or 'no rank ran'}"
        for pid in running.values():
            _send(pid, signal.SIGKILL)


def pids(folder: Path) -> dict[int, int]:
    """The process of each rank of this node that has begun."""
    found = {}
    for path in sorted(folder.glob("pid-*"), key=lambda path: int(path.name[4:])):
        with contextlib.suppress(OSError, ValueError):
            found[int(path.name[4:])] = int(path.read_text(encoding="utf-8"))
    return found


def _is_there(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except OSError:
        return False
    return True


def _send(pid: int, what: signal.Signals) -> None:
    with contextlib.suppress(OSError):
        os.kill(pid, what)


def _stands(folder: Path, rank: int) -> str:
    """The innermost place that the rank wrote down: the file's name, line and function."""
    with contextlib.suppress(OSError):
        text = (folder / f"stack-{rank}").read_text(encoding="utf-8", errors="replace")
        found = re.search(r'File "([^"]*)", line (\d+) in (\S+)', text)
        if found:
            return f"stood in {found[3]} ({Path(found[1]).name}:{found[2]})"
    return "did not say where it stood"
