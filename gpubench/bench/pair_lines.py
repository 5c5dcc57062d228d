"""Which pairs of a cell are whole, and which is to be measured next."""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from gpubench.bench.job import Subject
from gpubench.bench.record import Measurement, RunRecord
from gpubench.bench.schedule import is_an_answer

Cell = tuple[Subject, str]
Pair = tuple[Measurement, Measurement]


class PairNumber(NamedTuple):
    """A pair by its place in its cell, and how often it was begun before."""

    process: int
    attempt: int


def whole_pairs(one: Sequence[Measurement], other: Sequence[Measurement]) -> Iterator[Pair]:
    """Processes of both sides that were measured one after the other, in the order of their time.

    A pair that was begun anew on one side alone is none: years may lie between its processes. One
    that was measured again later stands where it was measured, so that what an earlier look saw
    stays what it was.
    """
    found = {(m.process, m.attempt): m for m in other}
    for measurement in sorted(one, key=lambda m: (m.started, m.process)):
        partner = found.get((measurement.process, measurement.attempt))
        if partner is not None:
            yield measurement, partner


class PairLines:
    """The processes of both sides: those of earlier calls, and those of this one."""

    def __init__(self, before: Mapping[str, RunRecord | None]) -> None:
        self._lines: dict[str, dict[Cell, dict[int, Measurement]]] = {
            letter: {} for letter in before
        }
        for letter, record in before.items():
            for measurement in record.measurements if record else ():
                self.add(letter, measurement)
        cells = {cell for side in self._lines.values() for cell in side}
        self._redo = {cell: self._unanswered(cell) for cell in cells}

    def add(self, letter: str, measurement: Measurement) -> None:
        """A process of a side ended."""
        cell = (measurement.subject, measurement.mode)
        self._lines[letter].setdefault(cell, {})[measurement.process] = measurement

    def next(self, subject: Subject, mode: str) -> PairNumber:
        """The pair to be measured: one that an earlier call did not get an answer to, or a new one.

        Both its processes are measured, whatever there is of it.
        """
        redo = self.to_redo(subject, mode)
        lines = [side.get((subject, mode), {}) for side in self._lines.values()]
        process = redo[0] if redo else max(max(side, default=-1) for side in lines) + 1
        attempts = [side[process].attempt for side in lines if process in side]
        return PairNumber(process, max(attempts) + 1 if attempts else 0)

    def to_redo(self, subject: Subject, mode: str) -> list[int]:
        """Pairs that an earlier call left without an answer."""
        return self._redo.get((subject, mode), [])

    def close(self, subject: Subject, mode: str, process: int) -> None:
        """This call has measured a pair; however it ended, it is not begun again."""
        redo = self.to_redo(subject, mode)
        if process in redo:
            redo.remove(process)

    def is_disturbed(self, subject: Subject, mode: str, process: int) -> bool:
        """Whether something disturbed either process of a pair."""
        return any(m.disturbed for m in self._of(subject, mode, process))

    def counts(self, letter: str, subject: Subject, mode: str) -> bool:
        """Whether a process of a side came to its end."""
        return any(m.counts for m in self._lines[letter].get((subject, mode), {}).values())

    def _of(self, subject: Subject, mode: str, process: int) -> list[Measurement]:
        lines = [side.get((subject, mode), {}) for side in self._lines.values()]
        return [side[process] for side in lines if process in side]

    def _unanswered(self, cell: Cell) -> list[int]:
        """Pairs that were cut short, or in which a process broke or was disturbed."""
        sides = [side.get(cell, {}) for side in self._lines.values()]
        numbers = sorted(set().union(*sides))
        return [number for number in numbers if not _is_answered(number, sides)]


def _is_answered(number: int, sides: Sequence[Mapping[int, Measurement]]) -> bool:
    """Whether both processes of a pair ended with an answer, and in the same attempt."""
    lines = [side[number] for side in sides if number in side]
    if len(lines) < len(sides) or not all(map(is_an_answer, lines)):
        return False
    return len({line.attempt for line in lines}) == 1
