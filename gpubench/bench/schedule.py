"""The jobs of a run and their order, less those a record has already."""

import dataclasses
from collections.abc import Sequence

from gpubench.bench.job import Kind, Subject
from gpubench.bench.modes import REFERENCE, Mode
from gpubench.bench.record import Measurement, RunRecord

GIVES_UP = ("not-supported", "out-of-memory", "invalid")
"""States that the next process of the same cell would end in as well."""

WORTH_ANOTHER_TRY = ("failed", "timed-out")
"""States after which a resumed run does the job again."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One job of a run."""

    subject: Subject
    kind: Kind
    mode: Mode
    process: int = 0

    @property
    def what(self) -> str:
        """What is being done, without to what."""
        if self.kind == "describe":
            return "survey and soak"
        return "parity" if self.kind == "parity" else f"process {self.process + 1}"

    @property
    def title(self) -> str:
        """What is being done, for the display."""
        if self.kind == "describe":
            return f"{self.subject.title} · {self.what}"
        return f"{self.subject.title} · {self.mode.name} · {self.what}"

    @property
    def is_first(self) -> bool:
        """Whether it is the first process of its cell."""
        return self.kind == "measure" and self.process == 0


def schedule(
    subject: Subject, modes: Sequence[Mode], processes: int, before: RunRecord | None
) -> list[Step]:
    """The jobs of a subject that ``before`` does not hold; empty where it holds them all.

    Modes take turns, so that a drift of the machine does not fall on one of them.
    """
    steps = [
        Step(subject=subject, kind="measure", mode=mode, process=process)
        for process in range(processes)
        for mode in modes
    ]
    compared = [mode for mode in modes if mode != REFERENCE]
    if compared:
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
    What describes a subject stands before the first of its jobs.
    """
    ordered = sorted((step for plan in plans for step in plan), key=_round)
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


def _round(step: Step) -> tuple[int, int]:
    return (step.process, 1 if step.kind == "parity" else 0)


def _is_kept(step: Step, before: RunRecord) -> bool:
    measured = before.measured(step.subject, step.mode.name)
    if any(measurement.state in GIVES_UP for measurement in measured):
        return True
    if step.kind == "parity":
        parity = before.parities.get((step.subject, step.mode.name))
        return parity is not None and parity.state not in WORTH_ANOTHER_TRY
    return any(_is_answered(step, measurement) for measurement in measured)


def _is_answered(step: Step, measurement: Measurement) -> bool:
    return measurement.process == step.process and measurement.state not in WORTH_ANOTHER_TRY
