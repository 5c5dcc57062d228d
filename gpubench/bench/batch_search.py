"""The largest batch that is of use: doubling until something ends it, then halving the gap.

It knows nothing of torch: what a batch size does is asked of a function, so a test can script it.
"""

import dataclasses
import time
from collections.abc import Callable, Sequence
from typing import Literal

from gpubench.units import Bytes

MARGIN = 0.1
"""The share of the memory a search may not use (own choice): compiling, CUDA graphs, the
libraries' workspaces and a worse-fragmented allocator need it in the measured processes."""

WORTH_RISE = 0.05
"""A doubling must raise samples/s by this share to count as rising (own choice)."""

FLAT_DOUBLINGS = 2
"""Doublings in a row that do not count before a search on a CPU ends: one may be noise."""

SLOPE_DOUBT = 1.25
"""How much steeper than measured memory may grow before a forecast is wrong (own choice)."""

FINENESS = 8
"""The gap between what fits and what does not is halved until it is this part of what fits."""

LARGEST = 65_536
"""Beyond this no batch is tried (own choice)."""

STAGE = "batch "
"""What a search says before it tries a size, followed by the size."""

SearchEnd = Literal["memory", "forecast", "flat", "time", "largest"]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class BatchTry:
    """One batch size in a search; ``why`` it does not fit, or was not even ``tried``."""

    batch_size: int
    fits: bool
    tried: bool = True
    peak_bytes: Bytes | None = None
    samples_per_second: float | None = None
    why: str | None = None


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What a search came to; ``size`` is None where not even one sample fits."""

    size: int | None
    ended: SearchEnd
    tries: tuple[BatchTry, ...]


def search(
    attempt: Callable[[int], BatchTry],
    *,
    forecast: Callable[[Sequence[BatchTry], int], str | None] = lambda tries, size: None,
    until_flat: bool = False,
    most_seconds: float = 240.0,
    clock: Callable[[], float] = time.monotonic,
) -> Found:
    """Double from 1 until a size does not fit, then halve the gap.

    ``forecast`` says why a size should not be tried at all. With ``until_flat`` the search ends
    where samples/s no longer rises, at the smallest size that is as fast as any. A size is not
    tried if twice what the one before took would be beyond ``most_seconds``.
    """
    tries: list[BatchTry] = []
    ends = clock() + most_seconds

    def fits(size: int) -> bool:
        why = forecast(tries, size)
        foreseen = BatchTry(batch_size=size, fits=False, tried=False, why=why)
        tries.append(attempt(size) if why is None else foreseen)
        return tries[-1].fits

    size, began = 1, clock()
    while fits(size):
        now = clock()
        if until_flat and _is_flat(tries):
            return Found(size=_as_fast_as_any(tries), ended="flat", tries=tuple(tries))
        if size * 2 > LARGEST:
            return Found(size=size, ended="largest", tries=tuple(tries))
        if now + 2 * (now - began) > ends:
            return Found(size=size, ended="time", tries=tuple(tries))
        size, began = size * 2, now
    ended: SearchEnd = "memory" if tries[-1].tried else "forecast"
    below = _between(fits, size // 2, size, lambda: clock() > ends)
    return Found(size=below or None, ended=ended, tries=tuple(tries))


def _between(
    fits: Callable[[int], bool], below: int, above: int, is_late: Callable[[], bool]
) -> int:
    """The largest size known to fit, once the gap to one that does not is small or time is up."""
    while above - below > max(1, below // FINENESS) and not is_late():
        middle = (below + above) // 2
        if fits(middle):
            below = middle
        else:
            above = middle
    return below


def _is_flat(tries: Sequence[BatchTry]) -> bool:
    """Whether none of the last doublings raised the best rate before them."""
    rates = [each.samples_per_second or 0.0 for each in tries]
    if len(rates) <= FLAT_DOUBLINGS:
        return False
    before, late = rates[:-FLAT_DOUBLINGS], rates[-FLAT_DOUBLINGS:]
    return max(late) < (1 + WORTH_RISE) * max(before)


def _as_fast_as_any(tries: Sequence[BatchTry]) -> int:
    """The smallest size within ``WORTH_RISE`` of the best rate."""
    best = max(each.samples_per_second or 0.0 for each in tries)
    return min(
        each.batch_size
        for each in tries
        if (each.samples_per_second or 0.0) * (1 + WORTH_RISE) >= best
    )


def forecast_peak(tries: Sequence[BatchTry], size: int) -> float | None:
    """The bytes a size should peak at, by the line through the two largest that fitted."""
    known = sorted((each.batch_size, each.peak_bytes or 0) for each in tries if each.fits)
    if len(known) < 2:
        return None
    (b1, p1), (b2, p2) = known[-2:]
    return p2 + SLOPE_DOUBT * max(0.0, (p2 - p1) / (b2 - b1)) * (size - b2)
