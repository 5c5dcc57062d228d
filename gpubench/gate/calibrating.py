"""A machine's noise from A/A pairs, session after session; what changed, and what it can gate."""

import dataclasses
import math
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence

from gpubench.bench.job import Subject
from gpubench.gate.calibration import (
    FEWEST_SESSIONS,
    Calibration,
    CalibrationSession,
    CellNoise,
    SessionFigure,
    cell_noise,
    refuse_other,
    workload_digest,
)
from gpubench.gate.machine import Machine
from gpubench.gate.metrics import METRICS, metric_named
from gpubench.gate.pairs import FEWEST, PairRecords, values_of
from gpubench.gate.sequential import LOOKS, Noise, has_grown, mean_and_variance
from gpubench.gate.sides import CellName
from gpubench.gate.table import Column, Row, Table
from gpubench.units import count, percent

Key = tuple[CellName, str, str]
"""A cell, a metric, and the digest of the workload."""


def session_in(records: PairRecords) -> CalibrationSession:
    """What an A/A session found of every cell whose figures can be used."""
    header = records.baseline.header
    return CalibrationSession(
        created=header.created,
        environment=header.environment,
        figures=tuple(
            SessionFigure(
                suite=name.subject.suite,
                variant=name.subject.variant,
                mode=name.mode,
                metric=metric.name,
                workload=workload_digest(cell.facts),
                pairs=values,
            )
            for name in records.names
            if records.refused(name) is None and (cell := records.cells(name)[1]) is not None
            for metric in METRICS
            if len(values := values_of(records.pairs(name), metric)) >= FEWEST
        ),
    )


def added(known: Calibration | None, session: CalibrationSession, machine: Machine) -> Calibration:
    """The calibration with one more session; one that is there already takes its own place.

    NotComparable where it is of another machine. What was derived elsewhere stays, but for the
    figures that this session has as well.
    """
    if known is not None:
        refuse_other(known, machine)
    before = [each for each in (known.sessions if known else ()) if each.created != session.created]
    sessions = tuple(sorted((*before, session), key=lambda each: each.created))
    derived = noise_of(sessions)
    kept = [cell for cell in (known.cells if known else ()) if _key(cell) not in derived]
    return Calibration(
        created=sessions[-1].created,
        machine=machine,
        cells=(*kept, *derived.values()),
        sessions=sessions,
    )


def noise_of(sessions: Sequence[CalibrationSession]) -> Mapping[Key, CellNoise]:
    """The noise of processes, of pairs and of whole sessions, figure by figure."""
    found: dict[Key, list[SessionFigure]] = defaultdict(list)
    for session in sessions:
        for figure in session.figures:
            found[_key(figure)].append(figure)
    return {key: _noise(key, figures) for key, figures in found.items()}


def _key(figure: SessionFigure | CellNoise) -> Key:
    name = CellName(Subject(figure.suite, figure.variant), figure.mode)
    return name, figure.metric, figure.workload


def _noise(key: Key, figures: Sequence[SessionFigure]) -> CellNoise:
    cost = metric_named(key[1]).cost
    processes = [[cost(value) for pair in figure.pairs for value in pair] for figure in figures]
    pairs = pooled([differences(figure) for figure in figures])
    return dataclasses.replace(
        cell_noise(*key, processes),
        pair_deviation=math.sqrt(pairs.variance),
        pair_freedom=int(pairs.freedom),
    )


def differences(figure: SessionFigure) -> list[float]:
    """What the second side of each pair cost more than the first."""
    cost = metric_named(figure.metric).cost
    return [cost(second) - cost(first) for first, second in figure.pairs]


def pooled(groups: Sequence[Sequence[float]]) -> Noise:
    """The variance about each group's own mean, over all groups."""
    freedom = sum(len(group) - 1 for group in groups)
    squares = math.fsum((len(g) - 1) * mean_and_variance(g)[1] for g in groups)
    return Noise(variance=squares / freedom, freedom=freedom)


