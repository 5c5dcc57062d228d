"""Ceilings and how near to them a cell comes: peaks from raw windows, and model FLOPs over peak.

Model FLOPs are analytic: 2 for each multiply-add of the forward and the backward pass of one step,
as ``WorkloadFacts.step_flops`` has them. The optimizer, element-wise work and anything computed a
second time (recomputation, padding inside a kernel) do not count. The peak is that of the format
the mode's products are rounded to: under autocast the autocast format's.
"""

import dataclasses
import functools
import statistics
from collections.abc import Sequence
from typing import TYPE_CHECKING

from gpubench import units
from gpubench.bench import ceilings
from gpubench.bench.ceilings import Ceiling, Unit, ceiling_named
from gpubench.bench.job import COUNTING
from gpubench.bench.record import CeilingRun, CeilingSample, RunRecord, WorkloadFacts
from gpubench.gate.intervals import Estimate
from gpubench.gate.marks import marked
from gpubench.gate.odd_lines import known_mode, whole
from gpubench.knowledge.peaks import NominalPeaks, nominal_peaks

if TYPE_CHECKING:
    from gpubench.gate.summary import Cell

ABOVE_NOMINAL = {"flop/s": 1.2, "byte/s": 1.05}
"""How far a measured rate may pass the nominal one (own choice): datasheets give operations at a
boost clock that cards with good cooling exceed; a memory's clock does not change."""

LEAST_NOISE = 0.05
"""What a peak may be short of the truth by at least (own choice): a model's own shapes may suit
the machine better than the squares that were tried."""


IMPOSSIBLE = ("implausible", "it came out above what the device can do")
"""What is told of a peak that passes the nominal one."""

MOST_STARVED = 0.1
"""The least share of a window that counts as run; clocks of processor time are coarse."""

DOUBTFUL = 0.15
"""A peak that is good to no more than this gives no plain number (own choice)."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """A ceiling as it was measured, in its unit: the median of the processes' bests.

    ``best`` is the best window of all, at ``shape``; ``spread`` the range of the processes' bests
    as a share of the value, None for one process. ``noise`` is how far the best window lies from
    the median one of the same shape, as a share: what a quiet machine would not have. ``starved``
    is the share of the best window in which the threads of a CPU waited for a processor. ``held``
    says that in a process clocks were held, or times did not settle.
    """

    value: float
    best: float
    spread: float | None
    noise: float
    starved: float
    shape: str
    processes: int
    held: bool = False

    @property
    def is_shaky(self) -> bool:
        """Whether it gives no plain number."""
        return self.held or self.doubt > DOUBTFUL

    @property
    def highest(self) -> float:
        """A rate above which no true one can lie, as far as this measurement tells."""
        return self.best * (1 + self.doubt)

    @property
    def doubt(self) -> float:
        """How far the truth may lie from the best window, as a share."""
        waited = self.starved / (1 - self.starved)
        return max(LEAST_NOISE, self.noise, self.spread or 0.0, waited)


def runs_of(record: RunRecord, name: str, subjects: Sequence[object]) -> list[CeilingRun]:
    """The last word of each process on a ceiling, in order."""
    latest = {
        (run.subject, run.process): run
        for run in record.of(CeilingRun)
        if run.name == name and run.subject in subjects
    }
    return list(latest.values())


def measured(runs: Sequence[CeilingRun], unit: Unit) -> Measured | None:
    """What the processes that have an answer say together; None where there is none."""
    counting = [run for run in runs if run.state in COUNTING]
    bests = [_best(run.samples, unit) for run in counting]
    known = [best for best in bests if best is not None]
    if not known:
        return None
    rates = [rate for rate, _ in known]
    value = statistics.median(rates)
    pick = min if unit == "second" else max
    best, shape = pick(known)
    windows = [
        r for run in counting for s in run.samples if s.shape == shape for r in _rates(s, unit)
    ]
    return Measured(
        value=value,
        best=best,
        spread=(max(rates) - min(rates)) / value if len(rates) > 1 else None,
        noise=abs(best / statistics.median(windows) - 1),
        starved=_starved(runs, shape, best, unit),
        shape=shape,
        processes=len(rates),
        held=any(run.state in COUNTING and run.state != "ok" for run in runs),
    )


def _best(samples: Sequence[CeilingSample], unit: Unit) -> tuple[float, str] | None:
    """The best window of a process, and its shape."""
    found = [(rate, sample.shape) for sample in samples for rate in _rates(sample, unit)]
    if not found:
        return None
    return min(found) if unit == "second" else max(found)


def _rates(sample: CeilingSample, unit: Unit) -> list[float]:
    """What each window comes to in the ceiling's unit; one without work or time is none."""
    if sample.amount <= 0 or whole(sample.repetitions) is None:
        return []
    done = sample.amount * sample.repetitions
    windows = [seconds for seconds in sample.seconds if seconds > 0]
    if unit == "second":
        return [seconds / done for seconds in windows]
    return [done / seconds for seconds in windows]


