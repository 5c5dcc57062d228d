"""How a run is going: a bar with the time left on a terminal, plain lines elsewhere."""

import sys
import time
from collections.abc import Sequence
from types import TracebackType
from typing import TYPE_CHECKING

from gpubench import units
from gpubench.bench.protocol import Protocol
from gpubench.bench.schedule import Step
from gpubench.cli import terminal

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID


class TimeLeft:
    """An estimate that starts from a guess per kind of job and learns from those that ended."""

    def __init__(self, protocol: Protocol) -> None:
        self._protocol = protocol
        self._seen: dict[tuple[str, bool, bool], list[float]] = {}

    def ended(self, step: Step, seconds: float) -> None:
        """Learn from a job that ran in a process."""
        if seconds > 0:
            self._seen.setdefault(_likeness(step), []).append(seconds)

    def of(self, steps: Sequence[Step]) -> float:
        """Seconds that these jobs will take."""
        return sum(self.of_one(step) for step in steps)

    def of_one(self, step: Step) -> float:
        """Seconds that this job will take."""
        seen = self._seen.get(_likeness(step))
        if seen:
            return sum(seen) / len(seen)
        start, compiling = 8.0, 30.0 if step.mode.compile else 0.0
        if step.kind == "measure":
            return start + compiling + 2 * self._protocol.window_min_seconds
        return start + compiling + self._protocol.soak_seconds


def _likeness(step: Step) -> tuple[str, bool, bool]:
    """Jobs of one kind take about as long, compiled ones longer, the first of them longest."""
    return step.kind, step.mode.compile is not None, step.process == 0


class PlainWatcher:
    """A line on stderr as each job ends."""

    def __init__(self, protocol: Protocol) -> None:
        self._left = TimeLeft(protocol)
        self._remaining: Sequence[Step] = ()

    def __enter__(self) -> "PlainWatcher":
        return self

    def __exit__(self, *problem: object) -> None:
        """Nothing to put back."""

    def began(self, step: Step, remaining: Sequence[Step]) -> None:  # noqa: ARG002
        """Remember what is left."""
        self._remaining = remaining

    def stage(self, name: str, done: int, of: int) -> None:
        """Stages are not worth a line."""

    def ended(self, step: Step, state: str, reason: str | None, seconds: float) -> None:
        """Say how the job went, and how long the rest will take."""
        self._left.ended(step, seconds)
        left = self._left.of(self._remaining)
        rest = f"; about {units.seconds(left)} left" if self._remaining else ""
        sys.stderr.write(f"{_outcome(step, state, reason, seconds)}{rest}\n")


class BarWatcher:
    """One live line with a bar; ended jobs stay above it."""

    def __init__(self, protocol: Protocol) -> None:
        self._left = TimeLeft(protocol)
        self._spent = 0.0
        self._began = time.monotonic()
        self._display: Progress | None = None
        self._task: TaskID | None = None
        self._step: Step | None = None

    def __enter__(self) -> "BarWatcher":
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

        self._display = Progress(
            BarColumn(bar_width=24),
            TextColumn("{task.description}"),
            TimeElapsedColumn(),
            TextColumn("{task.fields[left]}"),
            console=Console(stderr=True, highlight=False),
            transient=True,
        )
        self._task = self._display.add_task("starting", total=None, left="")
        self._display.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        problem: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        assert self._display is not None
        self._display.stop()

    def began(self, step: Step, remaining: Sequence[Step]) -> None:
        """Show the job, and how much of the whole is done."""
        assert self._display is not None
        assert self._task is not None
        self._step = step
        rest = self._left.of_one(step) + self._left.of(remaining)
        self._display.update(
            self._task,
            description=step.title,
            completed=self._spent,
            total=self._spent + rest,
            left=f"about {units.seconds(rest)} left",
        )

    def stage(self, name: str, done: int, of: int) -> None:  # noqa: ARG002
        """Show where the running job is."""
        assert self._display is not None
        assert self._task is not None
        assert self._step is not None
        self._display.update(self._task, description=f"{self._step.title} · {name}")

    def ended(self, step: Step, state: str, reason: str | None, seconds: float) -> None:
        """Leave a line behind."""
        assert self._display is not None
        self._left.ended(step, seconds)
        self._spent += seconds
        self._display.console.print(
            _outcome(step, state, reason, seconds), markup=False, soft_wrap=True
        )


def watcher(protocol: Protocol) -> PlainWatcher | BarWatcher:
    """The display that fits stderr."""
    return BarWatcher(protocol) if sys.stderr.isatty() else PlainWatcher(protocol)


def _outcome(step: Step, state: str, reason: str | None, seconds: float) -> str:
    mark = {"ok": "✓", "not-supported": "–", "unstable": "~"}.get(state, "✗")
    took = f" {units.seconds(seconds)}" if seconds else ""
    said = f" {state}: {reason}" if reason else ""
    return terminal.plain(f"{mark} {step.title}{took}{said}")