def changed(known: Calibration, session: CalibrationSession) -> Iterator[str]:
    """A sentence for each figure whose pairs spread otherwise than in the sessions before."""
    before = noise_of([each for each in known.sessions if each.created != session.created])
    for figure in session.figures:
        known_noise = before.get(_key(figure))
        old = known_noise.of_pairs if known_noise else None
        own = pooled([differences(figure)])
        if old is None:
            continue
        how = (
            "grown"
            if has_grown(own.variance, own.freedom, old)
            else "fallen"
            if has_grown(old.variance, old.freedom, own)
            else None
        )
        if how is not None:
            yield (
                f"{title(figure)}: the noise has {how} since it was calibrated (SD of a pair "
                f"{percent(old.variance**0.5)}, now {percent(own.variance**0.5)}); where the "
                "machine has changed for good, begin anew with --restart"
            )


def title(figure: SessionFigure | CellNoise) -> str:
    """A figure's cell and metric, for people."""
    subject = Subject(figure.suite, figure.variant).title
    return f"{subject} {figure.mode} {metric_named(figure.metric).title}"


# -- the answer -----------------------------------------------------------------------------------

COLUMNS = (
    Column(key="cell", heading="cell", numeric=False),
    Column(key="metric", heading="metric", numeric=False),
    Column(key="sessions", heading="sessions"),
    Column(key="pairs", heading="pairs"),
    Column(key="process", heading="SD process"),
    Column(key="pair", heading="SD pair"),
    Column(key="session", heading="SD session"),
    Column(key="gates_at", heading="gates at"),
    Column(key="tolerated", heading="tolerated"),
)


def table(calibration: Calibration, notes: Sequence[str] = ()) -> Table:
    """Per figure the noise, and the smallest tolerance that pairs decide nearly always here."""
    cells = [cell for cell in calibration.cells if cell.gates_at is not None]
    return Table(
        title=f"The noise of {calibration.machine.name or 'this machine'}",
        about=(
            f"{count(len(calibration.sessions), 'session')}, the last of {calibration.created}",
            f"gates at: what {LOOKS[-1]} pairs decide nearly always, as the only figure gated",
        ),
        columns=COLUMNS,
        rows=tuple(map(_row, cells)),
        notes=(*_verdicts(cells), *_sessions_missing(calibration), *notes),
    )


def _row(cell: CellNoise) -> Row:
    metric = metric_named(cell.metric)
    return Row(
        values=dataclasses.asdict(cell)
        | {"gates_at": cell.gates_at, "tolerated": metric.tolerance},
        texts={
            "cell": f"{Subject(cell.suite, cell.variant).title} · {cell.mode}",
            "metric": metric.title,
            "sessions": str(cell.sessions),
            "pairs": str(cell.processes // 2),
            "process": percent(cell.process_deviation, 2),
            "pair": percent(cell.pair_deviation, 2),
            "session": percent(cell.session_deviation, 2),
            "gates_at": percent(cell.gates_at),
            "tolerated": percent(metric.tolerance),
        },
    )


def _verdicts(cells: Sequence[CellNoise]) -> Iterator[str]:
    """Which throughputs this host can gate at the usual tolerance, and which it cannot."""
    for cell in cells:
        gate = cell.gates_at
        if cell.metric != "throughput" or gate is None:
            continue
        usual = metric_named("throughput").tolerance
        can = "" if gate <= usual else f", not at the usual {percent(usual)}"
        yield (
            f"{Subject(cell.suite, cell.variant).title} {cell.mode}: this host can gate its "
            f"throughput at {percent(gate)}{can}"
        )


def _sessions_missing(calibration: Calibration) -> Iterator[str]:
    """What `compare` still needs."""
    missing = FEWEST_SESSIONS - len(calibration.sessions)
    if missing > 0:
        yield (
            f"for sides measured apart (compare), calibrate in {count(missing, 'more session')}: "
            "another hour, another day"
        )
