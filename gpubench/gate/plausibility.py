"""Numbers that cannot be true: they are named with the figure that gives them away, never shown.

What is held against what, and why compiled modes are judged otherwise, is in
``docs/decisions/0050-what-is-implausible.md``.
"""

import dataclasses
from collections.abc import Sequence
from typing import TYPE_CHECKING

from gpubench import units
from gpubench.bench.modes import MODES, Mode
from gpubench.bench.record import RunRecord, WorkloadFacts
from gpubench.gate.contrasts import throughputs
from gpubench.gate.efficiency import efficiency, has_own_devices
from gpubench.gate.intervals import Estimate
from gpubench.gate.odd_lines import known_mode
from gpubench.gate.roofline import ABOVE_NOMINAL, Measured, Roofline, peak_of, roofline

if TYPE_CHECKING:
    from gpubench.gate.summary import Cell

SPEEDUP_MARGIN = 1.05
"""A speed-up may pass the ratio of the measured peaks by so much (DESIGN)."""

MOST_SCALING = 1.05
"""Scaling efficiency above this is impossible (DESIGN)."""

HALF_THE_BYTES = 2.0
"""What 16-bit formats give to work that only waits for memory, whatever the peaks are."""


def judged(record: RunRecord, facts: WorkloadFacts | None, cells: Sequence["Cell"]) -> list["Cell"]:
    """The cells of one subject with their rooflines; what cannot be true has lost its numbers."""
    placed = [dataclasses.replace(cell, roofline=roofline(record, facts, cell)) for cell in cells]
    by_mode = {cell.mode: cell for cell in placed}
    faults = {cell.mode: fault for cell in placed if (fault := _fault(record, cell, by_mode))}
    return [_refused(cell, faults[cell.mode]) if cell.mode in faults else cell for cell in placed]


def _fault(record: RunRecord, cell: "Cell", cells: dict[str, "Cell"]) -> str | None:
    if cell.throughput is None:
        return None
    return (
        utilisation_fault(cell.roofline)
        or _speedup_fault(record, cell, cells)
        or _scaling_fault(record, cell)
    )


def utilisation_fault(place: Roofline | None) -> str | None:
    """Why a utilisation is impossible: more operations than the peak and what that is good to.

    Noise only takes from what a cell achieves, so its own figure is held against the bound.
    """
    if place is None:
        return None
    achieved = place.achieved.value
    if place.peak is not None and achieved > place.peak.highest:
        return (
            f"its model FLOPs are {units.percent(achieved / place.peak.best, 0)} of the measured "
            f"peak ({units.si(place.peak.best, 'FLOP/s')}, good to "
            f"{units.percent(place.peak.doubt, 0)}): work was skipped, or a clock is wrong"
        )
    if place.nominal is not None and achieved > ABOVE_NOMINAL["flop/s"] * place.nominal:
        return (
            f"its model FLOPs are {units.percent(achieved / place.nominal, 0)} of the nominal peak "
            f"({units.si(place.nominal, 'FLOP/s')}): work was skipped, or a clock is wrong"
        )
    return None


def _speedup_fault(record: RunRecord, cell: "Cell", cells: dict[str, "Cell"]) -> str | None:
    """Why a speed-up is impossible: beyond what its format gives to work compiled alike.

    The slowest process is held against float32's fastest, so that noise makes no fault.
    """
    mode = known_mode(cell.mode)
    if mode is None:
        return None
    base = cells.get(_same_compilation(mode).name)
    if mode.rounding == "float32" or base is None or base.throughput is None:
        return None
    own, float32 = (peak_of(record, rounding) for rounding in (mode.rounding, "float32"))
    if cell.throughput is None or own is None or float32 is None:
        return None
    most = speedup_bound(mode, own, float32)
    least = min(throughputs(record, cell)) / max(throughputs(record, base))
    if least <= most:
        return None
    return (
        f"{least:.2f} × {base.mode} or more, and the measured peaks allow {most:.2f}: one of the "
        "two did other work than the other, or a clock is wrong"
    )


def _same_compilation(mode: Mode) -> Mode:
    """Float32 compiled as the mode is: fusing saves time that no ratio of peaks bounds."""
    return next(m for m in MODES if m.rounding == "float32" and m.compile == mode.compile)


def speedup_bound(mode: Mode, own: Measured, float32: Measured) -> float:
    """The most that a mode may gain over float32: the ratio of the peaks × 1.05, noise granted."""
    ratio = own.highest / float32.best
    if mode.autocast is not None:
        ratio = max(ratio, HALF_THE_BYTES)
    return ratio * SPEEDUP_MARGIN


def _scaling_fault(record: RunRecord, cell: "Cell") -> str | None:
    """Why the scaling of a strategy is impossible; on shared cores nothing is said."""
    found = efficiency(record, cell.subject, cell.mode)
    if found is None or not has_own_devices(record, cell.subject):
        return None
    return scaling_fault(found, record.workloads[cell.subject].ranks)


def scaling_fault(efficiency: Estimate, devices: int) -> str | None:
    """Why scaling is impossible: together, so many devices do more than each did alone.

    ``efficiency`` is the throughput of all over ``devices`` times that of one; the lower end of
    its interval counts.
    """
    least = efficiency.value if efficiency.low is None else efficiency.low
    if least <= MOST_SCALING:
        return None
    return (
        f"{devices} devices do {units.percent(least, 0)} of {devices} times what one does: "
        "the two runs did not do the same work"
    )


def _refused(cell: "Cell", fault: str) -> "Cell":
    """The cell without anything that follows from its times."""
    conditions = cell.conditions
    return dataclasses.replace(
        cell,
        state="implausible",
        reason=fault,
        throughput=None,
        step_seconds=None,
        compile_cold_seconds=None,
        compile_warm_seconds=None,
        losses=None,
        conditions=conditions and dataclasses.replace(conditions, joules_per_sample=None),
        roofline=None,
        gpu_busy_share=None,
        input=None,
        tokens={},
    )
