"""One side of a comparison: sessions with the figures of their cells, whatever file held them.

A session is one run of gpubench, or one file of pytest-benchmark, which is one process. A side is
a record, a folder of records, or such files.
"""

import dataclasses
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from gpubench import codec
from gpubench.bench.job import COUNTING, Subject
from gpubench.bench.parity import Parity
from gpubench.bench.record import (
    FILE_NAME,
    Measurement,
    RunRecord,
    WorkloadFacts,
    read_record,
)
from gpubench.errors import UnreadableInput
from gpubench.gate.busy import busy_share, is_host_bound
from gpubench.gate.machine import Machine, machine_of
from gpubench.gate.metrics import PARITY
from gpubench.gate.summary import CellState, parity_of, state_of

MOST_RECORDS = 20_000
"""Files that one side may hold (own choice)."""


class CellName(NamedTuple):
    """Which cell: its subject and its mode."""

    subject: Subject
    mode: str


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """What one session found of one cell.

    ``values`` are those of each process, by metric. ``facts`` is all that must be equal for two
    cells to be compared; ``effective`` the mode as it was read back; ``waits`` whether data or the
    host may set the pace.
    """

    state: CellState
    reason: str | None = None
    values: Mapping[str, tuple[float, ...]] = dataclasses.field(default_factory=dict)
    facts: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    effective: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    machine: Machine
    parity: Parity | None = None
    unchecked: str | None = None
    waits: bool = False

    @property
    def counts(self) -> bool:
        """Whether it has a figure that may be used."""
        return bool(self.values.get("throughput"))


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """One run. ``created`` is UTC, ISO 8601; ``software`` versions where there is no snapshot."""

    source: str
    kind: str
    created: str
    cells: Mapping[CellName, Cell]
    snapshot: dict[str, Any] | None = None
    software: Mapping[str, str | None] = dataclasses.field(default_factory=dict)
    notes: tuple[str, ...] = ()


def read_side(place: Path) -> list[Session]:
    """The sessions at a place in the order in which they ran; UnreadableInput where none are."""
    sessions = [session for path in _files(place) for session in _sessions(path)]
    if not sessions:
        raise UnreadableInput(f"{place}: no record in it ({FILE_NAME}, or *.json)")
    return sorted(sessions, key=lambda session: session.created)


def _files(place: Path) -> list[Path]:
    if not place.is_dir():
        return [place]
    own = place / FILE_NAME
    if own.is_file():
        return [own]
    found = sorted(place.rglob(FILE_NAME)) or sorted(place.glob("*.json"))
    if len(found) > MOST_RECORDS:
        raise UnreadableInput(f"{place}: {len(found)} records; at most {MOST_RECORDS} are read")
    return found


def _sessions(path: Path) -> list[Session]:
    """What a file holds, by what stands in it, not by its name."""
    if path.name.endswith(".jsonl"):
        return [session_of(read_record(path))]
    from gpubench.gate.baselines import BASELINE, records_in
    from gpubench.gate.pytest_benchmark import is_pytest_benchmark, session_in

    content = codec.read_bytes(path)
    if content.lstrip()[:1] != b"{":
        raise UnreadableInput(f"{path}: neither a record of gpubench nor JSON of pytest-benchmark")
    if b"\n{" in content.strip():
        return [session_of(read_record(path))]
    plain = codec.parse_json(content, str(path))
    if is_pytest_benchmark(plain):
        return [session_in(plain, str(path))]
    if str(plain.get("schema", "")).startswith(BASELINE.partition("/")[0] + "/"):
        return [session_of(record) for record in records_in(plain, str(path))]
    return [session_of(read_record(path))]


def session_of(record: RunRecord) -> Session:
    """The cells of a run, as far as it was planned to have them."""
    processes: dict[CellName, list[Measurement]] = defaultdict(list)
    for measurement in record.measurements:
        processes[CellName(measurement.subject, measurement.mode)].append(measurement)
    cells = {
        CellName(subject, mode): _cell(record, facts, mode, processes[CellName(subject, mode)])
        for subject, facts in record.workloads.items()
        for mode in record.header.plan.modes
    }
    notes = (f"{record.source}: its last line was cut short",) if record.torn else ()
    return Session(
        source=record.source,
        kind="gpubench",
        created=record.header.created,
        cells=cells,
        snapshot=record.header.snapshot,
        software={
            "gpubench": record.header.gpubench_version,
            "container image": record.header.image,
        },
        notes=notes,
    )


def _cell(
    record: RunRecord, facts: WorkloadFacts, mode: str, processes: Sequence[Measurement]
) -> Cell:
    state, reason = state_of(processes)
    parity, unchecked = parity_of(record, facts.subject, mode)
    return Cell(
        state=state,
        reason=reason,
        values=_values(processes) if state in COUNTING else {},
        facts=_facts(record, facts),
        effective=next((m.effective for m in processes if m.counts), {}),
        machine=machine_of(facts.device, record.header.snapshot),
        parity=parity,
        unchecked=unchecked,
        waits=record.header.plan.tier != "resident" or is_host_bound(busy_share(processes)),
    )


def _facts(record: RunRecord, facts: WorkloadFacts) -> dict[str, Any]:
    """The parameters of a suite: what is trained on what, and under which rules."""
    plan = record.header.plan
    return {
        "preset": plan.preset,
        "tier": plan.tier,
        "model": plan.model and plan.model.name,
        "data": plan.data and plan.data.name,
        "suite revision": facts.revision,
        "batch size": facts.batch_size,
        "parameters": facts.parameters,
        **({"threads": facts.device["threads"]} if "threads" in facts.device else {}),
        **facts.settings,
    }


def _values(processes: Sequence[Measurement]) -> dict[str, tuple[float, ...]]:
    found: dict[str, list[float]] = defaultdict(list)
    for measurement in processes:
        if measurement.counts:
            for metric, value in _figures(measurement).items():
                if value and value > 0:
                    found[metric].append(value)
    return {metric: tuple(values) for metric, values in found.items()}


def _figures(measurement: Measurement) -> dict[str, float | None]:
    """The figures of one process by metric, in base units."""
    compiled = "compile-seconds-warm" if measurement.compile_cache == "warm" else "compile-seconds"
    joules = (measurement.telemetry or {}).get("energy_joules")
    samples = measurement.samples_per_step * len(measurement.step_seconds)
    return {
        "throughput": measurement.throughput,
        compiled: measurement.compile_seconds,
        "peak-memory": measurement.memory.get("peak_bytes"),
        "energy": joules / samples if joules and samples else None,
    }


def metrics_of(cells: Sequence[Cell]) -> list[str]:
    """The metrics that any of some cells has, parity last where any is held against float32."""
    found = dict.fromkeys(metric for cell in cells for metric in cell.values)
    judged = any(cell.parity is not None for cell in cells)
    return [*found, *([PARITY] if judged else [])]
