"""Axes: where a value lies between the ends, and which round values are written beside it."""

import dataclasses
import math
from collections.abc import Sequence

TICKS = 4
"""Steps of an axis, about (own choice: a phone has room for so many)."""

LEAST = 1e-200
"""An axis has at least this extent, far from where numbers end."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Scale:
    """An axis from ``low`` to ``high``, both above zero where it is logarithmic."""

    low: float
    high: float
    is_log: bool = False

    def at(self, value: float) -> float:
        """Where a value lies, 0 at ``low`` and 1 at ``high``; held within the picture."""
        low, high, here = (self._of(each) for each in (self.low, self.high, value))
        return min(1.0, max(0.0, (here - low) / (high - low)))

    def _of(self, value: float) -> float:
        return math.log10(max(value, self.low)) if self.is_log else value

    @property
    def ticks(self) -> list[float]:
        """Round values from end to end."""
        if self.is_log:
            return self._decades()
        step = _round(self.high - self.low)
        first = math.ceil(self.low / step - 1e-9)
        count = math.floor(self.high / step + 1e-9) - first + 1
        return [(first + at) * step for at in range(count)]

    def _decades(self) -> list[float]:
        first, last = math.ceil(math.log10(self.low)), math.floor(math.log10(self.high))
        every = max(1, math.ceil((last - first) / TICKS))
        return [10.0**power for power in range(first, last + 1, every)]


def _round(span: float) -> float:
    """The step of a span: the 1, 2 or 5 times a power of ten that comes nearest."""
    raw = span / TICKS
    power = 10.0 ** math.floor(math.log10(raw))
    return power * min((1, 2, 5, 10), key=lambda times: abs(math.log(times * power / raw)))


def over(values: Sequence[float], *, from_zero: bool) -> Scale:
    """A linear axis with room above the values, and below them where it does not begin at zero."""
    low, high = (min(values), max(values)) if values else (0.0, 1.0)
    if from_zero and low >= 0:
        return Scale(low=0.0, high=1.05 * high if high > LEAST else 1.0)
    room = max(0.08 * (high - low), 0.01 * max(abs(high), abs(low)), LEAST)
    return Scale(low=low - room, high=high + room)


def decades(values: Sequence[float]) -> Scale:
    """A logarithmic axis of whole decades around positive values."""
    known = [value for value in values if value > LEAST] or [1.0]
    low, high = math.floor(math.log10(min(known))), math.ceil(math.log10(max(known)))
    return Scale(low=10.0**low, high=10.0 ** max(high, low + 1), is_log=True)


def written(value: float) -> str:
    """A tick's text: 0, 250, 2k, 1.5M, 0.05, 10⁻⁸."""
    if value == 0:
        return "0"
    size = abs(value)
    if size < 1e-3 or size >= 1e15:
        return _power(value)
    for least, letter in ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e4, "k")):
        if size >= least:
            return f"{value / (1e3 if letter == 'k' else least):g}{letter}"
    return f"{value:g}"


_RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def _power(value: float) -> str:
    factor, _, power = f"{value:.0e}".partition("e")
    raised = "10" + str(int(power)).translate(_RAISED)
    return raised if factor == "1" else f"{factor}·{raised}"
