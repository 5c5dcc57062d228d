"""Whether something holds a GPU's clocks below what it would do: a lock, or application clocks."""

import statistics
from collections.abc import Mapping, Sequence

from gpubench.env.reasons import APPLICATION_CLOCKS, IDLE, REASONS
from gpubench.units import significant

AT_LIMIT = 0.99
"""Of the highest clock: a clock is set in steps of 15 MHz, which is less than 1 % of it."""

NEAR_BOOST = 0.95
"""Of the highest boost clock that a vendor promises for a board; under load and with no reason to
be lower a board reaches it (own choice of what is near)."""

NEAR_MOST = 0.85
"""Of the highest clock in a board's table, where no boost clock is promised: graphics boards end
some steps below it for reasons that NVML does not tell (own choice)."""

BUSY = 0.5
"""Utilization from which a clock is one under load."""


def cap_of(samples: Sequence[Mapping[str, float]], limits: Mapping[str, float]) -> str | None:
    """What held the SM clock down in most samples of a window, in words; None where nothing did.

    The driver says so for application clocks. It does not for locked clocks (``nvidia-smi -lgc``)
    on every driver: there a clock under load that stays below what the board promises, while no
    other reason is given, is taken for a lock.
    """
    boost = limits.get("sm_clock_boost_mhz")
    most = boost or limits.get("sm_clock_max_mhz")
    if not most:
        return None
    read = [s for s in samples if "sm_clock_mhz" in s and "throttle_reasons" in s]
    told = _clock([s for s in read if int(s["throttle_reasons"]) & APPLICATION_CLOCKS], of=read)
    if told is not None and told < AT_LIMIT * most:
        return f"application clocks hold the SM clock at {_of(told, most)}"
    silent = _clock([s for s in read if _is_silent(s)], of=read)
    if silent is not None and silent < (NEAR_BOOST if boost else NEAR_MOST) * most:
        return f"locked clocks? SM clock at {_of(silent, most)} with no reason given"
    return None


def _is_silent(sample: Mapping[str, float]) -> bool:
    """Whether the GPU works and the driver gives no reason for a lower clock."""
    mask = int(sample["throttle_reasons"])
    return not mask & (IDLE | sum(REASONS)) and sample.get("utilization", 1.0) >= BUSY


def _clock(samples: Sequence[Mapping[str, float]], *, of: Sequence[object]) -> float | None:
    """The median clock of samples that are most of all samples."""
    if not samples or 2 * len(samples) <= len(of):
        return None
    return statistics.median(sample["sm_clock_mhz"] for sample in samples)


def _of(clock: float, most: float) -> str:
    return f"{significant(clock, 4)} of {significant(most, 4)} MHz"
