"""A training on disk: ``training.jsonl``, append-only, a header and then a line per event."""

import dataclasses
from pathlib import Path
from typing import Any, ClassVar, Literal, TypeVar

from gpubench import codec
from gpubench.bench.learning.asked import Head, Schedule, Vision
from gpubench.bench.record import RecordWriter, Source
from gpubench.errors import UnreadableInput
from gpubench.units import Bytes, Seconds

SCHEMA = "gpubench.train/1"
FILE_NAME = "training.jsonl"

State = Literal[
    "ok", "interrupted", "invalid", "not-supported", "out-of-memory", "failed", "timed-out"
]
"""How a training's process ended."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class TrainingPlan:
    """What was asked for; a training that is gone on with may be given other ends alone."""

    suite: str
    preset: str
    device: str
    mode: str
    model: Source | None
    data: Source | None
    validation: Source | None
    epochs: int | None
    steps: int | None
    batch_size: int | None
    sequence_length: int | None
    image_size: int | None
    learning_rate: float | None
    schedule: Schedule
    head: Head
    long: str = "truncate"
    vision: Vision | None = None

    @property
    def lasting(self) -> "TrainingPlan":
        """What must be the same when it is gone on with; a cosine also fixes how long it is."""
        if self.schedule == "cosine":
            return self
        return dataclasses.replace(self, epochs=None, steps=None)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class TrainingHeader:
    """The first line: what was trained where, and in which environment."""

    kind: Literal["header"] = "header"
    schema: str = SCHEMA
    gpubench_version: str
    created: str
    plan: TrainingPlan
    environment: str
    image: str | None
    snapshot: dict[str, Any] | None


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class TrainingFacts:
    """A process begins to train: what, on what, and from which step.

    ``effective`` is the mode as read back. ``gone_on_from`` names the checkpoint that was taken
    up, None where the training began at its beginning.
    """

    kind: Literal["facts"] = "facts"
    settings: dict[str, Any]
    survey: dict[str, Any]
    fingerprint: dict[str, Any]
    parameters: int
    device: dict[str, Any]
    effective: dict[str, Any]
    steps_per_epoch: int
    total_steps: int
    first_step: int
    gone_on_from: str | None


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class LossLine:
    """Losses since the line before: all of them, their mean and the last; ``step`` counts from 1.

    ``seconds`` are since the process began to train, ``skipped_steps`` those since step 1
    whose gradients overflowed.
    """

    kind: Literal["loss"] = "loss"
    step: int
    epoch: int
    mean: float
    last: float
    losses: tuple[float, ...]
    learning_rate: float
    seconds: Seconds
    skipped_steps: int = 0


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class TypeScore:
    """How well one kind of thing is found: entities of a type, images of a class.

    ``support`` is how many of them there are.
    """

    name: str
    precision: float
    recall: float
    f1: float
    support: int


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class EpochLine:
    """How good the model was after a step, at the end of an epoch or, not ``complete``, of all.

    The first of the ``scores`` is the one that counts; ``items`` were judged.
    """

    kind: Literal["epoch"] = "epoch"
    step: int
    epoch: int
    complete: bool
    mean_loss: float | None
    seconds: Seconds
    scores: dict[str, float]
    items: int
    by_type: tuple[TypeScore, ...] = ()


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class CheckpointLine:
    """A checkpoint is on the disk."""

    kind: Literal["checkpoint"] = "checkpoint"
    step: int
    file: str
    size_bytes: Bytes
    seconds: Seconds


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class EndLine:
    """A process is over: how, after which step, and what the weights are.

    ``weights`` is a SHA-256 over the model's state: two trainings with the same one ended with
    the same bits. ``export`` says what was written of it, and how it was checked.
    """

    kind: Literal["ended"] = "ended"
    state: State
    reason: str | None
    step: int | None = None
    seconds: Seconds | None = None
    weights: str | None = None
    memory: dict[str, Any] = dataclasses.field(default_factory=dict)
    export: dict[str, Any] | None = None


TrainingLine = TrainingFacts | LossLine | EpochLine | CheckpointLine | EndLine
AnyLine = TypeVar("AnyLine", TrainingFacts, LossLine, EpochLine, CheckpointLine, EndLine)

KINDS: dict[str, type[Any]] = {
    "facts": TrainingFacts,
    "loss": LossLine,
    "epoch": EpochLine,
    "checkpoint": CheckpointLine,
    "ended": EndLine,
}


class TrainingWriter(RecordWriter):
    """Appends lines to a training's record."""

    file_name: ClassVar[str] = FILE_NAME


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class TrainingRecord:
    """A training as read from disk, what was trained twice standing once.

    ``lines`` are all lines in order. ``torn`` says that the last one was cut short and dropped.
    """

    source: str
    header: TrainingHeader
    lines: tuple[TrainingLine, ...]
    torn: bool
    unknown_lines: int

    def of(self, kind: type[AnyLine]) -> list[AnyLine]:
        """The lines of one kind in order, without what a later process did anew."""
        kept: list[TrainingLine] = []
        for line in self.lines:
            if isinstance(line, TrainingFacts):
                kept = [k for k in kept if _is_before(k, line.first_step)]
            kept.append(line)
        return [line for line in kept if isinstance(line, kind)]

    @property
    def facts(self) -> TrainingFacts | None:
        """What the last process trained."""
        found = self.of(TrainingFacts)
        return found[-1] if found else None

    @property
    def end(self) -> EndLine | None:
        """How the last process ended; None where it was killed, or is not over."""
        last = [line for line in self.lines if isinstance(line, TrainingFacts | EndLine)]
        return last[-1] if last and isinstance(last[-1], EndLine) else None


def _is_before(line: TrainingLine, first_step: int) -> bool:
    """Whether a line is of a step that the process beginning after ``first_step`` leaves alone."""
    if isinstance(line, TrainingFacts | EndLine):
        return True
    return line.step <= first_step


def is_training(place: Path) -> bool:
    """Whether a folder or file is a training's record."""
    return place.name == FILE_NAME or (place / FILE_NAME).is_file()


def read_training(place: Path) -> TrainingRecord:
    """The training at a folder or file; UnreadableInput or UnknownSchema say what is wrong."""
    path = place / FILE_NAME if place.is_dir() else place
    values, torn = codec.read_lines(path)
    if not values:
        raise UnreadableInput(f"{path}: {'its header is cut short' if torn else 'it is empty'}")
    plain = codec.check_schema(values[0], SCHEMA, str(path))
    lines = [
        _line(value, f"{path}, line {number}") for number, value in enumerate(values[1:], start=2)
    ]
    return TrainingRecord(
        source=str(path),
        header=codec.from_plain(TrainingHeader, plain, f"{path}, line 1"),
        lines=tuple(line for line in lines if line is not None),
        torn=torn,
        unknown_lines=sum(line is None for line in lines),
    )


def _line(value: Any, source: str) -> TrainingLine | None:
    if not isinstance(value, dict):
        raise UnreadableInput(f"{source}: not a JSON object")
    kind = KINDS.get(str(value.get("kind")))
    return None if kind is None else codec.from_plain(kind, value, source)
