"""One cell over many records: what is kept of each, and a plot of it in text.

Of a record only the header's start and the lines of one cell are parsed, and of those one figure
a process is kept: ten thousand records are read in seconds and take little memory.
"""

import dataclasses
import json
import statistics
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from gpubench import codec
from gpubench.bench.job import COUNTING
from gpubench.bench.record import FILE_NAME, SCHEMA
from gpubench.errors import UnreadableInput
from gpubench.gate.intervals import Estimate, mean_of

_SNAPSHOT = b', "snapshot": {'
"""The last field of a header, and the largest; it is not needed here."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """One record's throughput in the cell, samples per second; ``torch`` is what its child saw."""

    source: str
    created: str
    device: str | None
    torch: str | None
    throughput: Estimate
    processes: int


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
    first, *lines = codec.read_bytes(path).split(b"\n")
    header = _header(first, str(path))
    device: dict[str, Any] = {}
    throughputs: dict[int, float] = {}
    named = json.dumps(mode).encode()
    for number, line in enumerate(lines[:-1], start=2):  # what follows the last newline is torn
        if b'"workload"' not in line[:300] and named not in line:
            continue
        value = codec.parse_json(line, f"{path}, line {number}")
        if not isinstance(value, dict) or _subject(value) != (suite, variant):
            continue
        if value.get("kind") == "workload":
            device = value["device"] if isinstance(value.get("device"), dict) else {}
        elif value.get("kind") == "measurement" and value.get("mode") == mode:
            process = value.get("process")
            throughput = _throughput(value)
            if isinstance(process, int):  # of a process that was done again, the last line holds
                throughputs.pop(process, None)
                if throughput is not None:
                    throughputs[process] = throughput
    if not throughputs:
        return None
    return Point(
        source=str(path),
        created=str(header.get("created", "")),
        device=device.get("name"),
        torch=device.get("torch"),
        throughput=mean_of(list(throughputs.values())),
        processes=len(throughputs),
    )


def _header(line: bytes, source: str) -> dict[str, Any]:
    """The header without its snapshot, which is most of it."""
    start, found, _ = line.partition(_SNAPSHOT)
    if found:
        try:
            return codec.check_schema(json.loads(start + b"}"), SCHEMA, source)
        except ValueError:  # the words stood elsewhere: read it whole
            pass
    return codec.check_schema(codec.parse_json(line, f"{source}, line 1"), SCHEMA, source)


def _subject(value: dict[str, Any]) -> tuple[Any, Any]:
    return value.get("suite"), value.get("variant", "")


def _throughput(value: dict[str, Any]) -> float | None:
    """Samples per second of a line, None where it does not count or is not as it should be."""
    window, steps = value.get("window_seconds"), value.get("step_seconds")
    samples = value.get("samples_per_step")
    if value.get("state") not in COUNTING:
        return None
    if not isinstance(window, int | float) or not isinstance(samples, int):
        return None
    if not isinstance(steps, list) or not steps or window <= 0 or samples <= 0:
        return None
    return float(samples * len(steps) / window)


# -- the plot -------------------------------------------------------------------------------------

MOST_COLUMNS = 72


def plot(points: Sequence[Point], height: int = 12) -> list[str]:
    """Throughput over the records, oldest left; a column stands for one or several of them."""
    columns = _columns([point.throughput.value for point in points])
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
