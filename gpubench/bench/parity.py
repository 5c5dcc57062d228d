"""Whether a mode trains the same: its losses against those of IEEE float32.

How far two runs may part cannot be one number: it grows with the steps and with the rounding.
So the reference itself is run again with its initial weights disturbed by as much as the mode
rounds, and the mode may part from the reference a few times as far as those runs do.
"""

import dataclasses
import math
from collections.abc import Sequence

from gpubench.bench.record import ParityRun
from gpubench.bench.rounding import ROUNDING

SPREAD_FACTOR = 20.0
"""How many times the spread of the disturbed runs is allowed (own choice): they are two, and
rounded once where a mode rounds in every operation; on a CPU bfloat16 parted up to 9 times as far.
"""

FLOOR_ULPS = 4.0
"""Allowed beside the spread, in float32 roundings: the loss itself is computed in float32."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Parity:
    """How far the losses part at one step, and how far they may.

    A verdict is the step that comes closest to the allowed, or passes it most. Both are shares
    of the reference's loss there; ``step`` counts from 1.
    """

    holds: bool
    deviation: float
    allowed: float
    step: int


def judge(reference: ParityRun, candidate: ParityRun, rounding: str) -> Parity | None:
    """The verdict, or None where a run is missing what it takes.

    A loss of the candidate that is not finite never holds.
    """
    steps = curve(reference, candidate, rounding)
    return max(steps, key=lambda step: step.deviation / step.allowed) if steps else None


def curve(reference: ParityRun, candidate: ParityRun, rounding: str) -> tuple[Parity, ...]:
    """How far the losses part at every step; empty where a run is missing what it takes."""
    expected = [loss for loss in reference.losses if loss is not None]
    others = [*reference.repeats, *reference.disturbed.get(rounding, ())]
    steps = min(len(expected), len(candidate.losses))
    if steps == 0 or steps < len(reference.losses) or not others:
        return ()
    return tuple(
        _at(step, expected, candidate.losses[step], _spread(expected, others, step))
        for step in range(steps)
    )


def _spread(
    expected: Sequence[float], others: Sequence[Sequence[float | None]], step: int
) -> float:
    """The largest distance of any of the other runs so far."""
    return max(
        abs(other[at] - expected[at])  # type: ignore[operator]
        for other in others
        for at in range(step + 1)
        if other[at] is not None
    )


def _at(step: int, expected: Sequence[float], loss: float | None, spread: float) -> Parity:
    scale = max(abs(expected[step]), 1e-12)
    allowed = SPREAD_FACTOR * spread / scale + FLOOR_ULPS * ROUNDING["float32"]
    if loss is None or not math.isfinite(loss):
        return Parity(holds=False, deviation=math.inf, allowed=allowed, step=step + 1)
    deviation = abs(loss - expected[step]) / scale
    return Parity(holds=deviation <= allowed, deviation=deviation, allowed=allowed, step=step + 1)
