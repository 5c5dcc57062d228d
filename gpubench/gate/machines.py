"""Records side by side: what each came to in every cell, and how far they may be set in a ratio.

This is for choosing among machines: the machine may differ, the work may not. Whether something
became slower on one machine is another question, which ``gpubench compare`` answers.
"""

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from gpubench.bench.job import Subject
from gpubench.bench.record import RunRecord, WorkloadFacts
from gpubench.gate.comparability import NAMED
from gpubench.gate.contrasts import throughputs
from gpubench.gate.intervals import Estimate, ratio_of
from gpubench.gate.machine import machine_of, why_other
from gpubench.gate.sides import Cell as Sided
from gpubench.gate.sides import CellName, identity_of, session_of
from gpubench.gate.summary import Cell
from gpubench.gate.table import STATE_WORDS
from gpubench.gate.tables import compared, item_of

OF_THE_MACHINE = ("threads",)
"""Facts of a workload that come with the machine, and so may differ between machines."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One record's part in a cell; ``cell`` is None where the record has none.

    ``ratio`` is its throughput over the first record's; ``apart`` is why there is none.
    """

    record: RunRecord
    cell: Cell | None
    ratio: Estimate | None = None
    ratio_is_shaky: bool = False
    apart: str | None = None

    @property
    def is_apart(self) -> bool:
        """Whether it has a figure that may not be held against the first record's."""
        return self.apart is not None and self.cell is not None and self.cell.throughput is not None


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Abreast:
    """One cell in every record, in the order of the records; ``item`` is what a sample is."""

    name: CellName
    item: str
    entries: tuple[Entry, ...]


def abreast(records: Sequence[RunRecord]) -> tuple[Abreast, ...]:
    """Every cell that any of the records has, the first record's first."""
    sides = [_Side.of(record) for record in records]
    names = dict.fromkeys(name for side in sides for name in side.cells)
    return tuple(_abreast(name, sides) for name in names)


def of_subject(lines: Sequence[Abreast]) -> dict[Subject, list[Abreast]]:
    """The cells under what they train."""
    found: dict[Subject, list[Abreast]] = {}
    for line in lines:
        found.setdefault(line.name.subject, []).append(line)
    return found


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class _Side:
    """A record with its cells as tables show them, and as a comparison sees them."""

    record: RunRecord
    parts: Mapping[Subject, RunRecord]
    cells: Mapping[CellName, Cell]
    sided: Mapping[CellName, Sided]

    @classmethod
    def of(cls, record: RunRecord) -> "_Side":
        """What tables and comparisons say of each cell; of a loader's run there are none."""
        found = [each for each in compared(record) if each.cells]
        return cls(
            record=record,
            parts={each.subject: each.part for each in found},
            cells={
                CellName(each.subject, cell.mode): cell for each in found for cell in each.cells
            },
            sided=session_of(record).cells,
        )


def _abreast(name: CellName, sides: Sequence[_Side]) -> Abreast:
    first = sides[0]
    entries = [_entry(name, first, side) for side in sides]
    facts = next(
        (f for side in sides if (f := side.record.workloads.get(name.subject)) is not None), None
    )
    return Abreast(name=name, item=item_of(facts), entries=tuple(entries))


def _entry(name: CellName, first: _Side, side: _Side) -> Entry:
    cell = side.cells.get(name)
    plain = Entry(record=side.record, cell=cell)
    if side is first:
        return plain
    apart = _why_apart(name, first, side)
    base = first.cells.get(name)
    if apart is not None or cell is None or base is None:
        return dataclasses.replace(plain, apart=apart)
    ratio = ratio_of(
        throughputs(side.parts[name.subject], cell), throughputs(first.parts[name.subject], base)
    )
    return dataclasses.replace(plain, ratio=ratio, ratio_is_shaky=cell.is_shaky or base.is_shaky)


def _why_apart(name: CellName, first: _Side, side: _Side) -> str | None:
    """Why two records' figures of a cell make no ratio; None where they do."""
    for one, said in ((first, "the first record"), (side, "this record")):
        cell = one.cells.get(name)
        if cell is None:
            return f"{said} has no such cell"
        if cell.throughput is None:
            return f"{said}: {STATE_WORDS.get(cell.state, cell.state)}"
    return why_other_work(first.sided[name].facts, side.sided[name].facts)


def why_other_work(one: Mapping[str, Any], other: Mapping[str, Any]) -> str | None:
    """The parameters in which two cells trained something else; those of the machine aside."""
    differing = [
        key for key in one if key not in OF_THE_MACHINE and key in other and one[key] != other[key]
    ]
    if not differing:
        return None
    named = [f"{key} {one[key]} and {other[key]}" for key in differing[:NAMED]]
    return f"different workloads: {', '.join(named)}"


def what_to_know(records: Sequence[RunRecord], letters: Sequence[str]) -> Iterator[str]:
    """What must be known of records before their figures are set side by side."""
    yield (
        "intervals are over the processes of one run each: what lies between two runs of one "
        "machine is not in them"
    )
    yield from _smoke(records, letters)
    found = [_first_facts(record) for record in records]
    torches = {
        letter: str(facts.device.get("torch"))
        for letter, facts in zip(letters, found, strict=True)
        if facts is not None
    }
    if len(set(torches.values())) > 1:
        told = ", ".join(f"{letter} torch {torch}" for letter, torch in torches.items())
        yield f"software differs ({told}): a ratio is of machine and software together"
    for place in range(1, len(records)):
        said = _of_one_machine(records[0], records[place])
        if said is not None:
            yield f"{letters[0]} and {letters[place]} are {said}"


def _first_facts(record: RunRecord) -> WorkloadFacts | None:
    return next(iter(record.workloads.values()), None)


def _smoke(records: Sequence[RunRecord], letters: Sequence[str]) -> Iterator[str]:
    smoke = [
        letter
        for letter, record in zip(letters, records, strict=True)
        if record.header.plan.preset == "smoke"
    ]
    if smoke:
        yield f"{', '.join(smoke)}: SMOKE TEST, not for figures: use --preset standard"


def _of_one_machine(one: RunRecord, other: RunRecord) -> str | None:
    """What two records are if no choice between machines lies between them."""
    if identity_of(one) == identity_of(other):
        return "one and the same run"
    facts = _first_facts(one), _first_facts(other)
    if facts[0] is None or facts[1] is None:
        return None
    machines = [
        machine_of(f.device, record.header.snapshot)
        for f, record in ((facts[0], one), (facts[1], other))
    ]
    if why_other(*machines) is not None:
        return None
    return "of one machine: gpubench compare judges whether it became slower"
