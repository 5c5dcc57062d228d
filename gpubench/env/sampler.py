"""The sampler of a GPU: a process beside a measurement, and what it has read."""

import contextlib
import dataclasses
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import gpubench
from gpubench.env.telemetry import Sample, Telemetry, summarise

_PROGRAM = (
    "import sys; sys.path[:] = filter(None, sys.path); "
    "from gpubench.env.telemetry_child import main; main()"
)

LAST_BYTES = 2048
"""The end of what a sampler wrote, which holds its latest reading whole."""


class Recorder:
    """The readings of a sampler, taken as they come.

    The sampler writes through the same open file, so it is read without moving its position.
    """

    def __init__(self, output: IO[bytes]) -> None:
        self._output = output

    def between(self, began: float, ended: float) -> Telemetry:
        """What was read from ``began`` to ``ended``, seconds of the monotonic clock."""
        events = list(_events(self._read(0)))
        for event in events:
            if "unavailable" in event:
                return Telemetry(samples=0, unavailable=str(event["unavailable"]))
        inside = [event for event in events if began <= event.get("seconds", -1.0) <= ended]
        told = _told(events)
        if not inside:
            return _with_xids(
                Telemetry(samples=0, unavailable="no reading fell into the window"), told, events
            )
        seen = summarise(inside, began=began, ended=ended, limits=told.get("limits"))
        return _with_xids(seen, told, events)

    def xids(self) -> tuple[int, ...]:
        """The driver's error codes since the sampler began."""
        return _xids(list(_events(self._read(0))))

    def latest(self) -> Sample | None:
        """The last reading so far, for a display."""
        start = max(0, os.fstat(self._output.fileno()).st_size - LAST_BYTES)
        readings = [event for event in _events(self._read(start)) if "seconds" in event]
        return readings[-1] if readings else None

    def _read(self, start: int) -> bytes:
        handle = self._output.fileno()
        return os.pread(handle, max(0, os.fstat(handle).st_size - start), start)


def _events(content: bytes) -> Iterator[dict[str, Any]]:
    for line in content.splitlines():
        with contextlib.suppress(ValueError):  # a line cut short at either end
            event = json.loads(line)
            if isinstance(event, dict):
                yield event


def _told(events: list[dict[str, Any]]) -> dict[str, Any]:
    """What the sampler said once, at its beginning."""
    return next((event for event in events if "limits" in event), {})


def _xids(events: list[dict[str, Any]]) -> tuple[int, ...]:
    return tuple(int(event["xid"]) for event in events if "xid" in event)


def _with_xids(seen: Telemetry, told: dict[str, Any], events: list[dict[str, Any]]) -> Telemetry:
    return dataclasses.replace(seen, xids=_xids(events), xid_watch=told.get("xid_watch"))


@contextlib.contextmanager
def sampling(gpu: str) -> Iterator[Recorder]:
    """Sample the GPU of that hashed UUID ten times a second while the block runs."""
    path = str(Path(gpubench.__file__).resolve().parent.parent)
    with tempfile.TemporaryFile() as output:
        sampler = subprocess.Popen(
            [sys.executable, "-c", _PROGRAM, gpu],
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=subprocess.DEVNULL,
            env={
                **os.environ,
                "PYTHONPATH": os.pathsep.join(
                    filter(None, [path, os.environ.get("PYTHONPATH", "")])
                ),
                "PYTHONDONTWRITEBYTECODE": "1",
            },
            start_new_session=True,
        )
        try:
            yield Recorder(output)
        finally:
            sampler.kill()  # it may hang in NVML, and has nothing to put in order
            sampler.wait()
            if sampler.stdin is not None:
                sampler.stdin.close()
