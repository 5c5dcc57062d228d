"""Charts in characters: a bar a row, and a line of small bars for what goes over time."""

import itertools
import math
import unicodedata
from collections.abc import Iterable, Sequence

from gpubench import units
from gpubench.gate.chart import Bars, Chart, Line, Mark, Plane, Point
from gpubench.render.text import printable

PAPER = 100
"""Columns where no terminal tells how many it has."""

LEAST_BAR, MOST_BAR = 10, 48
"""Columns of a bar: fewer tell nothing, more than these tell no more (own choice)."""

EIGHTHS = " ▏▎▍▌▋▊▉"
LEVELS = "▁▂▃▄▅▆▇█"

ASCII = str.maketrans(
    {**dict.fromkeys("█▉▊▋▌", "#"), **dict.fromkeys("▍▎▏", " "), "▒": "-", "│": "|", "·": "-"}
    | {"×": "x", "±": "+-", "–": "-", "−": "-", "→": "->", "✗": "X", "…": "...", "≤": "<="}
    | dict(zip(LEVELS[:-1], "__--==*", strict=True))
)
"""What stands for each sign on a terminal that has ASCII alone."""


def in_ascii(text: str) -> str:
    """The text for a terminal without these signs; a letter that it has not becomes ``?``."""
    return text.translate(ASCII).encode("ascii", "replace").decode()


def chart_text(chart: Chart, width: int = PAPER) -> str:
    """The chart's parts under its title; no line is wider than asked for, as far as names let."""
    parts = [
        _bars(part, width) if isinstance(part, Bars) else _plane(part, width)
        for part in chart.parts
    ]
    lines = [printable(f"{chart.title}: {chart.about}"), *(line for part in parts for line in part)]
    return "\n".join([*lines, *(f"  {printable(note)}" for note in chart.notes)])


def _bars(part: Bars, width: int) -> list[str]:
    names = [_name(part, mark) for mark in part.marks]
    wide, said = _widest(names), _widest(mark.text for mark in part.marks)
    room = max(LEAST_BAR, min(MOST_BAR, width - wide - said - 6))
    return [
        f"  {_padded(name, wide)}  {_bar(part, mark, room)}  {printable(mark.text)}".rstrip()
        for name, mark in zip(names, part.marks, strict=True)
    ]


def _name(part: Bars, mark: Mark) -> str:
    name = f"{mark.label} {part.groups[mark.group]}" if part.groups else mark.label
    return printable(name)


def _bar(part: Bars, mark: Mark, room: int) -> str:
    """Filled to the value in eighths of a column; what is not to be trusted is drawn pale."""
    if mark.value is None:
        return " " * room
    eighths = round(8 * room * min(1.0, mark.value / part.top))
    if mark.is_shaky:
        return ("▒" * max(1, eighths // 8)).ljust(room)
    return ("█" * (eighths // 8) + EIGHTHS[eighths % 8].strip()).ljust(room)


def _plane(part: Plane, width: int) -> list[str]:
    """A row a name: its points in the order of the axis, thinned to the room there is."""
    by_name: dict[str, list[Line]] = {}
    for line in part.lines:
        by_name.setdefault(printable(line.name), []).append(line)
    wide = _widest(by_name)
    points = [p for line in part.lines for p in line.points]
    if not points:
        return []
    low, high = min(p.y for p in points), max(p.y for p in points)
    head = f"  {part.title + ', ' if part.title else ''}{part.y_label} by {part.x_label}"
    room = max(LEAST_BAR, min(MOST_BAR, width - wide - 26))
    rows = [
        _row(name, wide, [p for line in lines for p in line.points], (low, high), room)
        for name, lines in by_name.items()
        if any(line.points for line in lines)
    ]
    return [printable(head), *rows]


def _row(
    name: str, wide: int, points: Sequence[Point], ends: tuple[float, float], room: int
) -> str:
    values = [point.y for point in sorted(points, key=lambda point: point.x)]
    drawn = "".join(_level(value, *ends) for value in _resampled(values, room))
    span = f"{units.significant(min(values))} to {units.significant(max(values))}"
    return f"  {_padded(name, wide)}  {drawn:{room}}  {span}"


def _resampled(values: Sequence[float], room: int) -> list[float]:
    """At most so many values, each the mean of those it stands for."""
    if len(values) <= room:
        return list(values)
    ends = [round(at * len(values) / room) for at in range(room + 1)]
    return [math.fsum(values[begin:end]) / (end - begin) for begin, end in itertools.pairwise(ends)]


def _level(value: float, low: float, high: float) -> str:
    share = (value - low) / (high - low) if high > low else 0.5
    return LEVELS[min(len(LEVELS) - 1, int(share * len(LEVELS)))]


def _widest(texts: Iterable[str]) -> int:
    return max(map(_columns, map(printable, texts)), default=0)


def _padded(text: str, width: int) -> str:
    return text + " " * (width - _columns(text))


def _columns(text: str) -> int:
    return sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)
