"""The answer of pairs: verdicts with what would settle them, and what must be known beside them."""

import dataclasses
from collections.abc import Iterator, Mapping, Sequence

from gpubench.gate.changes import changes
from gpubench.gate.compare import Comparison, SideFacts, cell_notes
from gpubench.gate.figures import of_parity
from gpubench.gate.metrics import metric_named
from gpubench.gate.pairs import FEWEST, PairedFigure, PairRecords
from gpubench.gate.sequential import (
    LOOKS,
    RISK,
    gates_at,
    has_grown,
    looks,
    pairs_needed,
    share,
)
from gpubench.gate.sides import CellName, Session
from gpubench.gate.verdicts import Verdict, exit_status, overall
from gpubench.units import count, percent


def compare_pairs(records: PairRecords) -> Comparison:
    """The verdicts of every cell that was asked for, and the report's."""
    figures = {
        name: records.figures(name) if records.refused(name) is None else []
        for name in records.names
    }
    verdicts = tuple(
        verdict for name in records.names for verdict in _of_cell(records, name, figures[name])
    )
    word = overall(verdicts)
    old, new = records.sessions
    return Comparison(
        verdict=word,
        exit_status=exit_status(word, records.rules.on_inconclusive),
        on_inconclusive=records.rules.on_inconclusive,
        family=records.family,
        baseline=_side(old),
        candidate=_side(new),
        verdicts=verdicts,
        changes=changes([old], [new]),
        notes=tuple(_notes(records, figures, verdicts)),
    )


def _of_cell(
    records: PairRecords, name: CellName, figures: Sequence[PairedFigure]
) -> Iterator[Verdict]:
    refused = records.refused(name)
    if refused is not None:
        yield refused
        return
    yield from map(of_figure, figures)
    old, new = records.cells(name)
    assert old is not None
    assert new is not None
    parity = of_parity(name, [old], [new])
    if parity is not None:
        yield parity


def of_figure(figure: PairedFigure) -> Verdict:
    """What the pairs say of one figure."""
    found = figure.look
    used = figure.pairs[: found.pairs]
    old, new = (sum(pair[side] for pair in used) / len(used) for side in (0, 1))
    plain = Verdict(
        suite=figure.name.subject.suite,
        variant=figure.name.subject.variant,
        mode=figure.name.mode,
        metric=figure.metric.name,
        word=found.word,
        effect=share(new - old),
        tolerance=figure.tolerance,
        baseline=figure.metric.value(old),
        candidate=figure.metric.value(new),
        baseline_processes=len(used),
        candidate_processes=len(used),
        unit="pairs",
        gated=figure.gated,
    )
    if found.interval is None:
        reason = f"{FEWEST} pairs are needed, there {'is' if len(used) == 1 else 'are'} {len(used)}"
        return dataclasses.replace(plain, word="INCONCLUSIVE", reason=reason)
    spread, risk = figure.spread, RISK / figure.family
    assert spread is not None
    plain = dataclasses.replace(
        plain,
        low=share(found.interval.low),
        high=share(found.interval.high),
        gates_at=gates_at(spread.variance, risk=risk),
    )
    if found.word != "INCONCLUSIVE":
        return plain
    if figure.lopsided is not None:
        return dataclasses.replace(plain, reason=figure.lopsided)
    needed = pairs_needed(found.interval, spread.variance, figure.tolerance, risk)
    return dataclasses.replace(plain, reason=_why_open(figure), needed=_to_a_look(figure, needed))


def _why_open(figure: PairedFigure) -> str:
    """Why nothing was decided: the last look said nothing, or the next has not come."""
    pairs, ahead = len(figure.pairs), figure.looks_ahead
    if ahead and pairs not in looks(calibrated=figure.noise is not None):
        return f"there are {count(pairs, 'pair')}, the next look is at {ahead[0]}"
    if pairs > LOOKS[-1]:
        return f"the last look, at {count(LOOKS[-1], 'pair')}, decided nothing"
    return f"the interval reaches over the tolerance after {count(pairs, 'pair')}"


def _to_a_look(figure: PairedFigure, needed: int | None) -> int | None:
    """The number of pairs at which so many may decide: that of the look that has them."""
    if needed is None:
        return None
    return next((n for n in figure.looks_ahead if n >= needed), max(needed, len(figure.pairs) + 1))


def _side(session: Session) -> SideFacts:
    return SideFacts(
        sources=(session.source,), sessions=1, first=session.created, last=session.created
    )


def _notes(
    records: PairRecords,
    figures: Mapping[CellName, Sequence[PairedFigure]],
    verdicts: Sequence[Verdict],
) -> Iterator[str]:
    """What must be known beside the verdicts."""
    old, new = records.sessions
    if records.baseline.header.environment == records.candidate.header.environment:
        yield "no difference between the sides was seen: an effect is noise, or of what nobody sees"
    gates = [v.gates_at for v in verdicts if v.metric == "throughput" and v.gates_at is not None]
    if gates:
        yield f"in {LOOKS[-1]} pairs, this host gates throughput at {percent(max(gates))}"
    yield from dict.fromkeys((*old.notes, *new.notes))
    for each in (figure for found in figures.values() for figure in found):
        yield from _grown(each)
    for name in records.names:
        one, other = records.cells(name)
        if one is not None and other is not None:
            yield from cell_notes(name, [one], [other])
        yield from _unmeasured(records, name, figures[name])
        yield from _begun_again(records, name)
    ungated = [verdict for verdict in verdicts if not verdict.gated]
    if ungated:
        yield f"{count(len(ungated), 'figure')} shown without a say: too few pairs of them"


def _unmeasured(
    records: PairRecords, name: CellName, figures: Sequence[PairedFigure]
) -> Iterator[str]:
    """A sentence where a figure that was to have a say has no value in any pair."""
    if not figures:
        return
    found = {figure.metric.name for figure in figures}
    absent = [metric for metric in records.gated_metrics(name) if metric not in found]
    if absent:
        titles = ", ".join(metric_named(metric).title for metric in absent)
        yield f"{name.subject.title} {name.mode}: {titles}: not measured, and so not judged"


def _begun_again(records: PairRecords, name: CellName) -> Iterator[str]:
    """A sentence where pairs broke, were disturbed or were cut short, and were measured anew."""
    lines = [m for record in records.both for m in record.measured(name.subject, name.mode)]
    again = {line.process for line in lines if line.attempt > 0}
    if again:
        yield f"{name.subject.title} {name.mode}: {count(len(again), 'pair')} begun again"


def _grown(figure: PairedFigure) -> Iterator[str]:
    """A sentence where pairs spread more than they did when they were calibrated."""
    known, own = figure.noise, figure.spread
    if known is not None and own is not None and has_grown(own.variance, own.freedom, known):
        yield (
            f"{figure.name.subject.title} {figure.name.mode}: the noise of {figure.metric.title} "
            f"has grown since it was calibrated (SD of a pair {percent(own.variance**0.5)}, "
            f"calibrated {percent(known.variance**0.5)})"
        )
