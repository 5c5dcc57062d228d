"""The claim that workers, pinned memory and copies that do not wait remove the input bottleneck."""

import dataclasses
from collections.abc import Iterator, Sequence

from gpubench import units
from gpubench.bench.feed import Feed, here
from gpubench.bench.record import Measurement, RunRecord
from gpubench.gate.claims.bounds import bounded
from gpubench.gate.claims.finding import Finding, begun, fault_of, judged
from gpubench.gate.claims.scenes import Scene, scenes
from gpubench.gate.growth import Bounded
from gpubench.gate.intervals import mean_of
from gpubench.gate.odd_lines import processes
from gpubench.knowledge.claims import Claim


def feeding(claim: Claim, records: Sequence[RunRecord]) -> Iterator[Finding]:
    """What share of its own speed the device keeps when fed, where without them it keeps less."""
    trained = list(scenes(claim, records, tier="end-to-end"))
    starved = [scene for scene in trained if _feed(scene).workers == 0]
    for scene in trained:
        if not _is_fed(_feed(scene)) and not (scene.is_on_cpu and _feed(scene).workers):
            continue
        for mode in scene.cells:
            without = next((s for s in starved if _is_alike(s, scene) and mode in s.cells), None)
            yield _fed(claim, scene, without, mode)


def _feed(scene: Scene) -> Feed:
    """How its batches were really made."""
    plan = scene.record.header.plan
    return here(plan.feed, plan.device)


def _is_fed(feed: Feed) -> bool:
    return bool(feed.workers) and feed.pinned and feed.non_blocking


def _is_alike(one: Scene, other: Scene) -> bool:
    """Whether two scenes differ in nothing but how they were fed."""
    return (
        one.facts.device == other.facts.device
        and one.facts.settings == other.facts.settings
        and one.facts.samples_per_step == other.facts.samples_per_step
    )


def _fed(claim: Claim, scene: Scene, without: Scene | None, mode: str) -> Finding:
    plain = begun(claim, scene.record, scene.facts, mode, "its own memory")
    figure, count = _kept(scene, mode)
    found = judged(plain, figure, count, fault_of([scene.cells[mode]]))
    if not found.is_met or found.verdict == "not decidable here":
        return found
    missing = _no_bottleneck(claim, without, mode)
    if missing is None:
        return found
    return dataclasses.replace(found, verdict="not decidable here", reason=missing)


def _no_bottleneck(claim: Claim, without: Scene | None, mode: str) -> str | None:
    """Why there was nothing to remove, as far as is known; None where there was."""
    if without is None:
        return "whether there is a bottleneck without workers was not measured"
    figure, _ = _kept(without, mode)
    if figure is None or figure.high is None:
        return "whether there is a bottleneck without workers cannot be told"
    if claim.bound is not None and figure.high < claim.bound:
        return None
    kept = units.percent(figure.value, 0)
    return f"there is no bottleneck to remove: without workers it keeps {kept} of its speed"


def _kept(scene: Scene, mode: str) -> tuple[Bounded | None, int]:
    """The share of its own speed that the device keeps, and of how many processes it is a mean."""
    if scene.cells[mode].throughput is None:
        return None, 0
    measured = processes(scene.record, scene.facts.subject, mode)
    shares = [share for m in measured if m.counts and (share := _share(m)) is not None]
    return (bounded(mean_of(shares)) if shares else None), len(shares)


def _share(measurement: Measurement) -> float | None:
    """Of one process: its throughput over that of the same steps over batches that stay."""
    seconds = measurement.feeding.get("resident_seconds")
    steps = measurement.feeding.get("resident_steps")
    if not seconds or not steps:
        return None
    return measurement.throughput / (steps * measurement.samples_per_step / seconds)
