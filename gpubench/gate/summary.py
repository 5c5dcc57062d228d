"""What a record says of each cell: statistics derived from raw times, and whether to trust them."""

import dataclasses
import math
import statistics
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal

from gpubench.bench import ceilings
from gpubench.bench.job import COUNTING, State, Subject
from gpubench.bench.modes import REFERENCE
from gpubench.bench.parity import Parity, judge
from gpubench.bench.record import Measurement, RunRecord
from gpubench.gate.break_even import BreakEven
from gpubench.gate.busy import busy_share
from gpubench.gate.ceilings import is_known
from gpubench.gate.conditions import Conditions, conditions_of
from gpubench.gate.contrasts import contrasted
from gpubench.gate.intervals import Estimate, mean_of
from gpubench.gate.loading import InputSide, input_side, loader_faults, token_rates
from gpubench.gate.odd_lines import UNKNOWN_MODE, believed, known_mode, processes
from gpubench.gate.plausibility import judged
from gpubench.gate.roofline import Roofline

if TYPE_CHECKING:
    import pandas as pd

CellState = State | Literal["not-measured", "implausible"]

WORST_FIRST: tuple[CellState, ...] = (
    "invalid",
    "failed",
    "timed-out",
    "out-of-memory",
    "not-supported",
    "unstable",
    "capped",
    "ok",
)
"""Which state stands for a cell whose processes ended differently."""


BROKEN = ("failed", "timed-out")
"""States of a process that says nothing of its mode, where others of the cell have an answer."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One subject in one mode. Times in seconds, throughput in samples per second.

    ``throughput`` and what follows from it are None where no number can be trusted. ``losses``
    are the mean of the first and of the last three of the first process. ``faults`` are the
    reasons of processes that broke while others of the cell counted, ``discarded`` those of
    processes that were done again. ``break_even`` is against the eager mode of the same numerics,
    ``conditions`` are there where a GPU was watched. ``unchecked`` is why
    a mode that should be held against float32 has no ``parity``; ``speedup_is_shaky`` that either
    side is not plainly ok.
    """

    subject: Subject
    mode: str
    state: CellState
    reason: str | None
    processes: int
    throughput: Estimate | None = None
    speedup: Estimate | None = None
    step_seconds: float | None = None
    peak_bytes: int | None = None
    compile_cold_seconds: float | None = None
    compile_warm_seconds: float | None = None
    losses: tuple[float, float] | None = None
    skipped_steps: int = 0
    parity: Parity | None = None
    unchecked: str | None = None
    faults: tuple[str, ...] = ()
    discarded: tuple[str, ...] = ()
    break_even: BreakEven | None = None
    conditions: Conditions | None = None
    speedup_is_shaky: bool = False
    roofline: Roofline | None = None
    gpu_busy_share: float | None = None
    input: InputSide | None = None
    tokens: dict[str, float] = dataclasses.field(default_factory=dict)

    @property
    def is_sound(self) -> bool:
        """Whether nothing went wrong in it; what the device cannot do is not wrong."""
        return (
            self.state not in ("invalid", "implausible", "failed", "timed-out") and not self.faults
        )

    @property
    def is_held_back(self) -> bool:
        """Whether its figures are those of its input rather than of its mode."""
        return self.input is not None and self.input.holds_back

    @property
    def is_shaky(self) -> bool:
        """Whether its figures are not to be taken as they stand, and so are marked."""
        return self.throughput is not None and (self.is_unsteady or self.is_held_back)

    @property
    def is_unsteady(self) -> bool:
        """Whether its own processes, its input apart, leave its figures in doubt."""
        wide = self.throughput is not None and self.throughput.is_wide
        return self.state != "ok" or wide


def frame(record: RunRecord) -> "pd.DataFrame":
    """A row per process: what it measured, its state, its throughput in samples per second, …."""
    import pandas as pd

    return pd.DataFrame(
        [
            {
                "suite": m.suite,
                "variant": m.variant,
                "mode": m.mode,
                "process": m.process,
                "state": m.state,
                "throughput": m.throughput if m.counts else None,
                "step_seconds": statistics.median(m.step_seconds) if m.step_seconds else None,
                "peak_bytes": m.memory.get("peak_bytes"),
                "compile_cache": m.compile_cache,
                "compile_seconds": m.compile_seconds,
            }
            for m in believed(record.measurements)
        ],
        columns=[
            "suite", "variant", "mode", "process", "state", "throughput", "step_seconds",
            "peak_bytes", "compile_cache", "compile_seconds",
        ],
    )  # fmt: skip


def summarise(record: RunRecord, subject: Subject) -> list[Cell]:
    """The cells of a subject in the order of the plan."""
    rows = frame(record)
    rows = rows[(rows["suite"] == subject.suite) & (rows["variant"] == subject.variant)]
    cells = [_cell(record, subject, mode, rows) for mode in record.header.plan.modes]
    return contrasted(record, judged(record, record.workloads.get(subject), cells))


