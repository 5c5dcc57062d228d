"""After how many steps the time that compiling took is won back."""

import dataclasses
from collections.abc import Sequence
from typing import Literal

from gpubench.gate.intervals import mean_of, ratio_of

Verdict = Literal["steps", "likely", "never", "inconclusive"]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class BreakEven:
    """``steps`` is there where the compiled mode is faster.

    ``likely``: it looks faster, but one of the two modes has a single process.
    ``never``: it is slower than the eager mode of the same numerics. ``inconclusive``: the
    processes differ too much, or are too few, to say that it is. ``is_shaky``: the figure of
    either mode is not to be taken as it stands.
    """

    verdict: Verdict
    steps: float | None = None
    is_shaky: bool = False


def break_even(
    compile_seconds: float | None,
    compiled: Sequence[float],
    eager: Sequence[float],
    samples_per_step: int,
) -> BreakEven | None:
    """Compile seconds over seconds saved per step; None where one of them was not measured.

    ``compiled`` and ``eager`` are samples per second of the processes of both modes.
    """
    if compile_seconds is None or not compiled or not eager:
        return None
    ratio = ratio_of(compiled, eager)
    eager_seconds = samples_per_step / mean_of(eager).value
    saved = eager_seconds * (1 - 1 / ratio.value)
    low, high = ratio.low, ratio.high
    if saved <= 0 or (high is not None and high <= 1):
        decided = high is not None and high <= 1
        return BreakEven(verdict="never" if decided else "inconclusive")
    if low is not None and low <= 1:
        return BreakEven(verdict="inconclusive")
    verdict: Verdict = "likely" if low is None else "steps"
    return BreakEven(verdict=verdict, steps=compile_seconds / saved)
