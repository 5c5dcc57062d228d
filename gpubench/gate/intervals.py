"""Intervals of throughputs: the process is the unit, and ratios are what is compared.

Throughputs are positive and their noise is relative, so means and intervals are taken of their
logarithms and written back as samples per second or as a ratio.
"""

import dataclasses
import math
import statistics
from collections.abc import Sequence

from gpubench.bench.intervals import log_half_width, quantile

WIDEST = 3.0
"""Ends of an interval in a ratio beyond this leave nothing to be said (own choice)."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """A geometric mean, or a ratio of two; the interval is None where one process is all."""

    value: float
    low: float | None
    high: float | None

    @property
    def is_wide(self) -> bool:
        """Whether the interval is too wide for its value to mean anything."""
        return self.low is not None and self.high is not None and self.high > WIDEST * self.low

    @property
    def half_width(self) -> float | None:
        """Half the interval as a share of the value."""
        if self.low is None or self.high is None:
            return None
        return (self.high - self.low) / 2 / self.value


def mean_of(values: Sequence[float]) -> Estimate:
    """The geometric mean of at least one positive value, with Student's t-interval."""
    logs = [math.log(value) for value in values]
    center = statistics.fmean(logs)
    if len(logs) < 2:
        return Estimate(value=math.exp(center), low=None, high=None)
    return _estimate(center, log_half_width(values) or 0.0)


def ratio_of(above: Sequence[float], below: Sequence[float]) -> Estimate:
    """The ratio of two geometric means, with Welch's t-interval."""
    tops, bottoms = ([math.log(value) for value in values] for values in (above, below))
    center = statistics.fmean(tops) - statistics.fmean(bottoms)
    if len(tops) < 2 or len(bottoms) < 2:
        return Estimate(value=math.exp(center), low=None, high=None)
    shares = [statistics.variance(logs) / len(logs) for logs in (tops, bottoms)]
    if sum(shares) == 0:
        return _estimate(center, 0.0)
    freedom = sum(shares) ** 2 / sum(
        share**2 / (len(logs) - 1) for share, logs in zip(shares, (tops, bottoms), strict=True)
    )
    return _estimate(center, quantile(freedom) * math.sqrt(sum(shares)))


def _estimate(center: float, half: float) -> Estimate:
    low, high = (math.exp(min(center + side * half, 700)) for side in (-1, 1))
    return Estimate(value=math.exp(center), low=low, high=high)