def _starved(runs: Sequence[CeilingRun], shape: str, best: float, unit: Unit) -> float:
    """How much of its wall time the best window's threads did not run, on a CPU.

    A neighbour that takes half of every core halves all windows alike; only this tells.
    """
    shares = [
        processor / (seconds * (whole(run.device.get("threads")) or 1))
        for run in runs
        if run.device.get("type") == "cpu"
        for sample in run.samples
        if sample.shape == shape and best in _rates(sample, unit)
        for seconds, processor in zip(sample.seconds, sample.cpu_seconds, strict=False)
        if seconds > 0
    ]
    return 1 - min(1.0, max(MOST_STARVED, statistics.median(shares))) if shares else 0.0


def nominal_of(ceiling: Ceiling, device: dict[str, object]) -> float | None:
    """What the vendor publishes for a ceiling; None for a CPU, or where it is not on record."""
    peaks = _nominal(device)
    if peaks is None:
        return None
    if ceiling.name.startswith("memory-"):
        return peaks.memory_bytes_per_second
    return peaks.flops.get(ceiling.dtype or "")


def _nominal(device: dict[str, object]) -> NominalPeaks | None:
    return nominal_peaks(str(device.get("name"))) if device.get("type") == "cuda" else None


def above_nominal(ceiling: Ceiling, value: float, nominal: float | None) -> bool:
    """Whether a measured rate is more than the device can do, so that a clock must have lied."""
    return nominal is not None and value > ABOVE_NOMINAL[ceiling.unit] * nominal


def peak_of(record: RunRecord, rounding: str) -> Measured | None:
    """The measured peak of products in a format, from every process of this run that has one.

    None where it was not measured, or came out higher than the device can do.
    """
    ceiling = ceiling_named(ceilings.product(rounding))
    everywhere = (ceilings.SUBJECT, ceilings.BEFORE, ceilings.AFTER)
    runs = runs_of(record, ceiling.name, everywhere)
    found = _measured_once(_Same(tuple(runs)), ceiling.unit)
    if found is None:
        return None
    nominal = nominal_of(ceiling, next(run.device for run in runs if run.state in COUNTING))
    return None if above_nominal(ceiling, found.best, nominal) else found


class _Same:
    """Lines of a record by which they are, not by what is in them: those judge every cell of it."""

    def __init__(self, runs: tuple[CeilingRun, ...]) -> None:
        self.runs = runs

    def __hash__(self) -> int:
        return hash(tuple(map(id, self.runs)))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Same) and list(map(id, self.runs)) == list(map(id, other.runs))


@functools.lru_cache(maxsize=8)
def _measured_once(runs: _Same, unit: Unit) -> Measured | None:
    return measured(runs.runs, unit)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Roofline:
    """How a cell's model FLOPs compare with its format's peaks, all in FLOP/s.

    ``achieved`` has the cell's interval. None is what was not measured or is not on record.
    """

    achieved: Estimate
    peak: Measured | None
    nominal: float | None

    @property
    def mfu(self) -> float | None:
        """Model FLOPs utilisation: the share of the measured peak, at its best window."""
        return self.achieved.value / self.peak.best if self.peak else None

    @property
    def is_shaky(self) -> bool:
        """Whether the share of the measured peak is no plain number."""
        return self.peak is not None and (self.peak.is_shaky or (self.mfu or 0) > 1)

    @property
    def mfu_nominal(self) -> float | None:
        """The share of the vendor's figure."""
        return self.achieved.value / self.nominal if self.nominal else None


