"""A run on disk: ``record.jsonl``, append-only, one header and then a line per finished job."""

import contextlib
import dataclasses
import hashlib
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar, Literal, TypeVar

from gpubench import codec
from gpubench.bench.batch_search import BatchTry, SearchEnd
from gpubench.bench.feed import USUAL_FEED, Feed
from gpubench.bench.job import COUNTING, State, Subject, Tier, public_name
from gpubench.bench.protocol import Protocol
from gpubench.bench.shortage import Shortage
from gpubench.bench.strategy import Strategy
from gpubench.bench.sweep import Sweep
from gpubench.errors import BadUsage, UnreadableInput, UnwritableOutput
from gpubench.units import Bytes, Seconds

SCHEMA = "gpubench.run/1"
FILE_NAME = "record.jsonl"

LOADER = "loader"
"""What stands for the mode where batches are made and nothing is trained."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A folder, file or hub name a user gave, without the path that may name a person.

    ``digest`` is of the whole name: two runs on the same place have the same one.
    """

    name: str
    digest: str

    @classmethod
    def of(cls, given: str | None) -> "Source | None":
        """The source of what was given, None for nothing."""
        if given is None:
            return None
        path = Path(given)
        whole = str(path.resolve()) if path.exists() else given
        name = public_name(given)
        digest = hashlib.sha256(whole.encode("utf-8", "surrogateescape")).hexdigest()[:16]
        return cls(name=name.encode("utf-8", "replace").decode() or "/", digest=digest)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a run was asked to do; a resumed run must be asked the same.

    Every suite is trained in each of the ``variants``, which are those of the ``sweep`` if there
    is one, or of the ``strategies``. ``batch_search`` says that the batch size is to be found.
    """

    suites: tuple[str, ...]
    modes: tuple[str, ...]
    preset: str
    device: str
    processes: int
    tier: Tier
    batch_size: int | None
    image_size: int | None
    sequence_length: int | None
    model: Source | None
    data: Source | None
    variants: tuple[str, ...] = ("",)
    sweep: Sweep | None = None
    accumulation: int = 1
    batch_search: bool = False
    feed: Feed = USUAL_FEED
    strategies: tuple[Strategy, ...] = ()

    @property
    def subjects(self) -> tuple[Subject, ...]:
        """What is trained, in order."""
        return tuple(Subject(suite, variant) for suite in self.suites for variant in self.variants)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """The first line: what ran where, in which environment, under which rules.

    ``snapshot`` is a ``gpubench.snapshot`` in plain values, ``environment`` its digest without
    what changes by itself. ``image`` is the container image, where one is known.
    """

    kind: Literal["header"] = "header"
    schema: str = SCHEMA
    gpubench_version: str
    created: str
    plan: Plan
    protocol: Protocol
    environment: str
    image: str | None
    snapshot: dict[str, Any] | None


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class OfSubject:
    """A line that belongs to one suite in one variant."""

    suite: str
    variant: str = ""

    @property
    def subject(self) -> Subject:
        """Both as one."""
        return Subject(self.suite, self.variant)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class WorkloadFacts(OfSubject):
    """What a suite trained: its fingerprint, and what was found in its data.

    ``step_flops`` counts forward and backward of one batch; None where an operator has no count.
    A step of the optimizer trains ``accumulation`` batches on each of ``ranks`` devices.
    """

    kind: Literal["workload"] = "workload"
    revision: str
    batch_size: int
    parameters: int
    step_flops: int | None
    settings: dict[str, Any]
    survey: dict[str, Any]
    device: dict[str, Any]
    unsupported: dict[str, str]
    accumulation: int = 1
    ranks: int = 1

    @property
    def samples_per_step(self) -> int:
        """What one step of the optimizer learns from."""
        return self.batch_size * self.accumulation * self.ranks


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class WarmupFacts:
    """How the warm-up went; times in seconds."""

    start_seconds: tuple[Seconds, ...]
    block_medians: tuple[Seconds, ...]
    steps: int
    stable: bool


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Measurement(OfSubject):
    """Raw times of one process in one cell; statistics are derived, never stored.

    ``process`` counts from 0. Where ``state`` is none that counts, ``reason`` says why
    and the times are absent or not to be used; ``shortage`` is there where memory ran out.
    ``loss_faults`` counts losses that were NaN or infinite; ``profile`` is of a few steps after
    the window. ``disturbed`` is what is invalid for what happened around it, not for what it is.
    Two processes of a pair, one in each side's record, have the same ``process`` and ``attempt``.
    Where several ranks trained together, the window is that of the slowest, each step's time the
    largest over ranks, memory that of the largest, and ``ranks`` tells of each.
    """

    kind: Literal["measurement"] = "measurement"
    mode: str
    process: int
    state: State
    reason: str | None
    started: str
    child_seconds: Seconds
    samples_per_step: int
    compile_cache: Literal["cold", "warm"] | None = None
    window_seconds: Seconds | None = None
    step_seconds: tuple[Seconds, ...] = ()
    warmup: WarmupFacts | None = None
    compile_seconds: Seconds | None = None
    memory: dict[str, Bytes] = dataclasses.field(default_factory=dict)
    losses: tuple[float | None, ...] = ()
    skipped_steps: dict[str, int] = dataclasses.field(default_factory=dict)
    effective: dict[str, Any] = dataclasses.field(default_factory=dict)
    data: dict[str, Any] = dataclasses.field(default_factory=dict)
    telemetry: dict[str, Any] | None = None
    shortage: Shortage | None = None
    loss_faults: dict[str, int] = dataclasses.field(default_factory=dict)
    profile: dict[str, Any] = dataclasses.field(default_factory=dict)
    feeding: dict[str, Any] = dataclasses.field(default_factory=dict)
    disturbed: bool = False
    attempt: int = 0
    ranks: dict[str, Any] = dataclasses.field(default_factory=dict)

    @property
    def counts(self) -> bool:
        """Whether its throughput may be used."""
        return self.state in COUNTING and (self.window_seconds or 0) > 0

    @property
    def throughput(self) -> float:
        """Samples per second over the window, the figure that is gated."""
        if not self.window_seconds:
            raise ValueError(f"{self.subject.title} {self.mode} was not measured: {self.state}")
        return self.samples_per_step * len(self.step_seconds) / self.window_seconds

    @property
    def joules_per_sample(self) -> float | None:
        """Energy of the window per sample; None where not all GPUs that trained were metered.

        A node meters its own GPUs alone, and the samples are those of all nodes.
        """
        joules = (self.telemetry or {}).get("energy_joules")
        samples = self.samples_per_step * len(self.step_seconds)
        if not joules or joules < 0 or not samples or self.ranks.get("nodes", 1) > 1:
            return None
        metered = len((self.telemetry or {}).get("utilization_each", ())) or 1
        return joules / samples if metered >= self.ranks.get("world", 1) else None


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class ParityRun(OfSubject):
    """Losses of the first steps of one mode from a fixed seed, without dropout.

    The reference has ``repeats`` of itself, and under each rounding runs whose initial weights
    were ``disturbed`` by it. A loss that was not finite is None. Of a strategy, ``alone`` are the
    losses of one process over the batches of all ranks, or ``alone_unread`` says why there are
    none.
    """

    kind: Literal["parity"] = "parity"
    mode: str
    state: State
    reason: str | None
    losses: tuple[float | None, ...] = ()
    repeats: tuple[tuple[float | None, ...], ...] = ()
    disturbed: dict[str, tuple[tuple[float | None, ...], ...]] = dataclasses.field(
        default_factory=dict
    )
    alone: tuple[float | None, ...] = ()
    alone_unread: str | None = None


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class BatchSearch(OfSubject):
    """What a throw-away process found out about batch sizes in one mode.

    ``found`` is the size that is of use; None where not even one sample fits, or where ``state``
    is not ``ok``. ``room_bytes`` is what a batch may use, ``margin`` the share kept out of it.
    """

    kind: Literal["batch-search"] = "batch-search"
    mode: str
    state: State
    reason: str | None
    found: int | None = None
    ended: SearchEnd | None = None
    tries: tuple[BatchTry, ...] = ()
    room_bytes: Bytes | None = None
    margin: float | None = None


Ended = Literal["narrow", "most-processes", "budget", "processes"]
"""Why a cell got no further process: its interval is as narrow as asked, it has the most that may
be, the time was spent, or it has those that were asked for."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Closing(OfSubject):
    """Why the measuring of a cell ended, by the rules that held then.

    ``left_out`` are the jobs for which there was no time.
    """

    kind: Literal["closing"] = "closing"
    mode: str
    ended: Ended
    precision: float | None = None
    most_processes: int | None = None
    budget_seconds: Seconds | None = None
    left_out: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Loading(OfSubject):
    """Raw times of one process that only made batches, and copied them where there is a GPU.

    ``cpu_seconds`` are those of the process itself over the window, ``worker_cpu_seconds`` those
    of its workers; None where they could not be read. ``data`` counts what was read in it all.
    """

    kind: Literal["loading"] = "loading"
    feed: Feed
    process: int
    state: State
    reason: str | None
    started: str
    child_seconds: Seconds
    batch_size: int
    batches: int = 0
    window_seconds: Seconds | None = None
    round_seconds: tuple[Seconds, ...] = ()
    cpu_seconds: Seconds | None = None
    worker_cpu_seconds: Seconds | None = None
    contents: dict[str, int] = dataclasses.field(default_factory=dict)
    data: dict[str, Any] = dataclasses.field(default_factory=dict)
    memory: dict[str, Bytes] = dataclasses.field(default_factory=dict)

    @property
    def mode(self) -> str:
        """It trains in none: ``LOADER``."""
        return LOADER

    @property
    def counts(self) -> bool:
        """Whether its rate may be used."""
        return self.state in COUNTING and (self.window_seconds or 0) > 0

    @property
    def rate(self) -> float:
        """Items per second over the window."""
        if not self.window_seconds:
            raise ValueError(f"the loader of {self.subject.title} was not measured: {self.state}")
        return self.batches * self.batch_size / self.window_seconds

    @property
    def cpu_seconds_per_item(self) -> float | None:
        """CPU time of the process and its workers for one item."""
        if self.cpu_seconds is None or self.worker_cpu_seconds is None or not self.batches:
            return None
        return (self.cpu_seconds + self.worker_cpu_seconds) / (self.batches * self.batch_size)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class CeilingSample:
    """Windows of one work: ``amount`` is what a repetition did, each window had so many.

    ``seconds`` are by the host's clock, ``device_seconds`` by the device's where it has one,
    ``cpu_seconds`` what all threads of the process together had of the processor.
    """

    shape: str
    amount: float
    repetitions: int
    seconds: tuple[Seconds, ...]
    device_seconds: tuple[Seconds, ...] = ()
    cpu_seconds: tuple[Seconds, ...] = ()


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class CeilingRun(OfSubject):
    """One ceiling as one process measured it: raw windows; ``name`` is one of ``CEILINGS``.

    The variant tells those of a suite ("") from those around a training session. ``telemetry`` is
    there where a GPU was watched meanwhile. ``disturbed`` is what is invalid for what happened
    around it: the GPU was slowed or shared, or two clocks did not agree.
    """

    kind: Literal["ceiling"] = "ceiling"
    name: str
    process: int
    state: State
    reason: str | None
    started: str
    child_seconds: Seconds
    samples: tuple[CeilingSample, ...] = ()
    device: dict[str, Any] = dataclasses.field(default_factory=dict)
    telemetry: dict[str, Any] | None = None
    disturbed: bool = False


