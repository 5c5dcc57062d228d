"""What records are called where several stand side by side: a letter, and what they were run on."""

import dataclasses
import string
from collections.abc import Sequence
from pathlib import PurePath

from gpubench.bench.record import FILE_NAME, RunRecord
from gpubench.gate.odd_lines import device_line


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Label:
    """A record's letter, its folder's or file's own name, and its device with the torch on it."""

    letter: str
    name: str
    device: str

    @property
    def title(self) -> str:
        """All of it, for the lines above a table."""
        return f"{self.letter}: {self.name} · {self.device}"


def labels(records: Sequence[RunRecord]) -> tuple[Label, ...]:
    """One for each record, in order: A, B, …, Z, 27, …."""
    return tuple(
        Label(letter=_letter(place), name=public_name(record.source), device=device_of(record))
        for place, record in enumerate(records)
    )


def _letter(place: int) -> str:
    letters = string.ascii_uppercase
    return letters[place] if place < len(letters) else str(place + 1)


def public_name(source: str, file_name: str = FILE_NAME) -> str:
    """The last part of where a record lies: its folder, or a file of another name."""
    path = PurePath(source)
    return (path.parent.name if path.name == file_name else path.name) or path.name or "record"


def device_of(record: RunRecord) -> str:
    """The device of the first thing that was trained, and its torch."""
    facts = next(iter(record.workloads.values()), None)
    return device_line(facts.device) if facts else "nothing was begun"
