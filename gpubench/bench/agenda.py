"""What a run does next: every cell once, then what the budget and the asked precision allow."""

import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

from gpubench.bench.estimate import Estimate
from gpubench.bench.feed import Feed
from gpubench.bench.intervals import log_half_width
from gpubench.bench.job import Subject
from gpubench.bench.modes import REFERENCE, Mode
from gpubench.bench.protocol import Protocol
from gpubench.bench.record import LOADER, Closing, Ended, Measurement, RunRecord
from gpubench.bench.schedule import Step, gives_up, in_turn, schedule

Cell = tuple[Subject, Mode]


class Agenda:
    """The jobs of a run in their order, decided one by one.

    The first process of every cell comes first, whatever the budget: a cell is never missing for
    want of time. Then come parity and the other processes of the preset, and then further ones for
    the cells whose interval is wider than asked. A job that would end after the budget is left
    out, and the next that fits is done. Whether to go on is decided by the width of an interval
    alone, never by what lies in it.

    The budget counts from ``began``, a time by ``clock`` in seconds, or else from the agenda's
    making. ``feeds`` are timed alone. What is ``spread`` over several devices is held against one.
    """

    def __init__(
        self,
        subjects: Sequence[Subject],
        modes: Sequence[Mode],
        protocol: Protocol,
        before: RunRecord | None,
        clock: Callable[[], float] = time.monotonic,
        feeds: Mapping[Subject, Sequence[Feed]] | None = None,
        began: float | None = None,
        spread: Collection[Subject] = (),
    ) -> None:
        self._protocol, self._clock = protocol, clock
        self._loaded = () if modes else tuple(feeds or {})
        self._cells: list[Cell] = [(subject, mode) for subject in subjects for mode in modes]
        self._steps = in_turn(
            [
                schedule(
                    subject,
                    modes,
                    protocol.processes,
                    before,
                    (feeds or {}).get(subject, ()),
                    is_spread=subject in spread,
                )
                for subject in subjects
            ]
        )
        self._described: set[Subject] = {step.subject for step in self._steps}
        self._began = clock() if began is None else began
        self._reserved: Callable[[], Sequence[Step]] = tuple
        self.estimate = Estimate(protocol)
        self._measured: dict[Cell, dict[int, Measurement]] = {cell: {} for cell in self._cells}
        self._left_out: dict[Cell, list[Step]] = {}
        for subject, mode in self._cells:
            for measurement in before.measured(subject, mode.name) if before else ():
                self._measured[subject, mode][measurement.process] = measurement

    def __iter__(self) -> Iterator[Step]:
        """The next job, until there is none; tell of each with ``learn`` before the next."""
        while self._steps or self._go_on():
            step = self._steps.pop(0)
            if self._has_given_up(step):
                continue
            if not self.has_time_for(step):
                self._left_out.setdefault((step.subject, step.mode), []).append(step)
            else:
                yield step

    @property
    def remaining(self) -> list[Step]:
        """The jobs that are known to follow."""
        return [step for step in self._steps if not self._has_given_up(step)]

    def seconds_left(self, step: Step) -> float:
        """How long a job and those that are known to follow will take, within the budget."""
        needed = [step, *(s for s in self.remaining if _has_to_be(s))]
        expected = self.estimate.of([step, *self.remaining])
        budget = self._protocol.budget_seconds
        if budget is None:
            return expected
        kept = self.estimate.of(self._reserved())
        return max(self.estimate.of(needed), min(expected, budget - self._spent - kept))

    def reserve(self, later: Callable[[], Sequence[Step]]) -> None:
        """Keep time for jobs that somebody else does: ``later`` answers those still to come."""
        self._reserved = later

    def has_time_for(self, step: Step) -> bool:
        """Whether a job, and then what has to be done, ends within the budget.

        What has to be done is done whatever the time.
        """
        budget = self._protocol.budget_seconds
        if budget is None or _has_to_be(step):
            return True
        later = [*(s for s in self.remaining if _has_to_be(s)), *self._reserved()]
        return self._spent + self.estimate.of([step, *later]) <= budget

    def learn(self, step: Step, seconds: float, measurement: Measurement | None = None) -> None:
        """Take in how a job ended."""
        self.estimate.learn(step, seconds)
        if measurement is not None:
            self._measured[step.subject, step.mode][step.process] = measurement

    def closings(self) -> list[Closing]:
        """Why each cell has as many processes as it has, where that was to be decided.

        Where nothing is trained the budget alone decides, and a subject's feeds are told together.
        """
        if self._protocol.precision is None and self._protocol.budget_seconds is None:
            return []
        closings = [self._closing(cell) for cell in self._cells if self._throughputs(cell)]
        return closings + [self._loader_closing(subject) for subject in self._loaded]

    def _loader_closing(self, subject: Subject) -> Closing:
        """What was left out of a subject whose batches alone are timed."""
        steps = self._left_out.get((subject, REFERENCE), [])
        return Closing(
            suite=subject.suite,
            variant=subject.variant,
            mode=LOADER,
            ended="budget" if steps else "processes",
            budget_seconds=self._protocol.budget_seconds,
            left_out=tuple(
                f"{step.what} of {step.feed.title}" for step in steps if step.feed is not None
            ),
        )

    def _closing(self, cell: Cell) -> Closing:
        subject, mode = cell
        return Closing(
            suite=subject.suite,
            variant=subject.variant,
            mode=mode.name,
            ended=self._ended(cell),
            precision=self._protocol.precision,
            most_processes=self._protocol.most_processes,
            budget_seconds=self._protocol.budget_seconds,
            left_out=tuple(step.what for step in self._left_out.get(cell, ())),
        )

    def _ended(self, cell: Cell) -> Ended:
        if self._is_narrow(cell):
            return "narrow"
        if self._left_out.get(cell):
            return "budget"
        return "processes" if self._protocol.precision is None else "most-processes"

    def _go_on(self) -> bool:
        """Plan one more process for every cell that is not narrow; whether there are any."""
        wide = [cell for cell in self._cells if self._wants_more(cell)]
        for subject, mode in wide:
            if subject not in self._described:
                self._described.add(subject)
                self._steps.append(Step(subject=subject, kind="describe", mode=REFERENCE))
            process = max(self._measured[subject, mode]) + 1
            self._steps.append(Step(subject=subject, kind="measure", mode=mode, process=process))
        return bool(self._steps)

    def _wants_more(self, cell: Cell) -> bool:
        protocol = self._protocol
        if protocol.precision is None or self._left_out.get(cell) or not self._throughputs(cell):
            return False
        has_room = max(self._measured[cell]) + 1 < (protocol.most_processes or 0)
        return has_room and not self._is_narrow(cell) and not self._gave_up(cell)

    def _is_narrow(self, cell: Cell) -> bool:
        half = log_half_width(self._throughputs(cell))
        precision = self._protocol.precision
        return half is not None and precision is not None and half <= precision

    def _throughputs(self, cell: Cell) -> list[float]:
        return [m.throughput for m in self._measured[cell].values() if m.counts]

    def _has_given_up(self, step: Step) -> bool:
        return step.kind not in ("describe", "load") and self._gave_up((step.subject, step.mode))

    def _gave_up(self, cell: Cell) -> bool:
        return any(gives_up(m) for m in self._measured.get(cell, {}).values())

    @property
    def _spent(self) -> float:
        return self._clock() - self._began


def _has_to_be(step: Step) -> bool:
    """Whether it is done whatever the budget: every cell once, and what that needs."""
    return step.kind == "describe" or step.is_first
