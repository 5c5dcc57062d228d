"""How the cells of a record stand: the state that a table prints, without its statistics.

A comparison and a history read many cells of many records; they need the verdict on each figure,
not the table around it.
"""

import dataclasses
from collections import defaultdict
from collections.abc import Sequence

from gpubench.bench import ceilings
from gpubench.bench.job import COUNTING, Subject
from gpubench.bench.record import CeilingRun, Line, Measurement, ParityRun, RunRecord
from gpubench.gate.intervals import mean_of
from gpubench.gate.odd_lines import UNKNOWN_MODE, known_mode, processes
from gpubench.gate.plausibility import judged
from gpubench.gate.summary import BROKEN, Cell, parity_of, state_of


def trained(record: RunRecord) -> list[Subject]:
    """What a run was planned to train, and what it trained, in order."""
    planned = [s for s in record.header.plan.subjects if s.suite != ceilings.SUITE]
    return list(dict.fromkeys((*planned, *record.workloads)))


def by_subject(record: RunRecord) -> dict[Subject, RunRecord]:
    """The record cut down to each subject; the ceilings, which judge them all, stay in each.

    Strategies are judged by the single process beside them, so theirs stays whole.
    """
    if record.header.plan.strategies:
        return dict.fromkeys(trained(record), record)
    shared = tuple(line for line in record.lines if isinstance(line, CeilingRun))
    lines: dict[Subject, list[Line]] = defaultdict(list)
    for line in record.lines:
        if not isinstance(line, CeilingRun):
            lines[line.subject].append(line)
    measurements: dict[Subject, list[Measurement]] = defaultdict(list)
    for measurement in record.measurements:
        measurements[measurement.subject].append(measurement)
    parities: dict[Subject, dict[tuple[Subject, str], ParityRun]] = defaultdict(dict)
    for (subject, mode), parity in record.parities.items():
        parities[subject][subject, mode] = parity
    return {
        subject: dataclasses.replace(
            record,
            workloads={s: f for s in (subject,) if (f := record.workloads.get(s))},
            measurements=tuple(measurements[subject]),
            parities=parities[subject],
            lines=(*shared, *lines[subject]),
        )
        for subject in trained(record)
    }


def standings(record: RunRecord, subject: Subject) -> dict[str, Cell]:
    """Each planned mode of a subject: state, reason, faults and parity, and its throughput.

    A figure that cannot be true has the state ``implausible``; a mode that only another version
    knows was not measured, as far as this one can tell.
    """
    modes = record.header.plan.modes
    cells = [_cell(record, subject, mode) for mode in modes if known_mode(mode)]
    found = {cell.mode: cell for cell in judged(record, record.workloads.get(subject), cells)}
    return {mode: found.get(mode) or _unknown(subject, mode) for mode in modes}


def _cell(record: RunRecord, subject: Subject, mode: str) -> Cell:
    measured = processes(record, subject, mode)
    state, reason = state_of(measured)
    parity, unchecked = parity_of(record, subject, mode)
    if parity is not None and not parity.holds:
        state, reason = "invalid", "its losses part from float32's"
    throughputs = [m.throughput for m in measured if m.counts and m.throughput > 0]
    return Cell(
        subject=subject,
        mode=mode,
        state=state,
        reason=reason,
        processes=len(throughputs),
        throughput=mean_of(throughputs) if state in COUNTING else None,
        parity=parity,
        unchecked=unchecked,
        faults=_faults(measured),
    )


def _faults(measured: Sequence[Measurement]) -> tuple[str, ...]:
    """Why processes broke where others of the cell did not."""
    broken = [m for m in measured if m.state in BROKEN]
    return () if len(broken) == len(measured) else tuple(m.reason or m.state for m in broken)


def _unknown(subject: Subject, mode: str) -> Cell:
    return Cell(
        subject=subject,
        mode=mode,
        state="not-measured",
        reason=UNKNOWN_MODE,
        processes=0,
    )
