"""A machine's own noise, cell by cell, from sessions that measured the same thing (A/A).

Two noises are kept apart: that of processes within a session, which pairs see, and that of whole
sessions' means, which lies between a stored baseline and today. Both are of logarithmic costs, so
0.01 is 1 %.
"""

import dataclasses
import datetime
import hashlib
import json
import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from gpubench import __version__, codec
from gpubench.errors import NotComparable, UnreadableInput
from gpubench.gate import welch
from gpubench.gate.machine import Machine, why_other
from gpubench.gate.metrics import METRICS
from gpubench.gate.sequential import Noise, gates_at, mean_and_variance
from gpubench.gate.sides import CellName, Session

SCHEMA = "gpubench.calibration/1"
FOLDER = Path("reports/calibrations")
FEWEST_SESSIONS = 3
MOST_DEVIATION = 100.0
"""Of a logarithm: no process costs so many times what its neighbour does (own choice)."""
MOST_DAYS = 30
"""Older than this, a calibration is used with a warning (own choice)."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class CellNoise:
    """Standard deviations of one metric of one cell, each with its degrees of freedom.

    ``process_deviation`` is within a session, ``session_deviation`` of sessions' means; None with
    fewer than two. ``pair_deviation`` is of differences of adjacent pairs, where pairs were
    measured. ``workload`` is a digest of all that must be equal for two cells to be compared.
    """

    suite: str
    variant: str = ""
    mode: str
    metric: str
    workload: str
    sessions: int
    processes: int
    process_deviation: float | None = None
    process_freedom: int = 0
    session_deviation: float | None = None
    session_freedom: int = 0
    pair_deviation: float | None = None
    pair_freedom: int = 0

    @property
    def within(self) -> Noise | None:
        """The noise of processes."""
        return _noise(self.process_deviation, self.process_freedom)

    @property
    def between(self) -> Noise | None:
        """The noise of sessions' means, where it was seen in enough of them to gate by."""
        if self.sessions < FEWEST_SESSIONS:
            return None
        return _noise(self.session_deviation, self.session_freedom)

    @property
    def of_pairs(self) -> Noise | None:
        """The noise of a pair's difference: as measured, else twice that of a process."""
        measured = _noise(self.pair_deviation, self.pair_freedom)
        if measured is not None or self.within is None:
            return measured
        return Noise(variance=2 * self.within.variance, freedom=self.within.freedom)

    @property
    def gates_at(self) -> float | None:
        """The smallest tolerance that pairs decide nearly always on this machine."""
        return None if self.of_pairs is None else gates_at(self.of_pairs.variance)


def _noise(deviation: float | None, freedom: int) -> Noise | None:
    if deviation is None or freedom < 1:
        return None
    return Noise(variance=deviation**2, freedom=freedom)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class SessionFigure:
    """One metric of one cell in one A/A session: what both processes of each pair measured."""

    suite: str
    variant: str = ""
    mode: str
    metric: str
    workload: str
    pairs: tuple[tuple[float, float], ...]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class CalibrationSession:
    """One A/A session, raw, in base units. ``environment`` is the digest of its snapshot."""

    created: str
    environment: str
    figures: tuple[SessionFigure, ...]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Calibration:
    """The noise of a machine. ``created`` is when its last session ran: UTC, ISO 8601.

    ``sessions`` are what it was derived from, so that a later session can be added.
    """

    schema: str = SCHEMA
    gpubench_version: str = __version__
    created: str
    machine: Machine
    cells: tuple[CellNoise, ...]
    sessions: tuple[CalibrationSession, ...] = ()

    def of(self, name: CellName, metric: str, workload: str) -> CellNoise | None:
        """The noise of one metric of one cell, for that same workload."""
        for cell in self.cells:
            own = (cell.suite, cell.variant, cell.mode, cell.metric, cell.workload)
            if own == (*name.subject, name.mode, metric, workload):
                return cell
        return None


def workload_digest(facts: Mapping[str, Any]) -> str:
    """A name for the parameters of a cell."""
    canonical = json.dumps(facts, sort_keys=True, default=str)
    return hashlib.sha256(canonical.encode("utf-8", "surrogatepass")).hexdigest()[:16]


# -- deriving -------------------------------------------------------------------------------------


