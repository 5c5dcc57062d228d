"""Under which conditions a cell was measured: clocks, power, energy, throttling."""

import dataclasses
import statistics
from collections.abc import Mapping, Sequence
from typing import Any

from gpubench.bench.record import Measurement


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Conditions:
    """Means over the windows of a cell; None where the GPU does not tell.

    ``sm_clock_mhz_most`` is the highest the board promises, ``temperature_c`` the highest seen,
    ``throttled`` the share of time under each reason. Energy is that of the whole GPU.
    ``xid_watch`` is where Xid errors were listened for, None where nowhere.
    """

    sm_clock_mhz: float | None = None
    sm_clock_mhz_most: float | None = None
    power_watts: float | None = None
    temperature_c: float | None = None
    joules_per_sample: float | None = None
    throttled: Mapping[str, float] = dataclasses.field(default_factory=dict)
    xid_watch: str | None = None


def conditions_of(measurements: Sequence[Measurement]) -> Conditions | None:
    """Those of the processes that count; None where none was watched."""
    watched = [
        m for m in measurements if m.counts and m.telemetry and not m.telemetry.get("unavailable")
    ]
    seen: list[dict[str, Any]] = [m.telemetry for m in watched if m.telemetry]
    if not seen:
        return None
    return Conditions(
        sm_clock_mhz=_mean(seen, "sm_clock_mhz"),
        sm_clock_mhz_most=_mean(seen, "sm_clock_mhz_most"),
        power_watts=_mean(seen, "power_watts"),
        temperature_c=max(
            (s["temperature_c"] for s in seen if s.get("temperature_c")), default=None
        ),
        joules_per_sample=_joules_per_sample(watched),
        throttled=_shares([s.get("throttled") or {} for s in seen]),
        xid_watch=seen[-1].get("xid_watch"),
    )


def unwatched(measurements: Sequence[Measurement]) -> str | None:
    """Why nobody watched the GPU of a process that counts; None where somebody did."""
    reasons = [(m.telemetry or {}).get("unavailable") for m in measurements if m.counts]
    return next(filter(None, reasons), None)


def _mean(seen: Sequence[Mapping[str, Any]], name: str) -> float | None:
    read = [s[name] for s in seen if s.get(name)]
    return statistics.fmean(read) if read else None


def _joules_per_sample(watched: Sequence[Measurement]) -> float | None:
    """Energy of all GPUs that trained, over the windows, per sample trained in them."""
    metered = [m for m in watched if m.joules_per_sample is not None]
    samples = sum(m.samples_per_step * len(m.step_seconds) for m in metered)
    joules = sum(m.telemetry["energy_joules"] for m in metered if m.telemetry)
    return joules / samples if samples else None


def _shares(throttled: Sequence[Mapping[str, float]]) -> dict[str, float]:
    names = dict.fromkeys(name for shares in throttled for name in shares)
    return {name: statistics.fmean(s.get(name, 0.0) for s in throttled) for name in names}


def condition_values(seen: Conditions | None) -> dict[str, Any]:
    """The raw values, for CSV and JSON; absent ones are None, ``throttled`` has shares by name."""
    values = dataclasses.asdict(seen or Conditions())
    return {**values, "throttled": values["throttled"] or None}
