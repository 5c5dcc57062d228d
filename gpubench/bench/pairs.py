"""Two sides measured in turns on one machine: pairs of processes, AB BA AB …, until decided.

A pair is one process of each side in one cell, one directly after the other. Each side keeps an
ordinary record of its own; the process's number there is that of its pair.
"""

import dataclasses
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol as Interface

from gpubench.bench.cache import PairCaches
from gpubench.bench.estimate import Estimate
from gpubench.bench.job import Subject
from gpubench.bench.modes import REFERENCE, Mode
from gpubench.bench.pair_lines import PairLines, PairNumber
from gpubench.bench.protocol import Protocol
from gpubench.bench.record import Measurement, RecordWriter, RunRecord
from gpubench.bench.schedule import WORTH_ANOTHER_TRY, Step
from gpubench.bench.session import Ask, Session, SuiteRun, SuiteSession
from gpubench.bench.undisturbed import MOST_DISCARDED, Latest, Sampling
from gpubench.env.sampler import sampling

Letter = str
"""``a`` is the baseline, ``b`` the candidate."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """One of the two: how its jobs are done, and its record so far.

    ``ask`` runs a job wherever this side's processes run; ``before`` is what is gone on with.
    """

    letter: Letter
    ask: Ask
    writer: RecordWriter
    before: RunRecord | None


class Judge(Interface):
    """Somebody who reads both records and says when enough is known."""

    def described(self) -> None:
        """Both sides of a suite were surveyed; an error raised here ends the session."""

    def is_over(self, subject: Subject, mode: str) -> bool:
        """Whether a cell needs no further pair."""

    def pairs_to_look(self, subject: Subject, mode: str) -> int:
        """How many more pairs a cell needs before something may be said of it."""


class PairWatcher(Interface):
    """Somebody who is told how a session of pairs goes."""

    def began(self, letter: Letter, step: Step, seconds_left: float) -> None:
        """A job of a side starts; until all cells have their next look it takes so long."""

    def sampled(self, latest: Latest) -> None:
        """While the running job lasts, ``latest`` answers what its GPU does."""

    def stage(self, name: str, done: int, of: int) -> None:
        """The running job has reached a stage."""

    def ended(
        self, letter: Letter, step: Step, state: str, reason: str | None, seconds: float
    ) -> None:
        """The running job is over."""

    def paired(self, subject: Subject, mode: str) -> None:
        """A cell has one more pair."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class PairSession:
    """What all pairs share. ``budget_seconds`` is the time of one call, None for any.

    Whatever the budget, every cell gets one pair, and parity.
    """

    sides: tuple[Side, Side]
    modes: tuple[Mode, ...]
    protocol: Protocol
    device: str
    budget_seconds: float | None
    judge: Judge
    watcher: PairWatcher
    sampling: Sampling = sampling
    clock: Callable[[], float] = time.monotonic


def run_pairs(session: PairSession, suites: Sequence[SuiteRun]) -> None:
    """Measure pairs until the judge has enough; an interruption loses the running pair alone."""
    with tempfile.TemporaryDirectory(prefix="gpubench-") as scratch:
        _Pairs(session, suites, Path(scratch)).run()


@dataclasses.dataclass(frozen=True, slots=True)
class _SideWatcher:
    """A session's watcher that passes on which side it is, and keeps the processes."""

    letter: Letter
    watcher: PairWatcher
    lines: PairLines

    def sampled(self, latest: Latest) -> None:
        self.watcher.sampled(latest)

    def stage(self, name: str, done: int, of: int) -> None:
        self.watcher.stage(name, done, of)

    def measured(self, measurement: Measurement) -> None:
        self.lines.add(self.letter, measurement)

    def began(self, step: Step, remaining: Sequence[Step], seconds_left: float) -> None:
        """It is the pairs that begin."""

    def ended(self, step: Step, state: str, reason: str | None, seconds: float) -> None:
        """It is the pairs that end."""


class _Learner:
    """Takes in how long the jobs of a side took."""

    def __init__(self, protocol: Protocol) -> None:
        self.estimate = Estimate(protocol)

    def learn(self, step: Step, seconds: float, _measurement: Measurement | None = None, /) -> None:
        self.estimate.learn(step, seconds)


