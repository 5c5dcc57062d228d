"""Whether two cells may be compared at all, and the verdict of those that may not."""

from collections.abc import Sequence

from gpubench.gate.machine import why_other
from gpubench.gate.metrics import metric_named
from gpubench.gate.sides import Cell, CellName
from gpubench.gate.verdicts import Verdict, Word
from gpubench.gate.welch import mean_of

BROKE = ("failed", "timed-out", "invalid")
"""States that say nothing of speed: the measurement itself went wrong."""

LOST = ("out-of-memory", "not-supported")
"""States that are an answer: this side cannot do what the other could."""

NAMED = 3
"""Differing parameters that a reason names."""


def why_apart(
    name: CellName, baseline: Sequence[Cell], candidate: Sequence[Cell]
) -> Verdict | None:
    """The verdict of a cell whose figures must not be compared; None where they may be."""
    found = _one_sided(baseline, candidate) or _broken(baseline, candidate)
    found = found or _unlike((*baseline, *candidate))
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
    old, new = (any(cell.counts for cell in cells) for cells in (baseline, candidate))
    lost = next((cell for cell in candidate if cell.state in LOST), None)
    if old and lost is not None:
        return "REGRESSION", f"the baseline was measured, the candidate {_words(lost)}"
    if old and new:
        return None
    side, cells = ("candidate", candidate) if old else ("baseline", baseline)
    return "NOT-COMPARABLE", f"the {side} has no figure: {_words(cells[-1])}"


def _words(cell: Cell) -> str:
    said = cell.state.replace("-", " ")
    return f"{said}: {cell.reason}" if cell.reason else said


def _unlike(cells: Sequence[Cell]) -> Refusal | None:
    """How the first cell that is not like the first of all differs from it."""
    first = cells[0]
    for cell in cells[1:]:
        reason = why_other(first.machine, cell.machine) or _why_another_workload(first, cell)
        if reason is not None:
            return "NOT-COMPARABLE", reason
    return None


def _why_another_workload(one: Cell, other: Cell) -> str | None:
    """The parameters in which two cells differ, of those that both know."""
    differing = [
        key for key in one.facts if key in other.facts and one.facts[key] != other.facts[key]
    ]
    if not differing:
        return None
    named = [f"{key} {one.facts[key]} and {other.facts[key]}" for key in differing[:NAMED]]
    return f"different workloads: {', '.join(named)}"


def _mean(cells: Sequence[Cell]) -> float | None:
    metric = metric_named("throughput")
    sessions = [[*map(metric.cost, cell.values["throughput"])] for cell in cells if cell.counts]
    return metric.value(mean_of(sessions)) if sessions else None


def _processes(cells: Sequence[Cell]) -> int:
    return sum(len(cell.values.get("throughput", ())) for cell in cells)
