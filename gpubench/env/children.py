"""Threads that each wait for a child process; an interrupt ends the children and waits for none."""

import contextlib
import os
import signal
import subprocess
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

T = TypeVar("T")

_of_this_thread = threading.local()


class Children:
    """The children that run at this moment; once ended, no new ones run."""

    def __init__(self) -> None:
        self._running: set[subprocess.Popen[bytes]] = set()
        self._lock = threading.Lock()
        self._over = False

    @contextlib.contextmanager
    def holding(self, child: subprocess.Popen[bytes]) -> Iterator[None]:
        """``child`` is among them while the block runs."""
        with self._lock:
            self._running.add(child)
            over = self._over
        if over:
            end_group(child)
        try:
            yield
        finally:
            with self._lock:
                self._running.discard(child)

    def end(self) -> None:
        """End them, and every one that is started from now on."""
        with self._lock:
            self._over = True
            running = list(self._running)
        for child in running:
            end_group(child)


def children_here() -> Children:
    """Those of the pool that this thread belongs to; outside a pool, nobody else's."""
    return getattr(_of_this_thread, "children", None) or Children()


class Pool(ThreadPoolExecutor):
    """Threads for children. Left by an exception, it ends the children first.

    A pool inside a pool shares the outer one's children, so that an interrupt, which reaches the
    main thread alone, ends all of them.
    """

    def __init__(self, at_once: int) -> None:
        self._children = children_here()
        super().__init__(at_once, initializer=self._enter)

    def _enter(self) -> None:
        _of_this_thread.children = self._children

    def __exit__(self, kind: Any, problem: Any, trace: Any) -> bool | None:
        if kind is not None:
            self._children.end()
            self.shutdown(wait=False, cancel_futures=True)
        return super().__exit__(kind, problem, trace)


def concurrently(jobs: Sequence[Callable[[], T]], *, at_once: int) -> list[T]:
    """What ``jobs`` answer, in their order; ``at_once`` of them run at a time."""
    with Pool(max(1, min(at_once, len(jobs)))) as pool:
        return [future.result() for future in [pool.submit(job) for job in jobs]]


def end_group(child: subprocess.Popen[bytes]) -> None:
    """End the child and everything it started; a process stuck in the kernel is left behind."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(child.pid, signal.SIGKILL)
    with contextlib.suppress(subprocess.TimeoutExpired):
        child.wait(2.0)
