"""Claims that one mode is faster than another, and trains no worse."""

import dataclasses
from collections.abc import Iterator, Sequence

from gpubench import units
from gpubench.bench.parity import Parity
from gpubench.bench.record import RunRecord
from gpubench.gate.claims.bounds import Verdict, bounded, shorter
from gpubench.gate.claims.finding import Finding, begun, fault_of, judged
from gpubench.gate.claims.scenes import Scene, scenes
from gpubench.gate.growth import Bounded
from gpubench.gate.intervals import ratio_of
from gpubench.gate.parity_words import parity_text
from gpubench.gate.summary import Cell
from gpubench.knowledge.claims import Claim


def speedup(claim: Claim, records: Sequence[RunRecord]) -> Iterator[Finding]:
    """How many times as fast a mode is as the one of its pair."""
    for scene, mode, against in _pairs(claim, records):
        yield _of_pair(claim, scene, mode, against)


def shortening(claim: Claim, records: Sequence[RunRecord]) -> Iterator[Finding]:
    """By which share an iteration of a mode is shorter than one of its pair."""
    for scene, mode, against in _pairs(claim, records):
        yield _of_pair(claim, scene, mode, against, as_share=True)


def _pairs(claim: Claim, records: Sequence[RunRecord]) -> Iterator[tuple[Scene, str, str]]:
    for scene in scenes(claim, records):
        for mode, against in claim.pairs:
            if mode in scene.cells and against in scene.cells:
                yield scene, mode, against


def _of_pair(
    claim: Claim, scene: Scene, mode: str, against: str, *, as_share: bool = False
) -> Finding:
    plain = begun(claim, scene.record, scene.facts, mode, against)
    sides = scene.throughputs(mode), scene.throughputs(against)
    figure: Bounded | None = None
    if all(sides):
        figure = bounded(ratio_of(*sides))
        figure = shorter(figure) if as_share else figure
    fault = fault_of([scene.cells[mode], scene.cells[against]])
    return judged(plain, figure, min(map(len, sides)), fault)


def parity(claim: Claim, records: Sequence[RunRecord]) -> Iterator[Finding]:
    """Whether a mode's losses stay with float32's over the first steps, without dropout.

    It is not the accuracy of a trained model: what parts early is worse, what does not may be.
    """
    for scene, mode, against in _pairs(claim, records):
        plain = begun(claim, scene.record, scene.facts, mode, against)
        held = scene.cells[mode].parity
        if held is None:
            why = scene.cells[mode].unchecked or scene.cells[mode].reason or "no parity run"
            yield dataclasses.replace(plain, reason=plain.reason or f"not checked: {why}")
            continue
        steps = len(scene.record.parities[scene.facts.subject, mode].losses)
        said = f"loss {parity_text(held)} over {units.count(steps, 'step')}"
        plain = dataclasses.replace(plain, said=said)
        yield plain if not plain.is_met else _trained(plain, scene.cells[mode], held)


def _trained(plain: Finding, cell: Cell, held: Parity) -> Finding:
    """What losses that stay with float32's say is of the mode alone where the mode was that."""
    if held.holds and cell.throughput is None:
        return dataclasses.replace(plain, reason=fault_of([cell]))
    verdict: Verdict = "reproduced" if held.holds else "not reproduced"
    return dataclasses.replace(plain, verdict=verdict)