def _cell(record: RunRecord, subject: Subject, mode: str, rows: "pd.DataFrame") -> Cell:
    measurements = processes(record, subject, mode)
    state, reason = state_of(measurements)
    parity, unchecked = parity_of(record, subject, mode)
    if parity is not None and not parity.holds:
        of = "one process over all batches" if mode == REFERENCE.name else "float32"
        state, reason = "invalid", parted(parity, of)
    own = rows[rows["mode"] == mode]
    cell = Cell(
        subject=subject,
        mode=mode,
        state=state,
        reason=reason,
        processes=int(own["throughput"].notna().sum()),
        peak_bytes=None if own["peak_bytes"].isna().all() else int(own["peak_bytes"].max()),
        parity=parity,
        unchecked=unchecked,
        faults=(*_faults(measurements), *_parity_faults(record, subject, mode)),
        discarded=tuple(
            reason for m in measurements for reason in (m.telemetry or {}).get("discarded", ())
        ),
    )
    if state not in COUNTING:
        return cell
    figures = _figures(measurements, own)
    return dataclasses.replace(cell, **figures, input=input_side(record, measurements))


def _figures(measurements: Sequence[Measurement], own: "pd.DataFrame") -> dict[str, Any]:
    """Everything that may only be said of a cell whose times can be trusted."""
    throughputs = own["throughput"].dropna().tolist()
    compiled = own.dropna(subset=["compile_seconds"]).groupby("compile_cache")["compile_seconds"]
    compile_seconds = compiled.median().to_dict()
    return {
        "throughput": mean_of(throughputs),
        "step_seconds": float(own["step_seconds"].median()),
        "compile_cold_seconds": compile_seconds.get("cold"),
        "compile_warm_seconds": compile_seconds.get("warm"),
        "losses": _ends(measurements),
        "skipped_steps": sum(sum(m.skipped_steps.values()) for m in measurements),
        "conditions": conditions_of(measurements),
        "gpu_busy_share": busy_share(measurements),
        "tokens": token_rates(measurements),
    }


def state_of(measurements: Sequence[Measurement]) -> tuple[CellState, str | None]:
    """The worst state of a cell's processes that have an answer, with its reason."""
    if not measurements:
        return "not-measured", "the run ended before its turn"
    measurements = believed(measurements)
    measurements = [m for m in measurements if not _broke(m)] or measurements
    worst = min(measurements, key=lambda m: WORST_FIRST.index(m.state))
    return worst.state, worst.reason


def _broke(measurement: Measurement) -> bool:
    """Whether a process says nothing of its mode."""
    return measurement.state in BROKEN or measurement.disturbed


def _faults(measurements: Sequence[Measurement]) -> tuple[str, ...]:
    """Why processes broke, if others of the same cell did not."""
    broken = [m for m in measurements if _broke(m)]
    if len(broken) == len(measurements):
        return ()
    return tuple(m.reason or m.state for m in broken)


def parity_of(record: RunRecord, subject: Subject, mode: str) -> tuple[Parity | None, str | None]:
    """The verdict against float32, or why there is none for a mode that should have one."""
    if mode == REFERENCE.name:
        return strategy_parity(record, subject)
    known = known_mode(mode)
    if known is None:
        return None, UNKNOWN_MODE
    runs = [record.parities.get((subject, name)) for name in (REFERENCE.name, mode)]
    for name, run in zip((REFERENCE.name, mode), runs, strict=True):
        if run is None:
            return None, f"no parity run of {name}"
        if run.state != "ok":
            return None, f"the parity run of {name} {run.state}: {run.reason}"
    reference, own = runs
    assert reference is not None
    assert own is not None
    verdict = judge(reference, own, known.rounding)
    return verdict, None if verdict else "float32's own losses are not finite or too few"


def strategy_parity(record: RunRecord, subject: Subject) -> tuple[Parity | None, str | None]:
    """Float32 of a strategy against one process over the batches of all ranks; else nothing."""
    facts = record.workloads.get(subject)
    if facts is None or "strategy" not in facts.settings:
        return None, None
    own = record.parities.get((subject, REFERENCE.name))
    if own is None or own.state != "ok":
        return None, f"the parity run {own.state}: {own.reason}" if own else "no parity run"
    # the bands lie around the strategy's own losses: those of one process must be within them
    verdict = judge(own, dataclasses.replace(own, losses=own.alone), REFERENCE.rounding)
    return verdict, None if verdict else own.alone_unread or "one process gave no losses"


def _parity_faults(record: RunRecord, subject: Subject, mode: str) -> tuple[str, ...]:
    """The reason of a parity process that broke; it leaves a mode unchecked."""
    run = record.parities.get((subject, mode))
    if run is None or run.state not in BROKEN:
        return ()
    return (f"parity: {run.reason or run.state}",)


def parted(parity: Parity, of: str = "float32") -> str:
    """How the losses of a mode part from float32's or ``of`` another, as a reason."""
    if math.isinf(parity.deviation):
        return f"its loss is NaN or infinite at step {parity.step}, where {of}'s is finite"
    return (
        f"its loss parts from {of} by {parity.deviation:.2%} at step {parity.step}, "
        f"allowed are {parity.allowed:.2%}"
    )


def _ends(measurements: Sequence[Measurement]) -> tuple[float, float] | None:
    """The loss at the start and at the end of the first process that counts."""
    for measurement in measurements:
        losses = [loss for loss in measurement.losses if loss is not None]
        if measurement.counts and len(losses) >= 6:
            return statistics.fmean(losses[:3]), statistics.fmean(losses[-3:])
    return None


def is_sound(record: RunRecord) -> bool:
    """Whether every cell that the device can do was measured, and holds."""
    if any(loader_faults(record, subject) for subject in record.header.plan.subjects):
        return False
    return all(
        is_known(record) if subject.suite == ceilings.SUITE else _is_sound(record, subject)
        for subject in record.header.plan.subjects
    )


def _is_sound(record: RunRecord, subject: Subject) -> bool:
    return all(cell.is_sound for cell in summarise(record, subject))
