"""What a picture is: marks and lines with their intervals, plain values for every way to draw.

A picture has one or more parts, each either bars (a figure a row) or a plane (lines over an axis).
What is not to be taken as it stands is marked here, not where it is drawn: ``is_shaky`` draws
hollow, and a row without a value keeps its words.
"""

import dataclasses
from collections.abc import Iterable

from gpubench.gate.intervals import Estimate

LARGEST = 1e200
"""What is drawn is smaller, so that no axis runs over; not even NaN is."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """One figure in a row; ``text`` is what tables write of it, the sign ``~`` or words included.

    ``value`` is None where there is nothing to draw; ``low`` and ``high`` where no interval is.
    ``group`` tells rows of one label apart: the record they are from.
    """

    label: str
    text: str
    value: float | None = None
    low: float | None = None
    high: float | None = None
    is_shaky: bool = False
    group: int = 0

    @classmethod
    def of(
        cls,
        label: str,
        text: str,
        estimate: Estimate | None,
        *,
        is_shaky: bool = False,
        group: int = 0,
    ) -> "Mark":
        """The mark of an estimate; one too wide to mean anything has its value and no interval."""
        plain = cls(label=label, text=text, is_shaky=is_shaky, group=group)
        if estimate is None or not finite([estimate.value]):
            return plain
        ends = (None, None) if estimate.is_wide else (estimate.low, estimate.high)
        return dataclasses.replace(plain, value=estimate.value, low=ends[0], high=ends[1])


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Bars:
    """Figures in ``unit`` from zero; ``reference`` is a value that all are held against."""

    unit: str
    marks: tuple[Mark, ...]
    reference: float | None = None
    groups: tuple[str, ...] = ()

    @property
    def top(self) -> float:
        """Where the axis ends: an interval far wider than the figures may leave the picture."""
        values = [mark.value for mark in self.marks if mark.value is not None]
        most = max([*values, self.reference or 0.0], default=0.0)
        ends = [min(mark.high, 1.4 * most) for mark in self.marks if mark.high is not None]
        return 1.05 * max([most, *ends], default=1.0) or 1.0


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """One place of a line; ``is_outside`` is beyond what is allowed there."""

    x: float
    y: float
    low: float | None = None
    high: float | None = None
    is_shaky: bool = False
    is_outside: bool = False


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """Points of one name; ``look`` chooses colour and shape, alike in all parts of a picture.

    ``has_dots`` draws each point, ``is_joined`` the way between them; ``fitted`` is a curve through
    them. ``lost`` are places where there was a point and no number (NaN or infinite).
    """

    name: str
    look: int
    points: tuple[Point, ...]
    has_dots: bool = False
    is_joined: bool = True
    fitted: tuple[tuple[float, float], ...] = ()
    lost: tuple[float, ...] = ()


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Plane:
    """Lines over one axis, which share both axes; units are in the labels.

    ``band`` is the upper end of what is allowed, ``limit`` a value that is not passed;
    ``dividers`` are places on the x axis where one stretch ends and the next begins.
    """

    title: str
    x_label: str
    y_label: str
    lines: tuple[Line, ...]
    is_log: bool = False
    from_zero: bool = True
    band: tuple[tuple[float, float], ...] = ()
    limit: tuple[str, float] | None = None
    dividers: tuple[float, ...] = ()


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """A picture with what it is called, what it shows in a sentence, and what must be known."""

    name: str
    title: str
    about: str
    parts: tuple[Bars | Plane, ...]
    notes: tuple[str, ...] = ()


def finite(values: Iterable[float | None]) -> list[float]:
    """The numbers among them that a picture has a place for."""
    return [value for value in values if value is not None and abs(value) < LARGEST]


def thinned(points: tuple[Point, ...], most: int) -> tuple[Point, ...]:
    """At most so many points, the last among them; each stands for itself, none is averaged."""
    if len(points) <= most:
        return points
    kept = [points[round(at * (len(points) - 1) / (most - 1))] for at in range(most)]
    return tuple(kept)
