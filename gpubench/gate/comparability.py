"""Whether two cells may be compared at all, and the verdict of those that may not."""

from collections.abc import Mapping, Sequence
from typing import Any

from gpubench.gate.machine import why_other
from gpubench.gate.metrics import metric_named
from gpubench.gate.sides import Cell, CellName
from gpubench.gate.verdicts import Verdict, Word
from gpubench.gate.welch import mean_of

BROKE = ("failed", "timed-out", "invalid", "implausible")
"""States that say nothing of speed: the measurement itself went wrong."""

LOST = ("out-of-memory", "not-supported")
"""States that are an answer: this side cannot do what the other could."""

NAMED = 3
"""Differing parameters that a reason names."""


def why_apart(
    name: CellName, baseline: Sequence[Cell], candidate: Sequence[Cell]
) -> Verdict | None:
    """The verdict of a cell whose figures must not be compared; None where they may be."""
    unlike = why_unlike((*baseline, *candidate))
    found = _one_sided(baseline, candidate) or (unlike and ("NOT-COMPARABLE", unlike))
    found = found or _broken(baseline, candidate)
    if found is None:
        return None
    word, reason = found
    means = [_mean(side) for side in (baseline, candidate)]
    old, new = means
    return Verdict(
        suite=name.subject.suite,
        variant=name.subject.variant,
        mode=name.mode,
        metric="throughput",
        word=word,
        reason=reason,
        baseline=old,
        candidate=new,
        baseline_processes=_processes(baseline),
        candidate_processes=_processes(candidate),
        gated=not _is_nothing(baseline, candidate),
    )


def _is_nothing(baseline: Sequence[Cell], candidate: Sequence[Cell]) -> bool:
    """Whether neither side can do it, or neither got to it: no question was asked."""
    states = {cell.state for cell in (*baseline, *candidate)}
    return states <= {*LOST, "not-measured"}


Refusal = tuple[Word, str]


def _one_sided(baseline: Sequence[Cell], candidate: Sequence[Cell]) -> Refusal | None:
    for cells, other in ((baseline, "candidate"), (candidate, "baseline")):
        if not cells:
            return "NOT-COMPARABLE", f"only the {other} has this cell"
    return None


def _broken(baseline: Sequence[Cell], candidate: Sequence[Cell]) -> Refusal | None:
    """What is said where a side has no figure, or one that must not be used."""
    for side, cells in (("candidate", candidate), ("baseline", baseline)):
        for cell in cells:
            if cell.parity is not None and not cell.parity.holds:
                return "INVALID", f"the {side}'s losses part from float32's"
            if cell.state in BROKE:
                return "INVALID", f"the {side} {_words(cell)}"
    fault = next((fault for cell in candidate for fault in cell.faults), None)
    if fault is not None:
        return "INVALID", f"a process of the candidate broke: {fault}"
    return _lost(baseline, candidate)


def _lost(baseline: Sequence[Cell], candidate: Sequence[Cell]) -> Refusal | None:
    """What is said where a side could not do it; some sessions that could leave it open."""
    old, new = (any(cell.counts for cell in cells) for cells in (baseline, candidate))
    lost = [cell for cell in candidate if cell.state in LOST]
    if old and new and lost:
        return "INCONCLUSIVE", (
            f"{len(lost)} of {len(candidate)} sessions of the candidate: {_words(lost[0])}"
        )
    if old and new:
        return None
    if old and lost:
        return "REGRESSION", f"the baseline was measured, the candidate {_words(lost[0])}"
    side, cells = ("candidate", candidate) if old else ("baseline", baseline)
    return "NOT-COMPARABLE", f"the {side} has no figure: {_words(cells[-1])}"


def _words(cell: Cell) -> str:
    said = cell.state.replace("-", " ")
    return f"{said}: {cell.reason}" if cell.reason else said


def why_unlike(cells: Sequence[Cell]) -> str | None:
    """How the first cell that is not like those before it differs from them; None where none is.

    Of the parameters, those count that two cells both know.
    """
    known: dict[str, Any] = {}
    for cell in cells:
        reason = why_other(cells[0].machine, cell.machine) or _why_another_workload(known, cell)
        if reason is not None:
            return reason
        known.update(cell.facts)
    return None


def _why_another_workload(known: Mapping[str, Any], cell: Cell) -> str | None:
    """The parameters in which a cell differs from what is known of those before it."""
    facts = cell.facts
    differing = [key for key in known if key in facts and known[key] != facts[key]]
    if not differing:
        return None
    named = [f"{key} {known[key]} and {facts[key]}" for key in differing[:NAMED]]
    return f"different workloads: {', '.join(named)}"


def _mean(cells: Sequence[Cell]) -> float | None:
    metric = metric_named("throughput")
    sessions = [[*map(metric.cost, cell.values["throughput"])] for cell in cells if cell.counts]
    return metric.value(mean_of(sessions)) if sessions else None


def _processes(cells: Sequence[Cell]) -> int:
    return sum(len(cell.values.get("throughput", ())) for cell in cells)
