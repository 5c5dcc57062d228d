"""The rule for stored baselines: two sides that were measured in sessions of their own.

Processes of one session share its temperature, clocks and memory layout; the next session has
others. The spread of processes within a session therefore says nothing of how far two sessions
lie apart by themselves, and a comparison that ignores that finds regressions in most A/A pairs.
The variance between sessions comes from the sides themselves where each has three sessions, or
from a calibration on three or more.
"""

import dataclasses
import math
from collections.abc import Sequence

from gpubench.gate.sequential import (
    POWER,
    Interval,
    Noise,
    mean_and_variance,
    share,
    smallest,
    t_quantile,
)

RISK = 0.0015
"""One-sided risk of the only look (docs/decisions/0030-looks-and-risks.md)."""

FEWEST = 3
"""Processes a side, and sessions, below which nothing is judged (DESIGN §7)."""

Session = Sequence[float]
"""Logarithmic costs of the processes of one session."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One share of the variance of a difference of means: ``variance / count``."""

    variance: float
    freedom: float
    count: float


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Error:
    """The variance of a difference of two means, from parts with their own degrees of freedom."""

    parts: tuple[Part, ...]

    @property
    def variance(self) -> float:
        """Of the difference itself."""
        return sum(part.variance / part.count for part in self.parts)

    @property
    def freedom(self) -> float:
        """Degrees of freedom by Welch and Satterthwaite; that of a variance of 0 is no matter."""
        weights = sum((p.variance / p.count) ** 2 / p.freedom for p in self.parts)
        return self.variance**2 / weights if weights else math.inf

    def half_width(self, risk: float) -> float:
        """Half of the interval at a one-sided risk."""
        if self.variance == 0:
            return 0.0
        return float(t_quantile(self.freedom, risk)) * math.sqrt(self.variance)

    def gates_at(self, risk: float) -> float:
        """The smallest tolerance that such a comparison decides nearly always."""
        if self.variance == 0:
            return 0.0
        quantiles = t_quantile(self.freedom, risk) + t_quantile(self.freedom, 1 - POWER)
        return share(float(quantiles) * math.sqrt(self.variance))


def mean_of(sessions: Sequence[Session]) -> float:
    """The mean of the sessions' means: a session counts once, however many processes it has."""
    means = [math.fsum(session) / len(session) for session in sessions]
    return math.fsum(means) / len(means)


def by_sessions(sides: Sequence[Sequence[Session]]) -> Error:
    """The error where every side has several sessions: their means are the sample."""
    parts = []
    for sessions in sides:
        _, variance = mean_and_variance([mean_of([session]) for session in sessions])
        parts.append(Part(variance=variance, freedom=len(sessions) - 1.0, count=len(sessions)))
    return Error(parts=tuple(parts))


def by_calibration(sides: Sequence[Sequence[Session]], between: Noise) -> Error:
    """The error where the variance between sessions is known from a calibration.

    ``between`` is of whole sessions' means, so it holds some of the spread of processes as well,
    which is counted twice: on the side of caution.
    """
    sessions = [
        Part(variance=between.variance, freedom=between.freedom, count=len(side)) for side in sides
    ]
    # both sides draw on one estimate of the variance: one part, not two independent ones
    shared = Part(
        variance=between.variance,
        freedom=between.freedom,
        count=1 / sum(1 / part.count for part in sessions),
    )
    return Error(parts=(shared, *(within(side) for side in sides)))


def within(sessions: Sequence[Session]) -> Part:
    """The spread of processes about their session's mean, as a part of the side's mean."""
    freedom = sum(len(session) - 1 for session in sessions)
    squares = math.fsum(
        (len(session) - 1) * mean_and_variance(session)[1]
        for session in sessions
        if len(session) > 1
    )
    variance = squares / freedom if freedom else 0.0
    # the mean of session means: each session of n processes adds variance / n / sessions²
    inverse = sum(1 / len(session) for session in sessions) / len(sessions) ** 2
    return Part(variance=variance, freedom=max(freedom, 1), count=1 / inverse)


def interval(sides: Sequence[Sequence[Session]], error: Error, risk: float) -> Interval:
    """The candidate's mean cost less the baseline's; ``sides`` in that order: baseline first."""
    baseline, candidate = map(mean_of, sides)
    mean, half = candidate - baseline, error.half_width(risk)
    return Interval(mean=mean, low=mean - half, high=mean + half)


def needed(error: Error, found: Interval, tolerance: float, risk: float, now: int) -> int | None:
    """How many replicates a side, ``now`` so many, would settle it if the mean stayed.

    Only what replicates lessen is lessened; degrees of freedom are taken to grow with them.
    """
    distance = abs(found.mean - math.log1p(tolerance))

    def enough(count: int) -> bool:
        more = count / now
        parts = tuple(
            dataclasses.replace(p, count=p.count * more, freedom=p.freedom * more)
            for p in error.parts
        )
        return Error(parts=parts).half_width(risk) < distance

    return smallest(enough)
