"""Compares two sides that were measured apart: a verdict for each metric of each cell."""

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from gpubench import __version__
from gpubench.gate.calibration import Calibration
from gpubench.gate.changes import Change, changes
from gpubench.gate.comparability import why_apart
from gpubench.gate.figures import MARKED, Figures, of_figures, of_parity
from gpubench.gate.metrics import PARITY, metric_named
from gpubench.gate.sides import Cell, CellName, Session, metrics_of
from gpubench.gate.verdicts import OnInconclusive, Verdict, Word, exit_status, overall
from gpubench.units import percent

SCHEMA = "gpubench.compare/1"

OF_THE_RELEASE = ("torch", "cuda")
"""What is read back with the settings of a mode and stands among the changes."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class SideFacts:
    """What a side is made of; ``created`` of its first and last session."""

    sources: tuple[str, ...]
    sessions: int
    first: str
    last: str


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """The answer to "did it become slower?", with all that it rests on.

    ``family`` is how many figures share the risk of a false alarm.
    """

    schema: str = SCHEMA
    gpubench_version: str = __version__
    verdict: Word
    exit_status: int
    on_inconclusive: OnInconclusive
    family: int
    baseline: SideFacts
    candidate: SideFacts
    verdicts: tuple[Verdict, ...]
    changes: tuple[Change, ...]
    notes: tuple[str, ...]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What was asked of a comparison: tolerances by metric, and what is known of the noise."""

    tolerances: Mapping[str, float] = dataclasses.field(default_factory=dict)
    on_inconclusive: OnInconclusive = "fail"
    calibration: Calibration | None = None


Cells = dict[CellName, tuple[tuple[Cell, ...], tuple[Cell, ...]]]


def compare(
    baseline: Sequence[Session], candidate: Sequence[Session], rules: Rules | None = None
) -> Comparison:
    """The verdicts of every cell that either side has, and the report's."""
    rules = rules or Rules()
    cells = _cells(baseline, candidate)
    refused = {name: why_apart(name, *both) for name, both in cells.items()}
    figures = [
        Figures.of(name, metric_named(metric), *both, rules.calibration)
        for name, both in cells.items()
        if refused[name] is None
        for metric in metrics_of((*both[0], *both[1]))
        if metric != PARITY
    ]
    family = max(1, sum(each.error is not None for each in figures))
    found: dict[CellName, list[Verdict | None]] = {name: [refused[name]] for name in cells}
    for each in figures:
        found[each.name].append(of_figures(each, rules.tolerances, family))
    for name, (olds, news) in cells.items():
        found[name].append(of_parity(name, olds, news))
    verdicts = tuple(verdict for each in found.values() for verdict in each if verdict)
    word = overall(verdicts)
    return Comparison(
        verdict=word,
        exit_status=exit_status(word, rules.on_inconclusive),
        on_inconclusive=rules.on_inconclusive,
        family=family,
        baseline=_facts(baseline),
        candidate=_facts(candidate),
        verdicts=verdicts,
        changes=changes(baseline, candidate),
        notes=tuple(_notes(baseline, candidate, figures, cells, verdicts)),
    )


def _cells(baseline: Sequence[Session], candidate: Sequence[Session]) -> Cells:
    """Each cell with what the sessions of both sides say of it, in the order of the records."""
    olds, news = (
        [(name, cell) for session in side for name, cell in session.cells.items()]
        for side in (baseline, candidate)
    )
    found: dict[CellName, tuple[list[Cell], list[Cell]]] = {}
    for side, entries in enumerate((olds, news)):
        for name, cell in entries:
            found.setdefault(name, ([], []))[side].append(cell)
    return {name: (tuple(old), tuple(new)) for name, (old, new) in found.items()}


def _facts(side: Sequence[Session]) -> SideFacts:
    return SideFacts(
        sources=tuple(dict.fromkeys(session.source for session in side)),
        sessions=len(side),
        first=side[0].created,
        last=side[-1].created,
    )


# -- notes ----------------------------------------------------------------------------------------


def _notes(
    baseline: Sequence[Session],
    candidate: Sequence[Session],
    figures: Sequence[Figures],
    cells: Cells,
    verdicts: Sequence[Verdict],
) -> Iterator[str]:
    """What must be known beside the verdicts."""
    if {(s.created, s.software.get("commit")) for s in baseline} == {
        (s.created, s.software.get("commit")) for s in candidate
    }:
        yield "both sides were begun in the same second: are they one and the same run?"
    if any(each.error is not None for each in figures):
        yield from _drift(baseline, candidate)
    gates = [v.gates_at for v in verdicts if v.metric == "throughput" and v.gates_at is not None]
    if gates:
        yield f"as it was measured, throughput can be gated here at {percent(max(gates))}"
    yield from dict.fromkeys(
        note for side in (baseline, candidate) for s in side for note in s.notes
    )
    for each in figures:
        yield from each.noise_warnings()
    for name, (olds, news) in cells.items():
        yield from cell_notes(name, olds, news)
    ungated = [verdict for verdict in verdicts if not verdict.gated]
    if ungated:
        yield f"{len(ungated)} figures are shown without a say: too few processes of them"


def _drift(baseline: Sequence[Session], candidate: Sequence[Session]) -> Iterator[str]:
    """A sentence where the sides were measured one after the other, in either order."""
    sides = sorted(
        ((baseline, "baseline"), (candidate, "candidate")), key=lambda side: side[0][-1].created
    )
    (first, earlier), (then, later) = sides
    if first[-1].created < then[0].created:
        yield (
            f"the {earlier} was measured wholly before the {later}: a drift of the machine "
            "between them looks like an effect; pairs measured in turns would rule it out"
        )


def cell_notes(name: CellName, olds: Sequence[Cell], news: Sequence[Cell]) -> Iterator[str]:
    """Figures that count with a mark, and modes that were read back differently."""
    if not olds or not news:
        return
    title = f"{name.subject.title} {name.mode}"
    for side, cells in (("baseline", olds), ("candidate", news)):
        for fault in dict.fromkeys(fault for cell in cells for fault in cell.faults):
            yield f"{title}: a process of the {side} broke: {fault}"
        unchecked = next((cell.unchecked for cell in cells if cell.counts), None)
        if unchecked and not any(cell.parity for cell in (*olds, *news)):
            yield f"{title}: the {side}'s losses were not held against float32's: {unchecked}"
        absent = [cell for cell in cells if not cell.counts]
        if 0 < len(absent) < len(cells):
            yield f"{title}: {len(absent)} of {len(cells)} sessions of the {side} have no figure"
    for state in MARKED:
        sides = [any(cell.state == state for cell in cells) for cells in (olds, news)]
        if any(sides):
            who = "both sides" if all(sides) else "the baseline" if sides[0] else "the candidate"
            yield f"{title}: {who}: {state}"
    old, new = olds[-1].effective, news[-1].effective
    for what, was, is_now in list(_settings_apart(old, new))[:3]:
        yield f"{title}: {what} was {was}, the candidate's is {is_now}"


def _settings_apart(
    old: Mapping[str, Any], new: Mapping[str, Any]
) -> Iterator[tuple[str, Any, Any]]:
    """What was read back on both sides and differs; another release may know more or less."""
    for key in (key for key in old if key in new and key not in OF_THE_RELEASE):
        was, is_now = old[key], new[key]
        if isinstance(was, Mapping) and isinstance(is_now, Mapping):
            yield from ((f"{key} {each}", *rest) for each, *rest in _settings_apart(was, is_now))
        elif was != is_now and not isinstance(was, float):  # a float was measured
            yield key, was, is_now
