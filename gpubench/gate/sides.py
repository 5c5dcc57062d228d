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
from gpubench.bench.feed import here
from gpubench.bench.job import COUNTING, Subject
from gpubench.bench.parity import Parity
from gpubench.bench.record import (
    FILE_NAME,
    Measurement,
    Plan,
    RunRecord,
    WorkloadFacts,
    read_record,
)
from gpubench.errors import UnreadableInput
from gpubench.gate.busy import busy_share, is_host_bound
from gpubench.gate.loading import loader_faults
from gpubench.gate.machine import Machine, machine_of
from gpubench.gate.metrics import PARITY
from gpubench.gate.standing import by_subject, standings
from gpubench.gate.summary import Cell as Standing
from gpubench.gate.summary import CellState

STORED = "baseline"
"""The kind of a session that was kept as a baseline, wherever its file lies."""

OF_PAIRS = "ab.json"
"""The file that stands beside the records of two sides measured in turns."""

MOST_RECORDS = 20_000
"""Files that one side may hold (own choice)."""


class CellName(NamedTuple):
    """Which cell: its subject and its mode."""

    subject: Subject
    mode: str


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """What one session found of one cell.

    ``faults`` are the reasons of processes that broke while others counted.
    ``values`` are those of each process, by metric. ``facts`` is all that must be equal for two
    cells to be compared; ``effective`` the mode as it was read back; ``waits`` whether data or the
    host may set the pace.
    """

    state: CellState
    reason: str | None = None
    faults: tuple[str, ...] = ()
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
    """One run. ``created`` is UTC, ISO 8601; ``software`` versions where there is no snapshot.

    ``kind`` says what held it: a record, a stored baseline or a file of pytest-benchmark. Copies of
    one run have the same ``identity``; empty is unknown.
    """

    source: str
    kind: str
    created: str
    identity: str = ""
    cells: Mapping[CellName, Cell]
    snapshot: dict[str, Any] | None = None
    software: Mapping[str, str | None] = dataclasses.field(default_factory=dict)
    notes: tuple[str, ...] = ()


def read_side(place: Path) -> list[Session]:
    """The sessions at a place in the order in which they ran; UnreadableInput where none are."""
    sessions = [session for path in _files(place) for session in _sessions(path)]
    if not sessions:
        raise UnreadableInput(f"{place}: no record in it ({FILE_NAME}, or *.json)")
    if not any(session.cells for session in sessions):
        raise UnreadableInput(f"{place}: nothing was trained in it, so nothing can be compared")
    return sorted(once(sessions), key=lambda session: session.created)


def once(sessions: Sequence[Session]) -> list[Session]:
    """Each run once: a copy would be taken for a session that agrees wonderfully with the first.

    Of a copy that was made while the run went on, the one with more processes stays.
    """
    found: dict[str, list[Session]] = defaultdict(list)
    for number, session in enumerate(sessions):
        found[session.identity or f"no identity, {number}"].append(session)
    kept = [(max(copies, key=_processes), len(copies)) for copies in found.values()]
    return [session if count == 1 else _noted(session, count) for session, count in kept]


def _processes(session: Session) -> int:
    return sum(len(values) for c in session.cells.values() for values in c.values.values())


def _noted(session: Session, count: int) -> Session:
    note = f"{session.source}: given {count} times, one run is one session"
    return dataclasses.replace(session, notes=(*session.notes, note))


def _files(place: Path) -> list[Path]:
    if not place.is_dir():
        return [place]
    own = place / FILE_NAME
    if own.is_file():
        return [own]
    if (place / OF_PAIRS).is_file():
        raise UnreadableInput(
            f"{place}: it holds both sides of pairs; gpubench compare {place} shows what they say"
        )
    records = sorted(place.rglob(FILE_NAME))
    found = [path for path in records if not _is_of_pairs(path)]
    found = found or ([] if records else sorted(place.glob("*.json")))
    if len(found) > MOST_RECORDS:
        raise UnreadableInput(f"{place}: {len(found)} records; at most {MOST_RECORDS} are read")
    return found


def _is_of_pairs(path: Path) -> bool:
    """Whether a record is one side of pairs: taken for a session, it would agree with the other."""
    return (path.parent.parent / OF_PAIRS).is_file()


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
        found = map(session_of, records_in(plain, str(path)))
        return [dataclasses.replace(session, kind=STORED) for session in found]
    return [session_of(read_record(path))]


