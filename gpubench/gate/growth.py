"""How figures grow over a sweep: memory with the batch, time with the length, and what it proves.

Fits are least squares with Student's t-interval at 95 %. A process is a point where time is
fitted; of memory, which a process repeats to the byte on a GPU, the largest of each value is one.
An interval needs more points than the fit has parameters; without, its ends are None.
"""

import dataclasses
import itertools
import math
from collections.abc import Sequence
from typing import Literal

from gpubench.bench.intervals import quantile
from gpubench.gate.intervals import WIDEST, Estimate, ratio_of

Point = tuple[float, float]

WORTH = 0.05
"""A gain in throughput per doubling, or a share of a step's time, below which it hardly matters
(own choice)."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Bounded:
    """A fitted number, of either sign, between two ends that are None where nothing tells them."""

    value: float
    low: float | None
    high: float | None

    def times(self, factor: float) -> "Bounded":
        """The number and its ends times a positive factor."""
        low, high = (None if end is None else end * factor for end in (self.low, self.high))
        return Bounded(value=self.value * factor, low=low, high=high)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Fit:
    """y = Σ coefficient · xᵖ over ``powers``; ``r2`` is None where y does not vary."""

    powers: tuple[int, ...]
    coefficients: tuple[Bounded, ...]
    r2: float | None
    points: int

    def at(self, x: float) -> float:
        """The fitted y."""
        return sum(
            c.value * x**power for c, power in zip(self.coefficients, self.powers, strict=True)
        )


def fit(points: Sequence[Point], powers: tuple[int, ...], *, relative: bool = False) -> Fit | None:
    """The polynomial nearest to the points; ``relative`` where errors are shares of y.

    None with fewer different x than powers, or where y is not positive in a relative fit.
    """
    import numpy as np

    xs, ys = np.array([x for x, _ in points]), np.array([y for _, y in points])
    if len(set(xs.tolist())) < len(powers) or (relative and (ys <= 0).any()):
        return None
    scale = xs.max()  # powers of thousands beside ones lose digits
    weights = 1 / ys if relative else np.ones(len(ys))
    design = np.stack([(xs / scale) ** power for power in powers], axis=1) * weights[:, None]
    found = np.linalg.lstsq(design, ys * weights, rcond=None)[0]
    halves = _half_widths(design, ys * weights - design @ found)
    spread = ((ys - ys.mean()) ** 2).sum()
    missed = (((design @ found) / weights - ys) ** 2).sum()
    return Fit(
        powers=powers,
        coefficients=tuple(
            _bounded(float(value), half).times(float(scale) ** -power)
            for value, half, power in zip(found, halves, powers, strict=True)
        ),
        r2=float(1 - missed / spread) if spread > 0 else None,
        points=len(points),
    )


def _half_widths(design: "object", residuals: "object") -> list[float | None]:
    """Half of each coefficient's interval; None where no point is left to tell the noise."""
    import numpy as np

    matrix, left = np.asarray(design), np.asarray(residuals)
    freedom = matrix.shape[0] - matrix.shape[1]
    if freedom < 1:
        return [None] * matrix.shape[1]
    variance = float((left**2).sum()) / freedom
    spreads = np.sqrt(np.diag(np.linalg.inv(matrix.T @ matrix)) * variance)
    return [quantile(freedom) * float(spread) for spread in spreads]


def _bounded(value: float, half: float | None) -> Bounded:
    if half is None:
        return Bounded(value=value, low=None, high=None)
    return Bounded(value=value, low=value - half, high=value + half)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class MemoryGrowth:
    """Peak bytes as a fixed part and a part per sample in a batch."""

    per_sample: Bounded
    fixed: Bounded
    r2: float | None
    points: int

    def largest_batch(self, obtainable: float) -> int | None:
        """The batch that would need so many bytes by this line; None where it does not rise."""
        if self.per_sample.value <= 0:
            return None
        return max(0, math.floor((obtainable - self.fixed.value) / self.per_sample.value))