def derive(sessions: Sequence[Session]) -> Calibration:
    """The noise of the machine on which all of some A/A sessions ran.

    NotComparable where they ran on several machines; UnreadableInput where none has a figure.
    """
    machine = _machine(sessions)
    found: dict[tuple[CellName, str, str], list[tuple[float, ...]]] = defaultdict(list)
    for session in sessions:
        for name, cell in session.cells.items():
            for metric in METRICS:
                values = cell.values.get(metric.name)
                if values:
                    key = (name, metric.name, workload_digest(cell.facts))
                    found[key].append(tuple(map(metric.cost, values)))
    return Calibration(
        created=max(session.created for session in sessions),
        machine=machine,
        cells=tuple(
            cell_noise(name, metric, workload, costs)
            for (name, metric, workload), costs in found.items()
        ),
    )


def cell_noise(
    name: CellName,
    metric: str,
    workload: str,
    sessions: Sequence[Sequence[float]],
    differences: Sequence[float] = (),
) -> CellNoise:
    """The noise in costs by session, and in differences of A/A pairs."""
    within = welch.within(sessions)
    freedom = sum(len(session) - 1 for session in sessions)
    means = [welch.mean_of([session]) for session in sessions]
    return CellNoise(
        suite=name.subject.suite,
        variant=name.subject.variant,
        mode=name.mode,
        metric=metric,
        workload=workload,
        sessions=len(sessions),
        processes=sum(map(len, sessions)),
        process_deviation=math.sqrt(within.variance) if freedom else None,
        process_freedom=freedom,
        session_deviation=_deviation(means),
        session_freedom=len(means) - 1,
        pair_deviation=_deviation(differences),
        pair_freedom=max(len(differences) - 1, 0),
    )


def _deviation(values: Sequence[float]) -> float | None:
    return math.sqrt(mean_and_variance(values)[1]) if len(values) > 1 else None


def _machine(sessions: Sequence[Session]) -> Machine:
    machines = [cell.machine for session in sessions for cell in session.cells.values()]
    if not machines:
        raise UnreadableInput("no cells in these records: nothing to calibrate from")
    for machine in machines[1:]:
        reason = why_other(machines[0], machine)
        if reason is not None:
            raise NotComparable(f"a calibration is of one machine; these are {reason}")
    return machines[0]


# -- files ----------------------------------------------------------------------------------------


def path_of(folder: Path, machine: Machine) -> Path:
    """Where the calibration of a machine is kept."""
    return folder / f"{machine.slug}-{machine.digest}.json"


def write(path: Path, calibration: Calibration) -> None:
    """Keep a calibration; UnwritableOutput says why not."""
    codec.write_text(path, codec.to_json(calibration, indent=2) + "\n")


def read(path: Path) -> Calibration:
    """The calibration in a file; UnreadableInput or UnknownSchema say what is wrong."""
    plain = codec.check_schema(
        codec.parse_json(codec.read_bytes(path), str(path)), SCHEMA, str(path)
    )
    found: Calibration = codec.from_plain(Calibration, plain, str(path))
    hold_sound(found, str(path))
    return found


def hold_sound(calibration: Calibration, source: str) -> None:
    """UnreadableInput where a file holds what no noise can be."""
    for cell in calibration.cells:
        noises = (cell.process_deviation, cell.session_deviation, cell.pair_deviation)
        if not all(noise is None or 0 <= noise < MOST_DEVIATION for noise in noises):
            raise UnreadableInput(f"{source}: {cell.suite} {cell.mode}: no standard deviation")
    for figure in (figure for session in calibration.sessions for figure in session.figures):
        values = [value for pair in figure.pairs for value in pair]
        if len(figure.pairs) < 2 or not all(0 < value < math.inf for value in values):
            raise UnreadableInput(
                f"{source}: {figure.suite} {figure.mode} {figure.metric}: no pairs of positive "
                "numbers, two at least"
            )


def find(folder: Path, machine: Machine) -> Calibration | None:
    """The calibration of a machine in a folder; None where there is none."""
    path = path_of(folder, machine)
    return read(path) if path.is_file() else None


def refuse_other(calibration: Calibration, machine: Machine) -> None:
    """NotComparable where a calibration is of another machine than the figures."""
    reason = why_other(calibration.machine, machine)
    if reason is not None:
        raise NotComparable(
            f"the calibration is of another machine ({reason}); "
            "calibrate this one, or leave --calibration out"
        )


def age_warning(calibration: Calibration, now: datetime.datetime) -> str | None:
    """A sentence where a calibration is old."""
    from gpubench.gate.baselines import days_old

    days = days_old(calibration.created, now)
    if days is None or days <= MOST_DAYS:
        return None
    return f"the calibration is {days:.0f} days old; calibrate again to trust its noise"
