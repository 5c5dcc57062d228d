"""What a GPU did while it was measured: clocks, power, temperature, throttling, other processes."""

import dataclasses
import statistics
from collections.abc import Callable, Mapping, Sequence

from gpubench.env.clocks import cap_of
from gpubench.env.reasons import HARDWARE_SLOWDOWN, REASONS
from gpubench.knowledge import tables

Sample = Mapping[str, float]
"""One reading: a name and a number each, and ``seconds`` of the monotonic clock."""

MOST_POINTS = 600
"""Of a time series in a record; a longer window has fewer than one a second (own choice)."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Telemetry:
    """One window, from ``samples`` readings; None where the GPU does not tell.

    ``throttled`` is the share of samples under each reason. ``processes`` is the largest number
    of compute processes seen on the GPU, this one included. Clocks in MHz, energy in joules; the
    PCIe link is the fastest that was seen. ``cap`` says what held the clocks below what the GPU
    would do, where something did. ``xids`` are the driver's error codes since the sampler began,
    ``xid_watch`` where they were listened for, and None where they could not be.

    ``series`` is the window as it went: ``seconds`` since its beginning, and under the name of
    each reading a value for every one of them. Of several GPUs that were watched as one,
    ``utilization_each`` has what each tells.
    """

    samples: int
    sm_clock_mhz: float | None = None
    sm_clock_mhz_lowest: float | None = None
    sm_clock_mhz_most: float | None = None
    power_watts: float | None = None
    temperature_c: float | None = None
    utilization: float | None = None
    energy_joules: float | None = None
    processes: int | None = None
    ecc_uncorrected: int | None = None
    pcie_generation: int | None = None
    pcie_width: int | None = None
    throttled: dict[str, float] = dataclasses.field(default_factory=dict)
    cap: str | None = None
    xids: tuple[int, ...] = ()
    xid_watch: str | None = None
    series: dict[str, tuple[float | None, ...]] = dataclasses.field(default_factory=dict)
    unavailable: str | None = None
    utilization_each: tuple[float | None, ...] = ()

    @property
    def fault(self) -> str | None:
        """Why a measurement under these conditions is not to be used, or None."""
        if self.xids:
            return f"{', '.join(map(_xid, dict.fromkeys(self.xids)))} while it was measured"
        for name in HARDWARE_SLOWDOWN.values():
            if self.throttled.get(name):
                return f"{name} during {self.throttled[name]:.0%} of the window"
        if self.processes is not None and self.processes > 1:
            return f"{self.processes - 1} other compute process(es) on the GPU"
        if self.ecc_uncorrected:
            return f"{self.ecc_uncorrected} uncorrected memory errors during the window"
        return None


def _xid(code: int) -> str:
    known = tables.xid(code)
    return f"Xid {code} ({known['meaning']})" if known else f"Xid {code}"


def summarise(
    samples: Sequence[Sample],
    *,
    began: float,
    ended: float,
    limits: Mapping[str, float] | None = None,
) -> Telemetry:
    """The readings of one window as a whole; its ends are seconds of the monotonic clock."""

    def of(name: str) -> list[float]:
        return [sample[name] for sample in samples if name in sample]

    limits = limits or {}
    clocks, errors = of("sm_clock_mhz"), of("ecc_uncorrected")
    return Telemetry(
        samples=len(samples),
        sm_clock_mhz=statistics.median(clocks) if clocks else None,
        sm_clock_mhz_lowest=min(clocks, default=None),
        sm_clock_mhz_most=limits.get("sm_clock_boost_mhz", limits.get("sm_clock_max_mhz")),
        power_watts=statistics.fmean(of("power_watts")) if of("power_watts") else None,
        temperature_c=max(of("temperature_c"), default=None),
        utilization=statistics.fmean(of("utilization")) if of("utilization") else None,
        energy_joules=_energy(samples, ended - began),
        processes=int(max(of("processes"))) if of("processes") else None,
        pcie_generation=int(max(of("pcie_generation"), default=0)) or None,
        pcie_width=int(max(of("pcie_width"), default=0)) or None,
        ecc_uncorrected=int(errors[-1] - errors[0]) if errors else None,
        throttled=_shares([int(mask) for mask in of("throttle_reasons")]),
        cap=cap_of(samples, limits),
        series=_series(samples, began, ended),
    )


def _energy(samples: Sequence[Sample], seconds: float) -> float | None:
    """Joules of the whole window by the counter.

    The first and the last reading lie inside the window; what they are apart is extended to its
    ends, or else a short window would lose up to two intervals of the sampler.
    """
    metered = [sample for sample in samples if "energy_joules" in sample]
    if len(metered) < 2:
        return None
    first, last = metered[0], metered[-1]
    apart = last["seconds"] - first["seconds"]
    spent = last["energy_joules"] - first["energy_joules"]
    return spent / apart * seconds if apart > 0 else None


def _shares(masks: Sequence[int]) -> dict[str, float]:
    """The share of samples in which each reason's bit is set; reasons that never were are left."""
    counts = {name: sum(bool(mask & bit) for mask in masks) for bit, name in REASONS.items()}
    return {name: count / len(masks) for name, count in counts.items() if count}


def _any_of(masks: Sequence[float]) -> float:
    together = 0
    for mask in masks:
        together |= int(mask)
    return together


SERIES: Mapping[str, Callable[[Sequence[float]], float]] = {
    "sm_clock_mhz": statistics.median,
    "power_watts": statistics.fmean,
    "temperature_c": max,
    "throttle_reasons": _any_of,
}
"""What of a window is kept over time, and how the readings of one point become one value."""


def _series(
    samples: Sequence[Sample], began: float, ended: float
) -> dict[str, tuple[float | None, ...]]:
    """The window thinned to a point a second, and to ``MOST_POINTS`` where it is longer."""
    width = max(1.0, (ended - began) / MOST_POINTS)
    points: dict[int, list[Sample]] = {}
    for sample in samples:
        place = min(int((sample["seconds"] - began) / width), MOST_POINTS - 1)
        points.setdefault(place, []).append(sample)

    def over_time(name: str) -> tuple[float | None, ...]:
        read = [[s[name] for s in points[place] if name in s] for place in sorted(points)]
        return tuple(round(SERIES[name](values), 1) if values else None for values in read)

    kept = {name: values for name in SERIES if any(values := over_time(name))}
    return {"seconds": tuple(place * width for place in sorted(points)), **kept} if kept else {}
