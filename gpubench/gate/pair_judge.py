"""Says of a session of pairs, while it runs, which cells need no further pair."""

import dataclasses
from collections.abc import Callable
from pathlib import Path

from gpubench.bench.job import Subject
from gpubench.bench.record import FILE_NAME
from gpubench.gate.calibration import Calibration
from gpubench.gate.machine import Machine
from gpubench.gate.pair_folder import LETTERS, Asked, read_pairs, write
from gpubench.gate.pair_standing import Standing, standing
from gpubench.gate.pairs import MOST_BROKEN, PairRecords
from gpubench.gate.sides import CellName

Find = Callable[[Machine], Calibration | None]
"""What is known of a machine's noise; NotComparable where it is of another machine."""


class PairJudge:
    """Reads both records of a folder as they grow, and answers by the rule of the looks.

    ``find`` is asked for the noise once, when the first suite was described and nothing has been
    measured yet; from then on it stands in the folder.
    """

    def __init__(self, folder: Path, asked: Asked, find: Find) -> None:
        self._folder, self.asked, self._find = folder, asked, find
        self._sizes: tuple[int, ...] = ()
        self._records: PairRecords | None = None
        self._has_looked = False

    @property
    def records(self) -> PairRecords:
        """Both records as they are now."""
        files = [self._folder / letter / FILE_NAME for letter in LETTERS]
        sizes = tuple(path.stat().st_size for path in files)
        if self._records is None or sizes != self._sizes:
            self._records, self._sizes = read_pairs(self._folder, self.asked), sizes
        return self._records

    def described(self) -> None:
        """Look the machine's noise up, and keep it with the pairs."""
        records = self.records
        if self._has_looked or any(record.measurements for record in records.both):
            return
        self._has_looked = True
        machines = [cell.machine for cell in records.sessions[0].cells.values()]
        found = self._find(machines[0]) if machines else None
        if found != self.asked.calibration:
            self.asked = dataclasses.replace(self.asked, calibration=found)
            write(self._folder, self.asked)
            self._records = None

    def is_over(self, subject: Subject, mode: str) -> bool:
        """Whether a cell needs no further pair."""
        name, records = CellName(subject, mode), self.records
        wanted = self.asked.pairs
        if wanted is None:
            return records.is_over(name)
        if records.measured(name) and records.refused(name) is not None:
            return True
        return len(records.pairs(name)) >= wanted or records.begun(name) >= wanted + MOST_BROKEN

    def standing(self, subject: Subject, mode: str) -> Standing:
        """How a cell stands; where pairs are counted, no look is waited for and nothing is said."""
        found = standing(self.records, CellName(subject, mode))
        if self.asked.pairs is None:
            return found
        word = found.word if found.reason else None
        left = self.pairs_to_look(subject, mode)
        return dataclasses.replace(found, word=word, to_look=left, waits_for=())

    def pairs_to_look(self, subject: Subject, mode: str) -> int:
        """How many more pairs a cell needs before something may be said of it."""
        name, records = CellName(subject, mode), self.records
        if self.asked.pairs is None:
            return records.pairs_to_look(name)
        return max(0, self.asked.pairs - len(records.pairs(name)))
