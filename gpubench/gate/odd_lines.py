"""What a record may hold that this version would not write: modes and times that are not there."""

import dataclasses
from collections.abc import Iterable

from gpubench import units
from gpubench.bench.job import COUNTING, Subject
from gpubench.bench.modes import MODES, Mode
from gpubench.bench.record import Loading, Measurement, RunRecord

NO_TIMES = "its process gave no times"
UNKNOWN_MODE = "this version of gpubench does not know the mode"


def known_mode(name: str) -> Mode | None:
    """The mode of that name; None for one of another version."""
    return next((mode for mode in MODES if mode.name == name), None)


def whole(value: object) -> int | None:
    """A positive whole number of a record's free fields; None for anything else."""
    return value if isinstance(value, int) and value > 0 else None


def counted(value: object, noun: str) -> str:
    """A number with its noun; what is no number stands as it is."""
    return units.count(value, noun) if isinstance(value, int) else f"{value} {noun}s"


def processes(record: RunRecord, subject: Subject, mode: str) -> list[Measurement]:
    """The processes of a cell, in order."""
    return believed(record.measured(subject, mode))


def believed(measurements: Iterable[Measurement]) -> list[Measurement]:
    """The processes; one that claims times and has none has failed."""
    return [
        dataclasses.replace(m, state="failed", reason=NO_TIMES)
        if m.state in COUNTING and not (m.counts and m.throughput > 0)
        else m
        for m in measurements
    ]


def believed_loading(line: Loading) -> Loading:
    """The same of a process that only made batches."""
    if line.state in COUNTING and not (line.counts and line.rate > 0):
        return dataclasses.replace(line, state="failed", reason=NO_TIMES)
    return line