def session_of(record: RunRecord) -> Session:
    """The cells of a run: all that it was planned to have, also those it never came to."""
    device = next((facts.device for facts in record.workloads.values()), None)
    machine = None if device is None else machine_of(device, record.header.snapshot)
    cells: dict[CellName, Cell] = {}
    notes = [f"{record.source}: its last line was cut short"] if record.torn else []
    if machine is None:
        notes.append(f"{record.source}: nothing was trained in it")
    else:
        for subject, part in by_subject(record).items():
            for mode, standing in standings(part, subject).items():
                cells[CellName(subject, mode)] = _cell(part, standing, machine)
            notes += [f"{subject.title}: loader: {said}" for said in loader_faults(part, subject)]
    header = record.header
    return Session(
        source=record.source,
        kind="gpubench",
        created=header.created,
        identity=identity_of(record),
        cells=cells,
        snapshot=header.snapshot,
        software={"gpubench": header.gpubench_version, "container image": header.image},
        notes=tuple(notes),
    )


def identity_of(record: RunRecord) -> str:
    """What copies of one run share, and two runs do not.

    Two may begin in the same second on two GPUs of a host; a baseline holds one suite of a run.
    """
    header = record.header
    devices = [f"{w.device.get('name')} {w.device.get('gpu')}" for w in record.workloads.values()]
    return " ".join((header.created, header.environment, *header.plan.suites, *devices[:1]))


def _cell(record: RunRecord, standing: Standing, elsewhere: Machine) -> Cell:
    """A cell of a record cut down to its subject; ``elsewhere`` is where the rest was measured."""
    processes = record.measured(standing.subject, standing.mode)
    facts = record.workloads.get(standing.subject)
    return Cell(
        state=standing.state,
        reason=standing.reason,
        faults=standing.faults,
        values=_values(processes) if standing.state in COUNTING else {},
        facts=_facts(record, facts, processes) if facts else {},
        effective=next((m.effective for m in processes if m.counts), {}),
        machine=machine_of(facts.device, record.header.snapshot) if facts else elsewhere,
        parity=standing.parity,
        unchecked=standing.unchecked,
        waits=record.header.plan.tier != "resident" or is_host_bound(busy_share(processes)),
    )


HOW_FAR_IT_GOT = ("images_decoded", "images_not_checked", "images_unreadable")
"""What a survey says of its own progress: the same data may give other counts."""


def _facts(
    record: RunRecord, facts: WorkloadFacts, processes: Sequence[Measurement]
) -> dict[str, Any]:
    """The parameters of a suite: what is trained on what, and under which rules.

    Data of one name are told apart by what the survey counted in them, wherever they lie.
    """
    plan = record.header.plan
    counts = {
        f"data's {name}": value
        for name, value in facts.survey.items()
        if isinstance(value, int | str) and name not in HOW_FAR_IT_GOT
    }
    return {
        "preset": plan.preset,
        "tier": plan.tier,
        "model": plan.model and plan.model.name,
        "data": plan.data and plan.data.name,
        **counts,
        **_feed(plan, facts, processes),
        "suite revision": facts.revision,
        "batch size": facts.batch_size,
        "accumulation": facts.accumulation,
        "parameters": facts.parameters,
        **({"threads": facts.device["threads"]} if "threads" in facts.device else {}),
        **facts.settings,
    }


def _feed(
    plan: Plan, facts: WorkloadFacts, processes: Sequence[Measurement]
) -> dict[str, str | int | bool]:
    """How batches were made and moved; the usual number of workers is known by what was started."""
    feed = here(plan.feed, str(facts.device.get("type")))
    found: dict[str, str | int | bool] = {
        "augment": feed.augment,
        "lengths": feed.lengths,
        "long": feed.long,
    }
    if plan.tier == "resident":
        return found
    started = [m.feeding["workers"] for m in processes if "workers" in m.feeding]
    workers = started[0] if started else plan.feed.workers
    return {
        **found,
        **({} if workers is None else {"workers": workers}),
        "pinned": feed.pinned,
        "non-blocking": feed.non_blocking,
    }


def _values(processes: Sequence[Measurement]) -> dict[str, tuple[float, ...]]:
    found: dict[str, list[float]] = defaultdict(list)
    for measurement in processes:
        if measurement.counts:
            for metric, value in figures_of(measurement).items():
                if value and value > 0:
                    found[metric].append(value)
    return {metric: tuple(values) for metric, values in found.items()}


def figures_of(measurement: Measurement) -> dict[str, float | None]:
    """The figures of one process by metric, in base units."""
    compiled = "compile-seconds-warm" if measurement.compile_cache == "warm" else "compile-seconds"
    return {
        "throughput": measurement.throughput,
        compiled: measurement.compile_seconds,
        "peak-memory": measurement.memory.get("peak_bytes"),
        "energy": measurement.joules_per_sample,
    }


def metrics_of(cells: Sequence[Cell]) -> list[str]:
    """The metrics that any of some cells has, parity last where any is held against float32."""
    found = dict.fromkeys(metric for cell in cells for metric in cell.values)
    judged = any(cell.parity is not None for cell in cells)
    return [*found, *([PARITY] if judged else [])]