Line = WorkloadFacts | Measurement | ParityRun | Closing | CeilingRun | BatchSearch | Loading
AnyLine = TypeVar("AnyLine", bound=OfSubject)

_KINDS: dict[str, type[Any]] = {
    "workload": WorkloadFacts,
    "measurement": Measurement,
    "parity": ParityRun,
    "batch-search": BatchSearch,
    "closing": Closing,
    "loading": Loading,
    "ceiling": CeilingRun,
}


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class RunRecord:
    """One run as read from disk; of a job that was done again, the last line holds.

    ``lines`` are all of them in order, the superseded too. ``torn`` says that the last line was
    cut short and dropped; ``unknown_lines`` counts lines of a kind that this version does not know.
    """

    source: str
    header: Header
    workloads: dict[Subject, WorkloadFacts]
    measurements: tuple[Measurement, ...]
    parities: dict[tuple[Subject, str], ParityRun]
    torn: bool
    unknown_lines: int
    lines: tuple[Line, ...] = ()

    def of(self, kind: type[AnyLine], subject: Subject | None = None) -> list[AnyLine]:
        """The lines of one kind in order, of one subject or of all."""
        found = [line for line in self.lines if isinstance(line, kind)]
        return [line for line in found if subject in (None, line.subject)]

    def measured(self, subject: Subject, mode: str) -> list[Measurement]:
        """The processes of one cell, in order."""
        suite, variant = subject
        return [
            m
            for m in self.measurements
            if m.mode == mode and m.variant == variant and m.suite == suite
        ]

    def closing(self, subject: Subject, mode: str) -> Closing | None:
        """Why the measuring of a cell, or of the ``LOADER``, ended; None where it has gone on."""
        told = [
            line
            for line in self.lines
            if isinstance(line, Closing | Measurement | ParityRun | Loading)
            and (line.subject, line.mode) == (subject, mode)
        ]
        return told[-1] if told and isinstance(told[-1], Closing) else None


