"""Claims of a CPU, of a CPU against a GPU, and of several GPUs."""

import dataclasses
import re
from collections.abc import Iterator, Sequence

from gpubench.bench.record import Measurement, RunRecord
from gpubench.gate.claims.bounds import UNDECIDED, bounded
from gpubench.gate.claims.finding import Finding, begun, fault_of, judged, unmet_condition
from gpubench.gate.claims.scenes import Scene, is_of_model, scenes, sweeps
from gpubench.gate.growth import Bounded
from gpubench.gate.intervals import mean_of, ratio_of
from gpubench.gate.odd_lines import processes
from gpubench.gate.spots import Spot
from gpubench.gate.summary import summarise
from gpubench.knowledge.claims import Claim


def rate(claim: Claim, records: Sequence[RunRecord]) -> Iterator[Finding]:
    """Samples per second at the batch that the claim names."""
    for scene, mode in _of_batch(claim, records, claim.batches[0]):
        plain = begun(claim, scene.record, scene.facts, mode)
        own = scene.throughputs(mode)
        figure = bounded(mean_of(own)) if own else None
        yield judged(plain, figure, len(own), fault_of([scene.cells[mode]]))


def _of_batch(
    claim: Claim, records: Sequence[RunRecord], batch: int
) -> Iterator[tuple[Scene, str]]:
    """Scenes that trained the model of the claim at a batch, with each of its modes."""
    for scene in scenes(claim, records):
        if scene.facts.samples_per_step == batch and is_of_model(claim, scene.facts):
            yield from ((scene, mode) for mode in claim.modes if mode in scene.cells)


def across_devices(claim: Claim, records: Sequence[RunRecord]) -> Iterator[Finding]:
    """How many times the throughput of the CPU a GPU has, each at the batch named for it."""
    on_cpu, on_gpu = claim.batches
    slow = [scene for scene, _ in _of_batch(claim, records, on_cpu) if scene.is_on_cpu]
    for record, mode, found in sweeps(claim, records, "batch-size"):
        for spot in found:
            if spot.facts.batch_size == on_gpu and spot.facts.device.get("type") != "cpu":
                yield from (_across(claim, record, mode, spot, scene) for scene in slow)


def _across(claim: Claim, record: RunRecord, mode: str, spot: Spot, scene: Scene) -> Finding:
    plain = begun(claim, record, spot.facts, mode, f"{mode} on {scene.facts.device.get('name')}")
    of_cpu = dataclasses.replace(claim, device="cpu")
    unmet = plain.reason or unmet_condition(of_cpu, scene.record, scene.facts)
    plain = dataclasses.replace(plain, reason=unmet, is_met=unmet is None)
    below = scene.throughputs(mode)
    figure = None
    if below and spot.counts:
        figure = bounded(ratio_of(spot.throughputs, below))
    fault = fault_of([spot.cell, scene.cells[mode]])
    return judged(plain, figure, min(len(below), len(spot.throughputs)), fault)


def utilisation(claim: Claim, records: Sequence[RunRecord]) -> Iterator[Finding]:
    """How busy the first GPU was by its driver's own count, under one strategy."""
    for record in records:
        for subject in record.header.plan.subjects:
            strategy, devices = strategy_of(subject.variant)
            facts = record.workloads.get(subject)
            if strategy != claim.strategy or facts is None:
                continue
            for cell in summarise(record, subject):
                plain = begun(claim, record, facts, cell.mode, subject.variant)
                shares = _shares(processes(record, subject, cell.mode))
                figure = _mean(shares) if cell.throughput else None
                fault = _fewer(claim, devices) or fault_of([cell])
                yield _of_first(judged(plain, figure, len(shares), fault))


def _of_first(found: Finding) -> Finding:
    """Of several GPUs the first is watched; under DataParallel it works for the others, too.

    That it is idle says that all are; that it is busy says nothing of the others.
    """
    if found.claim.strategy != "dp" or found.verdict != "not reproduced":
        return found
    reason = "the first GPU alone was watched, and it gathers for the others"
    return dataclasses.replace(found, verdict=UNDECIDED, reason=reason)


def strategy_of(variant: str) -> tuple[str | None, int | None]:
    """The strategy and the number of devices in a variant such as ``ddp, 4 processes``."""
    named = re.match(r"(dp|ddp|fsdp)\b", variant)
    counted = re.search(r"\b(\d{1,4}) (?:process|GPU|device)", variant)
    return (named[1] if named else None), (int(counted[1]) if counted else None)


def _fewer(claim: Claim, devices: int | None) -> str | None:
    if claim.gpus is None or (devices is not None and devices >= claim.gpus):
        return None
    return f"the claim is of {claim.gpus} GPUs, this is of {devices or 'an unknown number'}"


def _shares(measured: Sequence[Measurement]) -> list[float]:
    seen = ((m.telemetry or {}).get("utilization") for m in measured if m.counts)
    return [float(share) for share in seen if isinstance(share, int | float) and 0 < share <= 1]


def _mean(shares: Sequence[float]) -> Bounded | None:
    return bounded(mean_of(shares)) if shares else None