def memory_growth(peaks: Sequence[Point]) -> MemoryGrowth | None:
    """Bytes against samples in a batch, from (batch, peak bytes); None with fewer than two."""
    line = fit(peaks, (0, 1))
    if line is None:
        return None
    fixed, per_sample = line.coefficients
    return MemoryGrowth(per_sample=per_sample, fixed=fixed, r2=line.r2, points=line.points)


def exponent(times: Sequence[Point]) -> Bounded | None:
    """The k of y ~ xᵏ over the range, from the logarithms; None with fewer than two different x."""
    if any(x <= 0 or y <= 0 for x, y in times):
        return None
    line = fit([(math.log(x), math.log(y)) for x, y in times], (0, 1))
    return line.coefficients[1] if line else None


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Quadratic:
    """t = a + bL + cL² of a step's time; ``share`` is cL² of the fitted t at the largest L.

    ``verdict`` says what that share proves: a quadratic part is there, or is too small to matter,
    or neither can be told.
    """

    share: Bounded
    largest: float
    verdict: Literal["seen", "not seen", "inconclusive"]


def quadratic(times: Sequence[Point]) -> Quadratic | None:
    """The quadratic part of seconds against length; None with fewer than three lengths."""
    curve = fit(times, (0, 1, 2), relative=True)
    if curve is None:
        return None
    largest = max(x for x, _ in times)
    share = curve.coefficients[2].times(largest**2 / curve.at(largest))
    return Quadratic(share=share, largest=largest, verdict=_verdict(share))


def _verdict(share: Bounded) -> Literal["seen", "not seen", "inconclusive"]:
    if share.low is None or share.high is None:
        return "inconclusive"
    if share.low > 0:
        return "seen"
    return "not seen" if share.high < WORTH else "inconclusive"


def quadratic_operations(operations: Sequence[Point]) -> float | None:
    """The share of the counted operations at the largest x that grow with its square.

    Counts are exact: f = bx + cx² goes through the smallest and the largest x, and has no interval.
    """
    if len({x for x, _ in operations}) < 2:
        return None
    (x1, f1), (x2, f2) = min(operations), max(operations)
    square = (f2 / x2 - f1 / x1) / (x2 - x1)
    return square * x2**2 / f2


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Gain:
    """What throughput gains per doubling of the batch between two sizes; 0.3 is 30 %."""

    smaller: int
    larger: int
    value: float
    low: float | None
    high: float | None

    @property
    def is_wide(self) -> bool:
        """Whether the interval is too wide for its value to mean anything."""
        if self.low is None or self.high is None:
            return False
        return 1 + self.high > WIDEST * (1 + self.low)


def gains(throughputs: Sequence[tuple[int, Sequence[float]]]) -> list[Gain]:
    """The gain from each size to the next, from the throughputs of each size's processes."""
    found = []
    ordered = sorted((size, values) for size, values in throughputs if values)
    for (smaller, below), (larger, above) in itertools.pairwise(ordered):
        estimate = _per_doubling(ratio_of(above, below), math.log2(larger / smaller))
        found.append(
            Gain(
                smaller=smaller,
                larger=larger,
                value=estimate.value - 1,
                low=None if estimate.low is None else estimate.low - 1,
                high=None if estimate.high is None else estimate.high - 1,
            )
        )
    return found


def _per_doubling(ratio: Estimate, doublings: float) -> Estimate:
    low, high = (None if end is None else end ** (1 / doublings) for end in (ratio.low, ratio.high))
    return Estimate(value=ratio.value ** (1 / doublings), low=low, high=high)


def saturated_from(found: Sequence[Gain]) -> int | None:
    """The smallest size from which no further doubling gains ``WORTH``, by the intervals' ends.

    None where the last gain is still worth it, or where its interval leaves that open.
    """
    size = None
    for gain in reversed(found):
        if gain.high is None or gain.high >= WORTH:
            break
        size = gain.smaller
    return size