def roofline(record: RunRecord, facts: WorkloadFacts | None, cell: "Cell") -> Roofline | None:
    """Where a cell stands; None where it has no throughput or its work could not be counted."""
    if cell.throughput is None or facts is None or not facts.step_flops or not facts.batch_size:
        return None
    mode = known_mode(cell.mode)
    if mode is None:
        return None
    # peaks are of one device, and ranks on a GPU have one each; those on a CPU share its cores
    devices = facts.ranks if facts.device.get("type") == "cuda" else 1
    flops, rounding = facts.step_flops / facts.batch_size / devices, mode.rounding
    nominal = nominal_of(ceiling_named(ceilings.product(rounding)), facts.device)
    return Roofline(
        achieved=_scaled(cell.throughput, flops),
        peak=peak_of(record, rounding),
        nominal=nominal,
    )


def _scaled(throughput: Estimate, factor: float) -> Estimate:
    return Estimate(
        value=throughput.value * factor,
        low=None if throughput.low is None else throughput.low * factor,
        high=None if throughput.high is None else throughput.high * factor,
    )


def roofline_values(place: Roofline | None) -> dict[str, float | None]:
    """The raw values of a cell's row; a share of 1 is all of the peak."""
    peak = place.peak if place else None
    return {
        "model_flops_per_second": place.achieved.value if place else None,
        "mfu": place.mfu if place else None,
        "mfu_is_shaky": place.is_shaky if place else None,
        "mfu_nominal": place.mfu_nominal if place else None,
        "peak_measured_flops_per_second": peak.best if peak else None,
        "peak_measured_doubt": peak.doubt if peak else None,
        "peak_nominal_flops_per_second": place.nominal if place else None,
    }


def peaks_line(record: RunRecord) -> str:
    """The peaks that a run's cells are held against, for the lines above a table."""
    known = filter(None, map(known_mode, record.header.plan.modes))
    formats = dict.fromkeys(mode.rounding for mode in known)
    peaks = {rounding: peak_of(record, rounding) for rounding in formats}
    told = [
        f"{rounding} {marked(units.si(peak.best, 'FLOP/s'), shaky=peak.is_shaky)} "
        f"(good to {units.percent(peak.doubt, 0)})"
        for rounding, peak in peaks.items()
        if peak is not None
    ]
    return f"MFU is of peaks measured in this run: {', '.join(told)}" if told else ""


def roofline_notes(record: RunRecord, places: Sequence[Roofline | None]) -> list[str]:
    """Why a peak that is needed is not there, and what a utilisation above it means."""
    notes = [
        f"no MFU for products in {dtype}: their peak was not measured ({state}: {reason})"
        for dtype, (state, reason) in _missing(record).items()
        if state != "not-supported"
    ]
    if any(place and place.mfu and place.mfu > 1 for place in places):
        notes.append("an MFU above 100 % is within what the measured peak is good to")
    if any(place and place.peak and place.peak.held for place in places):
        notes.append("a peak was measured with clocks held or unsteady: MFU of it is marked ~")
    return notes


def _missing(record: RunRecord) -> dict[str, tuple[str, str | None]]:
    """The formats whose measured peak is not there, with the state and reason of the last try."""
    found: dict[str, tuple[str, str | None]] = {}
    for ceiling in ceilings.CEILINGS:
        runs = runs_of(record, ceiling.name, (ceilings.BEFORE, ceilings.AFTER))
        if ceiling.unit != "flop/s" or not runs or peak_of(record, str(ceiling.dtype)):
            continue
        last = runs[-1]
        told = (last.state, last.reason) if last.state not in COUNTING else IMPOSSIBLE
        found[str(ceiling.dtype)] = told
    return found
