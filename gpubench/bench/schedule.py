"""The jobs of a run and their order, less those a record has already."""

import dataclasses
from collections.abc import Sequence

from gpubench.bench.feed import Feed
from gpubench.bench.job import Kind, Subject
from gpubench.bench.modes import REFERENCE, Mode
from gpubench.bench.record import CeilingRun, Loading, Measurement, RunRecord

GIVES_UP = ("not-supported", "out-of-memory", "invalid")
"""States that the next process of the same cell would end in as well, unless it was disturbed."""

WORTH_ANOTHER_TRY = ("failed", "timed-out")
"""States after which a resumed run does the job again."""


def gives_up(line: Measurement | CeilingRun) -> bool:
    """Whether the next process of the same would end as this one did."""
    return line.state in GIVES_UP and not line.disturbed


def is_an_answer(line: Measurement | CeilingRun) -> bool:
    """Whether a resumed run leaves it as it is."""
    return line.state not in WORTH_ANOTHER_TRY and not line.disturbed


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One job of a run; ``feed`` is what a job of the kind ``load`` times.

    ``attempt`` counts how often the pair that a process belongs to was begun anew.
    """

    subject: Subject
    kind: Kind
    mode: Mode
    process: int = 0
    feed: Feed | None = None
    ceilings: tuple[str, ...] = ()
    attempt: int = 0

    @property
    def what(self) -> str:
        """What is being done, without to what."""
        if self.kind == "describe":
            return "survey and soak"
        if self.kind == "search-batch":
            return "search for the batch size"
        return "parity" if self.kind == "parity" else f"process {self.process + 1}"

    @property
    def title(self) -> str:
        """What is being done, for the display."""
        if self.kind == "ceilings":
            return f"{self.subject.title} · {', '.join(self.ceilings)} · process {self.process + 1}"
        if self.kind == "describe":
            return f"{self.subject.title} · {self.what}"
        if self.feed is not None:
            return f"{self.subject.title} · loader, {self.feed.title} · {self.what}"
        return f"{self.subject.title} · {self.mode.name} · {self.what}"

    @property
    def is_first(self) -> bool:
        """Whether it is the first process of its cell."""
        return self.kind in ("measure", "load", "ceilings") and self.process == 0


def schedule(
    subject: Subject,
    modes: Sequence[Mode],
    processes: int,
    before: RunRecord | None,
    feeds: Sequence[Feed] = (),
    *,
    is_spread: bool = False,
) -> list[Step]:
    """The jobs of a subject that ``before`` does not hold; empty where it holds them all.

    Modes take turns, so that a drift of the machine does not fall on one of them; and so do the
    ``feeds``, whose batches are timed without training: once where modes are trained as well.
    Float32 alone has nothing to be held against, unless it ``is_spread`` over several devices.
    """
    steps = [
        Step(subject=subject, kind="load", mode=REFERENCE, process=process, feed=feed)
        for process in range(1 if modes else processes)
        for feed in feeds
    ]
    steps += [
        Step(subject=subject, kind="measure", mode=mode, process=process)
        for process in range(processes)
        for mode in modes
    ]
    compared = [mode for mode in modes if mode != REFERENCE]
    if compared or (modes and is_spread):
        steps += [
            Step(subject=subject, kind="parity", mode=mode) for mode in (REFERENCE, *compared)
        ]
    wanted = [step for step in steps if before is None or not _is_kept(step, before)]
    if not wanted:
        return []
    return [Step(subject=subject, kind="describe", mode=REFERENCE), *wanted]


def in_turn(plans: Sequence[Sequence[Step]]) -> list[Step]:
    """The jobs of several subjects as one list, the most needed first.

    First the first process of every cell, then parity, then the second processes of all, and so
    on: whatever ends a run early, every cell has as much as any other, give or take one process.
    From the second on the subjects take turns at each mode, so that none goes without.
    What describes a subject stands before the first of its jobs.
    """
    every = [step for plan in plans for step in plan]
    modes = list(dict.fromkeys(step.mode for step in every if step.kind == "measure"))

    def rank(step: Step) -> tuple[int, bool, int]:
        place = modes.index(step.mode) if step.kind == "measure" and step.process else 0
        return step.process, step.kind == "parity", place

    ordered = sorted(every, key=rank)  # where ranks are equal, the order stays
    described: set[Subject] = set()
    steps: list[Step] = []
    for step in ordered:
        if step.kind == "describe":
            continue
        if step.subject not in described:
            described.add(step.subject)
            steps += [s for s in ordered if s.kind == "describe" and s.subject == step.subject]
        steps.append(step)
    return steps


def _is_kept(step: Step, before: RunRecord) -> bool:
    if step.kind == "load":
        loaded = [line for line in before.of(Loading, step.subject) if line.feed == step.feed]
        return any(
            line.state in GIVES_UP
            or (line.process == step.process and line.state not in WORTH_ANOTHER_TRY)
            for line in loaded
        )
    measured = before.measured(step.subject, step.mode.name)
    if any(gives_up(measurement) for measurement in measured):
        return True
    if step.kind == "parity":
        parity = before.parities.get((step.subject, step.mode.name))
        return parity is not None and parity.state not in WORTH_ANOTHER_TRY
    return any(line.process == step.process and is_an_answer(line) for line in measured)
