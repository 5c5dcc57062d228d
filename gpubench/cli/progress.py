"""How a run is going: a live view on a terminal, plain lines elsewhere."""

import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Union

from gpubench.bench.protocol import Protocol
from gpubench.bench.record import Measurement, RunRecord
from gpubench.bench.schedule import Step
from gpubench.bench.undisturbed import Latest
from gpubench.cli.outcome import outcome
from gpubench.cli.standing import Progress, left, so_far

if TYPE_CHECKING:
    from gpubench.cli.live import LiveWatcher


class PlainWatcher:
    """A line on stderr as each job ends."""

    def __init__(self, before: RunRecord | None = None) -> None:
        self._progress = Progress(before)
        self._remaining: Sequence[Step] = ()
        self._figure = ""

    def __enter__(self) -> "PlainWatcher":
        return self

    def __exit__(self, *problem: object) -> None:
        """Nothing to put back."""

    def began(self, step: Step, remaining: Sequence[Step], seconds_left: float) -> None:
        """Remember what is left."""
        self._remaining, self._figure = remaining, ""
        self._progress.began(step, seconds_left)

    def stage(self, name: str, done: int, of: int) -> None:
        """Stages are not worth a line."""

    def sampled(self, latest: Latest) -> None:
        """Nor is what the GPU does; the record has it."""

    def measured(self, measurement: Measurement) -> None:
        """Remember what the cell comes to."""
        self._progress.measured(measurement)
        self._figure = so_far(self._progress.standing(measurement.subject, measurement.mode))

    def ended(self, step: Step, state: str, reason: str | None, seconds: float) -> None:
        """Say how the job went, what its cell has, and how long the rest will take."""
        rest = left(self._progress.seconds_left) if self._remaining else ""
        line = outcome(step, state, reason, seconds)
        sys.stderr.write("; ".join(filter(None, [line, self._figure, rest])) + "\n")


def watcher(protocol: Protocol, before: RunRecord | None) -> Union[PlainWatcher, "LiveWatcher"]:
    """The display that fits stderr."""
    if not sys.stderr.isatty() or os.environ.get("TERM") in (None, "", "dumb"):
        return PlainWatcher(before)
    from gpubench.cli.live import LiveWatcher

    return LiveWatcher(protocol, before)