def record_path(place: Path) -> Path:
    """The record's file, given it or its folder."""
    return place / FILE_NAME if place.is_dir() else place


def read_record(place: Path) -> RunRecord:
    """The run at a folder or file; UnreadableInput or UnknownSchema say what is wrong."""
    path = record_path(place)
    values, torn = codec.read_lines(path)
    if not values:
        raise UnreadableInput(f"{path}: {'its header is cut short' if torn else 'it is empty'}")
    return record_in(values, str(path), torn=torn)


def record_in(values: Sequence[Any], source: str, *, torn: bool = False) -> RunRecord:
    """The run in the lines of a record, the header first."""
    if not isinstance(values, list) or not values:
        raise UnreadableInput(f"{source}: no lines of a record")
    plain = codec.check_schema(values[0], SCHEMA, source)
    header: Header = codec.from_plain(Header, plain, f"{source}, line 1")
    lines = [
        _line(value, f"{source}, line {number}") for number, value in enumerate(values[1:], start=2)
    ]
    latest = {(m.subject, m.mode, m.process): m for m in lines if isinstance(m, Measurement)}
    return RunRecord(
        source=source,
        header=header,
        workloads={w.subject: w for w in lines if isinstance(w, WorkloadFacts)},
        measurements=tuple(latest.values()),
        parities={(p.subject, p.mode): p for p in lines if isinstance(p, ParityRun)},
        torn=torn,
        unknown_lines=sum(line is None for line in lines),
        lines=tuple(line for line in lines if line is not None),
    )