class _Pairs:
    """A pair session as it goes."""

    def __init__(self, session: PairSession, suites: Sequence[SuiteRun], scratch: Path) -> None:
        self._session, self._suites = session, suites
        self._began = session.clock()
        self._lines = PairLines({side.letter: side.before for side in session.sides})
        self._waiting: list[tuple[Subject, Mode]] = []
        self._learners = {side.letter: _Learner(session.protocol) for side in session.sides}
        self._runs = {
            (side.letter, suite.subject): self._suite_session(
                side, suite, scratch / side.letter / str(index)
            )
            for side in session.sides
            for index, suite in enumerate(suites)
        }

    def _suite_session(self, side: Side, suite: SuiteRun, folder: Path) -> SuiteSession:
        folder.mkdir(parents=True)
        shared = self._session
        own = Session(
            modes=shared.modes,
            protocol=shared.protocol,
            device=shared.device,
            writer=side.writer,
            before=side.before,
            watcher=_SideWatcher(side.letter, shared.watcher, self._lines),
            ask=side.ask,
            sampling=shared.sampling,
            again=False,  # the whole pair is
        )
        caches = PairCaches(folder=folder, processes=shared.protocol.processes)
        return SuiteSession(own, suite, folder, self._learners[side.letter], caches)

    def run(self) -> None:
        """Both sides described, then round after round."""
        self._waiting = self._open()
        waiting = {subject for subject, _ in self._waiting}
        subjects = [suite.subject for suite in self._suites if suite.subject in waiting]
        subjects += [s for s in self._unchecked() if s not in subjects]
        for subject in subjects:
            for side in self._session.sides:
                self._do(side, Step(subject=subject, kind="describe", mode=REFERENCE))
            self._session.judge.described()
        if not subjects:
            return
        self._waiting = self._open()
        self._round([cell for cell in self._waiting if self._is_first(cell)])
        for subject in subjects:
            self._check_parity(subject)
        self._waiting = self._open()
        while self._waiting and self._round(self._waiting):
            self._waiting = self._open()

    def _open(self) -> list[tuple[Subject, Mode]]:
        """The cells that need a pair: those undecided, and those of which one was cut short."""
        judge = self._session.judge
        cells = [(suite.subject, mode) for suite in self._suites for mode in self._session.modes]
        return [
            (subject, mode)
            for subject, mode in cells
            if self._lines.to_redo(subject, mode.name) or not judge.is_over(subject, mode.name)
        ]

    def _is_first(self, cell: tuple[Subject, Mode]) -> bool:
        return self._lines.next(cell[0], cell[1].name).process == 0

    def _round(self, cells: Sequence[tuple[Subject, Mode]]) -> bool:
        """One pair of each cell for which there is time; False once there is for none."""
        measured = False
        for subject, mode in cells:
            number = self._lines.next(subject, mode.name)
            if number.process == 0 or self._has_time_for(subject, mode, number):
                self._pair(subject, mode, number)
                self._session.watcher.paired(subject, mode.name)
                measured = True
        return measured

    def _pair(self, subject: Subject, mode: Mode, number: PairNumber) -> None:
        """Both processes, the baseline first in even pairs; again where something disturbed it."""
        sides = self._session.sides if number.process % 2 == 0 else self._session.sides[::-1]
        for attempt in range(number.attempt, number.attempt + MOST_DISCARDED + 1):
            for side in sides:
                self._do(
                    side,
                    Step(
                        subject=subject,
                        kind="measure",
                        mode=mode,
                        process=number.process,
                        attempt=attempt,
                    ),
                )
            if not self._lines.is_disturbed(subject, mode.name, number.process):
                break
        self._lines.close(subject, mode.name, number.process)

    def _unchecked(self) -> list[Subject]:
        """Subjects whose losses were measured and not yet held against float32's."""
        return [suite.subject for suite in self._suites if self._parities(suite.subject)]

    def _check_parity(self, subject: Subject) -> None:
        for side, mode in self._parities(subject):
            self._do(side, Step(subject=subject, kind="parity", mode=mode))

    def _parities(self, subject: Subject) -> list[tuple[Side, Mode]]:
        """The parity runs that are missing, for modes in which a process came to its end."""
        missing = []
        for side in self._session.sides:
            trained = [
                mode
                for mode in self._session.modes
                if mode != REFERENCE and self._lines.counts(side.letter, subject, mode.name)
            ]
            known = side.before.parities if side.before else {}
            missing += [
                (side, mode)
                for mode in ([REFERENCE, *trained] if trained else [])
                if (run := known.get((subject, mode.name))) is None
                or run.state in WORTH_ANOTHER_TRY
            ]
        return missing

    def _do(self, side: Side, step: Step) -> None:
        watcher = self._session.watcher
        watcher.began(side.letter, step, self._seconds_left(step))
        ended = self._runs[side.letter, step.subject].done(step)
        watcher.ended(side.letter, step, *ended)

    # -- time ------------------------------------------------------------------------------------

    def _has_time_for(self, subject: Subject, mode: Mode, number: PairNumber) -> bool:
        budget = self._session.budget_seconds
        if budget is None:
            return True
        spent = self._session.clock() - self._began
        return spent + self._pair_seconds(subject, mode, number.process) <= budget

    def _pair_seconds(self, subject: Subject, mode: Mode, process: int) -> float:
        step = Step(subject=subject, kind="measure", mode=mode, process=process)
        return sum(learner.estimate.of_one(step) for learner in self._learners.values())

    def _seconds_left(self, step: Step) -> float:
        """Until every open cell has its next look, or the budget is spent."""
        judge = self._session.judge
        expected = self._learners["a"].estimate.of_one(step) + sum(
            judge.pairs_to_look(subject, mode.name)
            * self._pair_seconds(subject, mode, self._lines.next(subject, mode.name).process)
            for subject, mode in self._waiting
        )
        if self._session.budget_seconds is None:
            return expected
        spent = self._session.clock() - self._began
        return max(0.0, min(expected, self._session.budget_seconds - spent))
