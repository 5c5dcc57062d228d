"""One cell over many records: what is kept of each, and a plot of it in text.

Of a record only the header's start is parsed, and the lines that a cell's verdict rests on: ten
thousand records are read in seconds and take little memory. A figure is shown as a table of its
record would show it: with a mark, or not at all.
"""

import dataclasses
import functools
import json
import re
import statistics
from collections.abc import Iterable, Iterator, Sequence, Set
from pathlib import Path
from typing import Any

from gpubench import codec
from gpubench.bench.job import COUNTING, Subject
from gpubench.bench.modes import MODES, REFERENCE, mode_named
from gpubench.bench.record import FILE_NAME, SCHEMA, Header, RunRecord, record_in
from gpubench.errors import UnreadableInput
from gpubench.gate.comparability import why_unlike
from gpubench.gate.intervals import Estimate, mean_of
from gpubench.gate.loading import input_side
from gpubench.gate.sides import Cell, CellName, session_of

_SNAPSHOT = b', "snapshot": {'
"""The last field of a header, and the largest; it is not needed here."""


_START = re.compile(
    rb'\{"suite": "([^"\\]*)", "variant": "([^"\\]*)", "kind": "([^"\\]*)"'
    rb'(?:, "mode": "([^"\\]*)")?'
)
"""How this program begins every line of a record but the first."""
_OF_ALL_MODES = frozenset({"workload", "ceiling", "loading"})
"""Kinds of lines that say something of every mode."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """One record's throughput in the cell, samples per second; None where it cannot be trusted.

    ``torch`` is what its child saw; ``held_back`` says that its input set the pace.
    """

    source: str
    created: str
    device: str | None
    torch: str | None
    cell: Cell
    throughput: Estimate | None
    processes: int
    held_back: bool = False

    @property
    def is_shaky(self) -> bool:
        """Whether its figure is shown with a mark."""
        wide = self.throughput is not None and self.throughput.is_wide
        return self.cell.state != "ok" or wide or self.held_back or bool(self.cell.faults)

    def change_since(self, before: "Point | None") -> float | None:
        """The share by which it is faster than another; None where the two are not alike."""
        if before is None or before.throughput is None or self.throughput is None:
            return None
        if why_unlike((before.cell, self.cell)) is not None:
            return None
        return self.throughput.value / before.throughput.value - 1


def records_under(places: Iterable[Path]) -> Iterator[Path]:
    """Every record at or under some places; UnreadableInput for a place without one."""
    for place in places:
        found = sorted(place.rglob(FILE_NAME)) if place.is_dir() else [place]
        if not found:
            raise UnreadableInput(f"{place}: no {FILE_NAME} under it")
        yield from found


def history(
    paths: Iterable[Path], suite: str, mode: str, variant: str = ""
) -> tuple[list[Point], list[str]]:
    """The points in the order in which they were measured, and why some files have none."""
    points, notes = [], []
    for path in paths:
        try:
            point = _point(path, suite, mode, variant)
        except UnreadableInput as problem:
            notes.append(str(problem))
            continue
        if point is not None:
            points.append(point)
    return sorted(points, key=lambda point: point.created), notes


def _point(path: Path, suite: str, mode: str, variant: str) -> Point | None:
    """The point of a record; None where it has nothing of the cell."""
    subject = Subject(suite, variant)
    record = _record(path, subject, mode)
    measured = record.measured(subject, mode)
    if not measured:
        return None
    cell = session_of(record).cells.get(CellName(subject, mode))
    if cell is None:
        raise UnreadableInput(f"{path}: {subject.title} {mode} was measured and never planned")
    facts = record.workloads.get(subject)
    device = facts.device if facts else {}
    side = input_side(record, measured) if cell.state in COUNTING else None
    values = cell.values.get("throughput", ())
    return Point(
        source=str(path),
        created=record.header.created,
        device=device.get("name"),
        torch=device.get("torch"),
        cell=cell,
        throughput=mean_of(values) if values else None,
        processes=len(values),
        held_back=side is not None and side.holds_back,
    )


def _record(path: Path, subject: Subject, mode: str) -> RunRecord:
    """What a record says of one cell, and of those that judge it, as if no other were planned."""
    first, *lines = codec.read_bytes(path).split(b"\n")
    judges = _judges(mode)
    kept: list[Any] = []
    for number, line in enumerate(lines[:-1], start=2):  # what follows the last newline is torn
        begun = _START.match(line)
        if begun and not _is_of(_words(begun), subject, judges):
            continue
        value = codec.parse_json(line, f"{path}, line {number}") if line.strip() else None
        if isinstance(value, dict) and _concerns(value, subject, judges):
            kept.append(value)
    record = record_in([_header(first, str(path)), *kept], str(path))
    return dataclasses.replace(record, header=_cut(record.header, subject, judges))


_Words = tuple[str, ...]
"""Of a line its suite, its variant, its kind and, where it has one, its mode."""


def _words(begun: re.Match[bytes]) -> _Words:
    return tuple(part.decode("utf-8", "replace") for part in begun.groups(b""))


@functools.cache
def _judges(mode: str) -> frozenset[str]:
    """The modes by which one is judged, itself among them: float32, also if compiled alike."""
    alike = mode_named(mode).compile
    same = {m.name for m in MODES if m.rounding == "float32" and m.compile == alike}
    return frozenset({mode, REFERENCE.name, *same})


def _concerns(value: dict[str, Any], subject: Subject, judges: Set[str]) -> bool:
    told = tuple(str(value.get(name, "")) for name in ("suite", "variant", "kind", "mode"))
    return _is_of(told, subject, judges)


def _is_of(told: _Words, subject: Subject, judges: Set[str]) -> bool:
    """Whether a line says something of the cell."""
    suite, variant, kind, mode = told
    if kind == "ceiling":
        return True
    return (suite, variant) == subject and (kind in _OF_ALL_MODES or mode in judges)


def _cut(header: Header, subject: Subject, judges: Set[str]) -> Header:
    """The header of a run that was to do no more than this cell and those that judge it."""
    modes = tuple(mode for mode in header.plan.modes if mode in judges)
    plan = dataclasses.replace(
        header.plan, suites=(subject.suite,), variants=(subject.variant,), modes=modes
    )
    return dataclasses.replace(header, plan=plan)


def _header(line: bytes, source: str) -> dict[str, Any]:
    """The header without its snapshot, which is most of it."""
    start, found, _ = line.partition(_SNAPSHOT)
    if found:
        try:
            plain = json.loads(start + b"}")
            return {**codec.check_schema(plain, SCHEMA, source), "snapshot": None}
        except ValueError:  # the words stood elsewhere: read it whole
            pass
    return codec.check_schema(codec.parse_json(line, f"{source}, line 1"), SCHEMA, source)


# -- the plot -------------------------------------------------------------------------------------

MOST_COLUMNS = 72


def plot(points: Sequence[Point], height: int = 12) -> list[str]:
    """Throughput over the records, oldest left; a column stands for one or several of them.

    At least one of the points has a figure; those without have no dot.
    """
    columns = _columns([point.throughput.value for point in points if point.throughput])
    low, high = min(columns), max(columns)
    room = (high - low) * 0.05 or high * 0.01
    low, high = low - room, high + room
    rows = [round((value - low) / (high - low) * (height - 1)) for value in columns]
    lines = []
    for row in reversed(range(height)):
        label = f"{low + (high - low) * row / (height - 1):10.4g}" if row % 3 == 0 else " " * 10
        dots = "".join("●" if at == row else " " for at in rows)
        lines.append(f"{label} │{dots}".rstrip())
    lines.append(" " * 11 + "└" + "─" * len(columns))
    return lines


def _columns(values: Sequence[float]) -> list[float]:
    """The medians of neighbours, so many that they fit the width."""
    size = -(-len(values) // MOST_COLUMNS)
    return [statistics.median(values[at : at + size]) for at in range(0, len(values), size)]