def _line(value: Any, source: str) -> Line | None:
    if not isinstance(value, dict):
        raise UnreadableInput(f"{source}: not a JSON object")
    kind = _KINDS.get(str(value.get("kind")))
    return None if kind is None else codec.from_plain(kind, value, source)


Writer = TypeVar("Writer", bound="RecordWriter")


class RecordWriter:
    """Appends lines to a run's record; each is on the disk before ``append`` returns."""

    file_name: ClassVar[str] = FILE_NAME

    def __init__(self, folder: Path) -> None:
        self.path = folder / self.file_name

    @classmethod
    def create(cls: type[Writer], folder: Path, header: object) -> Writer:
        """A new record with its header; BadUsage where the folder has one already."""
        writer = cls(folder)
        if writer.path.exists():
            raise BadUsage(
                f"{writer.path} exists; add --resume to go on with it, or name another --output"
            )
        codec.write_text(writer.path, codec.to_json(header) + "\n")
        return writer

    @classmethod
    def reopen(cls: type[Writer], folder: Path) -> Writer:
        """A record to go on with; a last line that was cut short is removed."""
        writer = cls(folder)
        content = codec.read_bytes(writer.path)
        whole = content.rfind(b"\n") + 1
        if whole < len(content):
            try:
                os.truncate(writer.path, whole)
            except OSError as problem:
                raise UnwritableOutput.of(writer.path, problem) from None
        return writer

    def append(self, line: object) -> None:
        """Keep one line for good; UnwritableOutput where the disk is full."""
        codec.append_line(self.path, line)

    def discard_if_empty(self) -> bool:
        """Remove a record that holds no more than its header, and its folder if that is all."""
        with contextlib.suppress(OSError):
            if self.path.read_bytes().count(b"\n") > 1:
                return False
            self.path.unlink()
            self.path.parent.rmdir()
        return True
