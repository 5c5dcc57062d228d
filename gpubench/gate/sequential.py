"""The rule for pairs: when to look, and what may be said at each look.

A pair is one baseline and one candidate process, adjacent in time on one device, in the order
AB BA AB …. Its difference is the candidate's logarithmic cost less the baseline's, so that more
than 0 is worse. At each look the mean difference has a t-interval [low, high] at a one-sided
per-look risk, and the first look that decides is the last.

Looks, risks and the use of a calibration were chosen by simulation; the table of what was seen is
in docs/decisions/0030-looks-and-risks.md, drawn by benchmarks/operating_curve.py, which calls the
functions below. They therefore work on floats and, element by element, on NumPy arrays alike.
"""

import dataclasses
import math
from collections.abc import Container, Sequence
from typing import Any

from gpubench.gate.verdicts import Word

LOOKS = (5, 8, 12, 20, 28)
"""Numbers of pairs after which the gate may decide."""

RISK = 0.002
"""One-sided risk of each of ``LOOKS``, shared out among the cells of a family."""

EARLY_LOOK = 3
"""A look of its own for a calibrated cell, whose variance is known before the first pair."""

EARLY_RISK = 0.0002
"""Risk of the early look: the noise may have grown since it was calibrated."""

EARLY_LEVEL = 0.75
"""The early look trusts a calibration where so large a share of equal variances would have
given a larger F-ratio than was seen; three pairs cannot show that noise has grown, so they are
asked to show that it has not."""

GROWN_LEVEL = 0.005
"""Chance at which an F-ratio says that noise has changed since it was calibrated."""

POWER = 0.99
"""How sure "this host gates at x %" is of a decision."""

MOST_PAIRS = 10_000
"""More than this is not an offer to anybody."""

Number = Any
"""A float, or an array of them."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Noise:
    """A variance of logarithmic costs with its degrees of freedom."""

    variance: float
    freedom: float


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """A mean difference of logarithmic costs, and the ends between which it is taken to lie."""

    mean: float
    low: float
    high: float


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What the pairs so far say; ``interval`` is None below the first look."""

    pairs: int
    interval: Interval | None
    word: Word


def looks(*, calibrated: bool) -> tuple[int, ...]:
    """The numbers of pairs at which a decision may fall."""
    return (EARLY_LOOK, *LOOKS) if calibrated else LOOKS


def half_width(variance: Number, pairs: int, risk: float) -> Number:
    """Half of the t-interval of the mean of so many differences."""
    return t_quantile(pairs - 1.0, risk) * variance**0.5 / pairs**0.5


def early_half_width(
    variance: Number, calibrated: Number, freedom: float, risk: float = EARLY_RISK
) -> Number:
    """The same at the early look, with the calibrated variance pooled in.

    It is infinite where the three pairs do not bear the calibration out.
    """
    import numpy as np

    own = EARLY_LOOK - 1.0
    pooled = (own * variance + freedom * calibrated) / (own + freedom)
    trusted = variance <= f_quantile(own, freedom, EARLY_LEVEL) * calibrated
    half = t_quantile(own + freedom, risk) * np.sqrt(pooled / EARLY_LOOK)
    return np.where(trusted, half, np.inf)


def t_quantile(freedom: Number, risk: Number) -> Number:
    """Student's t that is exceeded with probability ``risk``."""
    from scipy.special import stdtrit

    return stdtrit(freedom, 1 - risk)


def f_quantile(above: Number, below: Number, risk: float) -> Number:
    """Fisher's F that is exceeded with probability ``risk``."""
    from scipy.special import fdtri

    return fdtri(above, below, 1 - risk)


def verdict(low: float, high: float, tolerance: float) -> Word:
    """What an interval of logarithmic costs says at a tolerated share of added cost."""
    most = math.log1p(tolerance)
    if high < -most:
        return "IMPROVED"
    if high < most:
        return "PASS"
    if low > most:
        return "REGRESSION"
    return "INCONCLUSIVE"


def look(
    differences: Sequence[float],
    tolerance: float,
    *,
    family: int = 1,
    noise: Noise | None = None,
) -> Look:
    """What so many pairs say, as if it were the time to look.

    ``family`` is the number of figures that are gated together; ``noise`` the calibrated variance
    of a pair's difference.
    """
    pairs = len(differences)
    if pairs < EARLY_LOOK:
        return Look(pairs=pairs, interval=None, word="INCONCLUSIVE")
    mean, variance = mean_and_variance(differences)
    if pairs < LOOKS[0] and noise is not None and pairs == EARLY_LOOK:
        half = float(early_half_width(variance, noise.variance, noise.freedom, EARLY_RISK / family))
    else:
        half = float(half_width(variance, pairs, RISK / family))
    interval = Interval(mean=mean, low=mean - half, high=mean + half)
    may_decide = pairs in looks(calibrated=noise is not None)
    word = verdict(interval.low, interval.high, tolerance) if may_decide else "INCONCLUSIVE"
    return Look(pairs=pairs, interval=interval, word=word)


def decide(
    differences: Sequence[float],
    tolerance: float,
    *,
    family: int = 1,
    noise: Noise | None = None,
    passed_over: Container[int] = (),
) -> Look:
    """The first look that decides, or the last one there are pairs for.

    Looks that are ``passed_over`` decide nothing, whatever they see.
    """
    latest = look(differences[:2], tolerance)
    for pairs in looks(calibrated=noise is not None):
        if pairs > len(differences):
            break
        latest = look(differences[:pairs], tolerance, family=family, noise=noise)
        if pairs in passed_over:
            latest = dataclasses.replace(latest, word="INCONCLUSIVE")
        if latest.word != "INCONCLUSIVE":
            break
    return latest


def mean_and_variance(values: Sequence[float]) -> tuple[float, float]:
    """The mean, and the variance about it; equal values have none, whatever rounding says."""
    mean = math.fsum(values) / len(values)
    if all(value == values[0] for value in values):
        return values[0], 0.0
    return mean, math.fsum((value - mean) ** 2 for value in values) / (len(values) - 1)


def pairs_needed(interval: Interval, variance: float, tolerance: float, risk: float) -> int | None:
    """How many pairs would settle it if the mean stayed where it is; None for too many to do."""
    distance = abs(interval.mean - math.log1p(tolerance))
    return smallest(lambda pairs: bool(half_width(variance, pairs, risk) < distance))


def smallest(enough: Any) -> int | None:
    """The smallest number of at least 3 for which a monotone ``enough`` holds."""
    if not enough(MOST_PAIRS):
        return None
    low, high = 2, MOST_PAIRS
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if enough(middle) else (middle, high)
    return high


def gates_at(variance: float, pairs: int = LOOKS[-1], risk: float = RISK) -> float:
    """The smallest tolerance that so many pairs decide nearly always.

    At it, no effect passes, and twice the tolerance is found to be a regression, with ``POWER``.
    """
    from scipy.special import ndtri

    error = math.sqrt(variance / pairs)
    return share((float(t_quantile(pairs - 1.0, risk)) + float(ndtri(POWER))) * error)


def has_grown(variance: float, freedom: float, noise: Noise) -> bool:
    """Whether the F-ratio says that noise is larger than it was when it was calibrated."""
    if noise.variance == 0:
        return variance > 0
    limit = float(f_quantile(freedom, noise.freedom, GROWN_LEVEL))
    return variance / noise.variance > limit


def share(cost: float) -> float:
    """A difference of logarithmic costs as the share of cost that is added."""
    return math.expm1(min(cost, 700.0))
