"""torch's loader as every suite uses it: workers that may die or hang, but never stay behind."""

import multiprocessing
import signal
import time
from collections.abc import Iterable, Iterator
from multiprocessing.process import BaseProcess
from typing import Any

import torch
from torch.utils.data import DataLoader, Dataset

from gpubench.bench.feed import Feed, LoaderDied, LoaderHung, death_of_worker
from gpubench.bench.worker import die_with_parent

DYING_SECONDS = 1.0
"""How long after a broken hand-over a worker's death is looked for (own choice)."""


def delivered(
    data: Dataset[Any], order: Iterable[Any], feed: Feed, *, workers: int
) -> Iterator[Any]:
    """What ``data`` answers to each index of ``order``, made by so many workers, in order.

    LoaderHung where nothing comes for ``feed.patience_seconds``; without workers the process
    itself makes the batches, and its own time limit is the only one. LoaderDied names workers
    that were killed. Workers end with the process that started them, however it ends.
    """
    loader: DataLoader[Any] = DataLoader(
        data,
        batch_size=None,
        sampler=order,
        num_workers=workers,
        pin_memory=feed.pinned and torch.cuda.is_available(),
        timeout=feed.patience_seconds if workers else 0,
        worker_init_fn=_start if workers else None,
    )
    others = multiprocessing.active_children()
    batches = iter(loader)
    started = [child for child in multiprocessing.active_children() if child not in others]
    try:
        yield from batches
    except (RuntimeError, OSError, EOFError) as problem:
        if "DataLoader timed out" in str(problem):
            raise LoaderHung(
                f"no batch came from {workers} loader workers within {feed.patience_seconds:g} s"
            ) from None
        killed = _killed(started)
        said = _told(killed, workers) if killed else death_of_worker(str(problem))
        if said is not None:
            raise LoaderDied(said) from None
        raise


def _killed(workers: list[BaseProcess]) -> list[BaseProcess]:
    """Those that a signal ended; one that dies while it hands a batch over is seen a little later.

    torch then says that a connection was reset, or that a worker "exited unexpectedly".
    """
    ends = time.monotonic() + DYING_SECONDS
    while True:
        killed = [child for child in workers if (child.exitcode or 0) < 0]
        if killed or time.monotonic() > ends:
            return killed
        time.sleep(0.01)


def _told(killed: list[BaseProcess], workers: int) -> str:
    """Which workers were killed by what."""
    one = killed[0]
    name = signal.Signals(-(one.exitcode or 0)).name
    hint = " (the kernel's out-of-memory killer sends it)" if name == "SIGKILL" else ""
    pids = ", ".join(str(child.pid) for child in killed)
    return f"{len(killed)} of {workers} loader workers (process {pids}) killed by {name}{hint}"


def _start(worker: int) -> None:  # noqa: ARG001
    """A worker that hangs cannot see that its parent is gone; the kernel can."""
    die_with_parent()
