"""How batches come to the step: workers, memory, copies, lengths; plain values and small rules."""

import dataclasses
import os
import re
from typing import Literal

from gpubench.units import Seconds

Lengths = Literal["fixed", "bucketed"]
Long = Literal["truncate", "window"]

USUAL_WORKERS = 4
"""Loader processes, as the source documents set them; never more than there are cores."""

MOST_WORKERS = 64
"""Rows of the loader tier end here; one process feeds no device from more (own choice)."""

PATIENCE = Seconds(60)
"""How long a batch may take before its worker counts as hung (own choice)."""


class LoaderHung(RuntimeError):
    """No batch came from the loader's workers within the time allowed."""


class LoaderDied(RuntimeError):
    """A worker of the loader was killed or ended by itself; the message names it."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Feed:
    """How a user wants batches to be made and moved.

    ``workers`` is None for the usual number. ``pinned`` and ``non_blocking`` matter with a GPU
    alone. ``augment`` is a random resized crop and a flip (images). ``lengths`` and ``long`` say
    how sentences are padded and what becomes of those that are too long. A batch that takes
    longer than ``patience_seconds`` ends the measurement.
    """

    workers: int | None = None
    pinned: bool = True
    non_blocking: bool = True
    augment: bool = False
    lengths: Lengths = "fixed"
    long: Long = "truncate"
    patience_seconds: Seconds = PATIENCE

    @property
    def processes(self) -> int:
        """How many workers are started here."""
        return min(USUAL_WORKERS, cores()) if self.workers is None else self.workers

    @property
    def title(self) -> str:
        """Workers, memory and copy, for the display."""
        memory = "pinned" if self.pinned else "pageable"
        copy = "non-blocking" if self.non_blocking else "blocking"
        return f"{self.processes} workers, {memory}, {copy}"


USUAL_FEED = Feed()
"""What a run does unless it is asked for something else."""


def cores() -> int:
    """Cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def here(asked: Feed, device: str) -> Feed:
    """What a run on that device really does: pinned memory is for copies to a GPU."""
    on_gpu = device.startswith("cuda")
    return dataclasses.replace(
        asked,
        workers=asked.processes,
        pinned=asked.pinned and on_gpu,
        non_blocking=asked.non_blocking and on_gpu,
    )


def settings(asked: Feed, device: str, available: int) -> tuple[Feed, ...]:
    """The rows of the loader tier: worker counts, then ways of copying where there is a GPU.

    Workers are 0 and the powers of two from 2 up to the ``available`` cores and
    ``MOST_WORKERS``; 0 and the number asked for where one was. The other ways of copying are
    measured at one number of workers, the one a run would use.
    """
    on_gpu = device.startswith("cuda")
    used = here(asked, device)
    rows = [dataclasses.replace(used, workers=count) for count in _counts(asked, available)]
    if on_gpu:
        rows += [
            dataclasses.replace(used, pinned=pinned, non_blocking=non_blocking)
            for pinned, non_blocking in ((True, False), (False, True), (False, False))
        ]
    return tuple(rows)


def _counts(asked: Feed, available: int) -> list[int]:
    if asked.workers is not None:
        return sorted({0, asked.workers})
    powers = [2**power for power in range(1, 7)]
    return [0, *(count for count in powers if count <= min(available, MOST_WORKERS))]


def cpu_seconds(process: int) -> Seconds | None:
    """CPU time that a process has used so far, of all its threads; None where it cannot be read.

    From ``/proc/PID/stat`` (proc(5): utime and stime, fields 14 and 15), in ticks of 10 ms.
    """
    try:
        with open(f"/proc/{process}/stat", encoding="utf-8", errors="replace") as stream:  # noqa: PTH123
            fields = stream.read().rpartition(")")[2].split()
        return Seconds((int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK"))
    except (OSError, ValueError, IndexError):
        return None


def death_of_worker(text: str) -> str | None:
    """What torch's loader says of a worker that died, in our words; None for anything else.

    The words are those of ``torch/utils/data`` in 2.6 to 2.9: "DataLoader worker (pid 7) is
    killed by signal: Killed." and "DataLoader worker (pid(s) 7, 8) exited unexpectedly".
    """
    killed = re.search(r"DataLoader worker \(pid (\d+)\) is killed by signal: ([^.]*)", text)
    if killed:
        hint = " (the kernel's out-of-memory killer sends it)" if "Kill" in killed[2] else ""
        return f"a loader worker (process {killed[1]}) was killed by signal {killed[2]}{hint}"
    ended = re.search(r"DataLoader worker \(pid\(s\) ([\d, ]+)\) exited unexpectedly", text)
    return f"a loader worker (process {ended[1]}) ended unexpectedly" if ended else None
