"""Where a claim may be looked for: the subjects and sweeps of records that trained its suite."""

import dataclasses
from collections.abc import Iterator, Mapping, Sequence

from gpubench.bench.job import Subject
from gpubench.bench.record import RunRecord, WorkloadFacts
from gpubench.gate.contrasts import throughputs
from gpubench.gate.spots import Spot, spots
from gpubench.gate.summary import Cell, summarise
from gpubench.knowledge.claims import Claim


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """One subject of one record, with its cells by mode."""

    record: RunRecord
    facts: WorkloadFacts
    cells: Mapping[str, Cell]

    def throughputs(self, mode: str) -> list[float]:
        """What each process of a mode came to; none where the cell has lost its figure."""
        cell = self.cells[mode]
        return [] if cell.throughput is None else throughputs(self.record, cell)

    @property
    def is_on_cpu(self) -> bool:
        """Whether a CPU trained it."""
        return self.facts.device.get("type") == "cpu"


def scenes(claim: Claim, records: Sequence[RunRecord], tier: str = "resident") -> Iterator[Scene]:
    """The subjects without variants that trained a suite of the claim, in that tier."""
    for record in records:
        plan = record.header.plan
        for suite in claim.suites:
            subject = Subject(suite)
            facts = record.workloads.get(subject)
            if plan.tier == tier and subject in plan.subjects and facts is not None:
                cells = {cell.mode: cell for cell in summarise(record, subject)}
                yield Scene(record=record, facts=facts, cells=cells)


def is_of_model(claim: Claim, facts: WorkloadFacts) -> bool:
    """Whether the architecture is the one that the claim names, whatever its shape."""
    return "model" not in claim.shape or facts.settings.get("model") == claim.shape["model"]


def sweeps(
    claim: Claim, records: Sequence[RunRecord], dimension: str
) -> Iterator[tuple[RunRecord, str, list[Spot]]]:
    """The sweeps of the dimension with a suite of the claim: record, mode and the cells begun."""
    for record in records:
        plan = record.header.plan
        if plan.sweep is None or plan.sweep.dimension != dimension or plan.tier != "resident":
            continue
        for suite in claim.suites:
            if suite not in plan.suites:
                continue
            found = spots(record, suite)
            yield from ((record, m, found[m]) for m in claim.modes if found.get(m))
