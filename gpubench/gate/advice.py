"""What a row says whose memory ran out: the figures, short or in pieces, and what fits instead."""

from collections.abc import Sequence

from gpubench import units
from gpubench.bench.record import RunRecord, WorkloadFacts
from gpubench.bench.shortage import Shortage
from gpubench.gate import growth
from gpubench.gate.spots import memory_points, spots
from gpubench.gate.summary import Cell


def memory_notes(record: RunRecord, cells: Sequence[Cell]) -> list[str]:
    """A note for each way in which memory ran out in some of the cells."""
    modes: dict[str, list[str]] = {}
    for cell in cells:
        if cell.state == "out-of-memory":
            modes.setdefault(_note(record, cell), []).append(cell.mode)
    return [f"{', '.join(names)}: out of memory: {note}" for note, names in modes.items()]


def _note(record: RunRecord, cell: Cell) -> str:
    shortage = next(
        (m.shortage for m in record.measured(cell.subject, cell.mode) if m.shortage), None
    )
    told = [cell.reason or "no reason given"] if shortage is None else figures(shortage)
    facts = record.workloads.get(cell.subject)
    return "; ".join([*told, *([] if facts is None else _what_fits(record, cell, facts, shortage))])


def figures(shortage: Shortage) -> list[str]:
    """What memory there was, and whether it was short or in pieces."""
    asked = units.memory(shortage.requested_bytes)
    asked = "an allocation failed" if shortage.requested_bytes is None else f"{asked} asked"
    if shortage.device == "cpu":
        limit = shortage.limit_bytes
        return [
            f"{asked} with {units.memory(shortage.resident_bytes)} resident and "
            f"{units.memory(shortage.available_bytes)} available"
            + ("" if limit is None else f" under a control group's limit of {units.memory(limit)}"),
        ]
    free = f"{units.memory(shortage.free_bytes)} free of {units.memory(shortage.total_bytes)}"
    parts = [
        f"{units.memory(shortage.allocated_bytes)} allocated",
        f"{units.memory(shortage.unused_bytes)} reserved but unused",
    ]
    if shortage.largest_free_block_bytes is not None:
        parts.append(f"the largest piece {units.memory(shortage.largest_free_block_bytes)}")
    if shortage.elsewhere_bytes:
        parts.append(f"{units.memory(shortage.elsewhere_bytes)} used by other processes")
    return [f"{asked} with {free} ({', '.join(parts)})", *_verdict(shortage)]


def _verdict(shortage: Shortage) -> list[str]:
    if shortage.is_fragmented is None:
        return []
    assert shortage.requested_bytes is not None
    assert shortage.obtainable_bytes is not None
    if not shortage.is_fragmented:
        missing = shortage.requested_bytes - shortage.obtainable_bytes
        return [f"{units.memory(missing)} too little, even if it were in one piece"]
    unused = f"{units.memory(shortage.unused_bytes)} reserved but unused: fragmentation"
    if shortage.expandable:
        return [f"{unused}, although expandable_segments is on"]
    return [f"{unused}: {shortage.variable}=expandable_segments:True"]


def _what_fits(
    record: RunRecord, cell: Cell, facts: WorkloadFacts, shortage: Shortage | None
) -> list[str]:
    """A batch that fits or should, and the accumulation that keeps the samples per step."""
    smaller = _smaller_sample(facts)
    if facts.batch_size == 1:
        return [f"not even one sample fits: try a smaller --model{smaller}"]
    fitted = _fitted(record, cell, facts)
    predicted = _predicted(record, cell, facts, shortage)
    said = []
    if fitted is not None:
        said.append(f"the largest batch that fitted in this run is {fitted}")
    if predicted is not None and predicted > (fitted or 0):
        said.append(f"by the fit of memory about {predicted} would")
    if predicted == 0 and fitted is None:
        return [f"by the fit of memory not even one sample fits: try a smaller --model{smaller}"]
    size = fitted or predicted or facts.batch_size // 2
    total = facts.batch_size * facts.accumulation  # of one rank
    size = max(divisor for divisor in range(1, size + 1) if total % divisor == 0)
    keeps = f"--batch-size {size} --accumulation {total // size}"
    said.append(f"try {keeps}, which keeps {units.count(total, 'sample')} per step{smaller}")
    return said


def _smaller_sample(facts: WorkloadFacts) -> str:
    known = {"sequence_length": "--sequence-length", "image_size": "--image-size"}
    options = [option for name, option in known.items() if name in facts.settings]
    return "".join(f", or a smaller {option}" for option in options)


def _fitted(record: RunRecord, cell: Cell, facts: WorkloadFacts) -> int | None:
    """The largest smaller batch of the same mode that was measured in this run's batch sweep."""
    sweep = record.header.plan.sweep
    if sweep is None or sweep.dimension != "batch-size":
        return None
    sizes = [
        spot.facts.batch_size
        for spot in spots(record, cell.subject.suite)[cell.mode]
        if spot.counts and spot.facts.batch_size < facts.batch_size
    ]
    return max(sizes, default=None)


def _predicted(
    record: RunRecord, cell: Cell, facts: WorkloadFacts, shortage: Shortage | None
) -> int | None:
    """What the memory of this run's other batch sizes lets one expect to fit."""
    sweep = record.header.plan.sweep
    if sweep is None or sweep.dimension != "batch-size" or shortage is None:
        return None
    line = growth.memory_growth(memory_points(spots(record, cell.subject.suite)[cell.mode]))
    room = shortage.for_training_bytes
    largest = line.largest_batch(room) if line is not None and room is not None else None
    return largest if largest is not None and largest < facts.batch_size else None
