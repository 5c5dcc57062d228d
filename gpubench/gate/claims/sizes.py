"""Claims of batch sizes and sequence lengths, decided by sweeps."""

import dataclasses
from collections.abc import Iterator, Sequence

from gpubench import units
from gpubench.bench.record import RunRecord
from gpubench.gate import growth
from gpubench.gate.claims.bounds import UNDECIDED, Verdict, bounded, held_against
from gpubench.gate.claims.finding import (
    FEWEST_PROCESSES,
    Finding,
    begun,
    fault_of,
    judged,
    too_few,
)
from gpubench.gate.claims.scenes import is_of_model, sweeps
from gpubench.gate.intervals import ratio_of
from gpubench.gate.spots import Spot, memory_points
from gpubench.gate.table import STATE_WORDS
from gpubench.knowledge.claims import Claim

FEWEST_SIZES = 3
"""Sizes without which a line through them has no interval."""


def batch_gain(claim: Claim, records: Sequence[RunRecord]) -> Iterator[Finding]:
    """How many times the throughput of the small batch the large one has."""
    small, large = claim.batches
    for record, mode, found in sweeps(claim, records, "batch-size"):
        by_batch = {spot.facts.batch_size: spot for spot in found}
        if not {small, large} <= by_batch.keys() or not is_of_model(claim, found[0].facts):
            continue
        below, above = by_batch[small], by_batch[large]
        plain = begun(claim, record, above.facts, mode)
        figure = None
        if below.counts and above.counts:
            figure = bounded(ratio_of(above.throughputs, below.throughputs))
        processes = min(len(above.throughputs), len(below.throughputs))
        yield judged(plain, figure, processes, fault_of([above.cell, below.cell]))


def memory_per_sample(claim: Claim, records: Sequence[RunRecord]) -> Iterator[Finding]:
    """Bytes that one more sample in a batch takes, by the line through the peaks."""
    for record, mode, found in sweeps(claim, records, "batch-size"):
        plain = begun(claim, record, found[-1].facts, mode)
        yield _per_sample(plain, memory_points(found))


def _per_sample(plain: Finding, points: Sequence[growth.Point]) -> Finding:
    """By sizes, not by processes: on a GPU a process repeats its peak to the byte."""
    line = growth.memory_growth(points)
    if line is None or len(points) < FEWEST_SIZES:
        have = units.count(len(points), "batch size")
        reason = plain.reason or f"{have} with a peak, {FEWEST_SIZES} are needed"
        return dataclasses.replace(plain, reason=reason)
    known = dataclasses.replace(plain, figure=line.per_sample)
    if not plain.is_met:
        return known
    verdict = held_against(line.per_sample, plain.claim)
    open_still = "the bound lies within the interval of the slope: more batch sizes might settle it"
    return dataclasses.replace(
        known, verdict=verdict, reason=open_still if verdict == UNDECIDED else None
    )


def fitting(claim: Claim, records: Sequence[RunRecord]) -> Iterator[Finding]:
    """Whether the named batches were trained on one card, or ran out of its memory."""
    for record, mode, found in sweeps(claim, records, "batch-size"):
        asked = [spot for spot in found if spot.facts.batch_size in claim.batches]
        if len(asked) < len(claim.batches):
            continue
        plain = begun(claim, record, asked[-1].facts, mode)
        plain = dataclasses.replace(plain, said="; ".join(map(_fit, asked)))
        yield plain if not plain.is_met else _fitted(plain, asked)


def _fitted(plain: Finding, asked: Sequence[Spot]) -> Finding:
    if any(spot.cell.state == "out-of-memory" for spot in asked):
        return dataclasses.replace(plain, verdict="not reproduced")
    fault = next((f for spot in asked if not spot.counts and (f := fault_of([spot.cell]))), None)
    if fault is not None:
        return dataclasses.replace(plain, reason=fault)
    return dataclasses.replace(plain, verdict="reproduced")


def _fit(spot: Spot) -> str:
    cell = spot.cell
    size = units.memory(cell.peak_bytes) if spot.counts else STATE_WORDS.get(cell.state, cell.state)
    return f"batch {spot.facts.batch_size}: {size}"


def square(claim: Claim, records: Sequence[RunRecord]) -> Iterator[Finding]:
    """The share of a step's time that grows with the square of the length, at the largest."""
    for record, mode, found in sweeps(claim, records, "sequence-length"):
        timed = [spot for spot in found if spot.tells_time and spot.length]
        plain = begun(claim, record, (timed or found)[-1].facts, mode)
        points = [(float(spot.length or 0), t) for spot in timed for t in spot.step_seconds]
        curve = growth.quadratic(points)
        if curve is None:
            lengths = units.count(len({length for length, _ in points}), "length")
            reason = plain.reason or f"{lengths} timed, {FEWEST_SIZES} are needed"
            yield dataclasses.replace(plain, reason=reason)
            continue
        yield _square(plain, curve, timed)


_SEEN: dict[str, Verdict] = {"seen": "reproduced", "not seen": "not reproduced"}


def _square(plain: Finding, curve: growth.Quadratic, timed: Sequence[Spot]) -> Finding:
    fewest = min(len(spot.step_seconds) for spot in timed)
    fault = fault_of([spot.cell for spot in timed])
    known = dataclasses.replace(
        plain, figure=_as_share(curve.share), processes=fewest, is_shaky=fault is not None
    )
    if not plain.is_met:
        return known
    if fault is not None or fewest < FEWEST_PROCESSES:
        return dataclasses.replace(known, reason=fault or too_few(fewest))
    if curve.verdict == "inconclusive":
        at = f"{curve.largest:.0f} tokens"
        reason = f"a quadratic part of none and of some both fit the times up to {at}"
        return dataclasses.replace(known, reason=f"{reason}: more processes or longer ones tell")
    return dataclasses.replace(known, verdict=_SEEN[curve.verdict])


def _as_share(figure: growth.Bounded) -> growth.Bounded:
    """A fitted share with its ends where a share can be."""
    value, low, high = (
        None if end is None else min(1.0, max(0.0, end))
        for end in (figure.value, figure.low, figure.high)
    )
    assert value is not None
    return growth.Bounded(value=value, low=low, high=high)
