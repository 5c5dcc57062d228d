"""A figure with its interval against a bound: on one side of it, on the other, or across it."""

import dataclasses
import math
from typing import Literal

from gpubench.bench.intervals import quantile
from gpubench.gate.growth import Bounded
from gpubench.gate.intervals import Estimate
from gpubench.knowledge.claims import Claim

Verdict = Literal["reproduced", "not reproduced", "not decidable here"]

UNDECIDED: Verdict = "not decidable here"

MOST_WORTH = 100
"""Processes a side beyond which more of them are no advice (own choice)."""


def bounded(estimate: Estimate) -> Bounded:
    """A throughput or a ratio of two as a plain number with its ends."""
    return Bounded(value=estimate.value, low=estimate.low, high=estimate.high)


def held_against(figure: Bounded, claim: Claim) -> Verdict:
    """The verdict by the ends of the interval; a bound within it is not decidable."""
    low, high = figure.low, figure.high
    if low is None or high is None or claim.bound is None:
        return UNDECIDED
    if claim.direction == "below":
        return "reproduced" if high < claim.bound else _unless(low >= claim.bound)
    upper = math.inf if claim.upper is None else claim.upper
    if low >= claim.bound and high <= upper:
        return "reproduced"
    return _unless(high < claim.bound or low > upper)


def _unless(contradicted: bool) -> Verdict:
    return "not reproduced" if contradicted else UNDECIDED


def processes_needed(figure: Bounded, claim: Claim, processes: int) -> int | None:
    """How many processes a side might clear the bound, if they go on to spread as they do.

    None where more than ``MOST_WORTH`` would be needed, or where there is no spread to go by.
    """
    low, high, bound = figure.low, figure.high, claim.bound
    if processes < 2 or low is None or high is None or bound is None:
        return None
    if claim.upper is not None:  # the nearer end of a range is what the interval covers
        bound = min((bound, claim.upper), key=lambda end: abs(end - figure.value))
    spread = (high - low) / 2 * math.sqrt(processes) / quantile(processes - 1)
    for wanted in range(processes + 1, MOST_WORTH + 1):
        if quantile(wanted - 1) * spread / math.sqrt(wanted) < abs(figure.value - bound):
            return wanted
    return None


def shorter(ratio: Bounded) -> Bounded:
    """By which share an iteration is shorter, from how many times as fast it is."""
    value, low, high = (None if end is None else 1 - 1 / end for end in _ends(ratio))
    assert value is not None
    return dataclasses.replace(ratio, value=value, low=low, high=high)


def _ends(figure: Bounded) -> tuple[float, float | None, float | None]:
    return figure.value, figure.low, figure.high
