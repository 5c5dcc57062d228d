"""The cells of a sweep, each with what was trained there."""

import dataclasses
from collections.abc import Sequence

from gpubench.bench.job import Subject
from gpubench.bench.record import RunRecord, WorkloadFacts
from gpubench.gate.contrasts import throughputs
from gpubench.gate.growth import Point
from gpubench.gate.odd_lines import whole
from gpubench.gate.standing import by_subject
from gpubench.gate.summary import Cell, summarise


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Spot:
    """One cell of a sweep with what was trained there; ``throughputs`` are of its processes."""

    cell: Cell
    facts: WorkloadFacts
    throughputs: tuple[float, ...]

    @property
    def counts(self) -> bool:
        """Whether its figures can be trusted."""
        return self.cell.throughput is not None

    @property
    def tells_time(self) -> bool:
        """Whether its times are those of the mode, so that they may be fitted."""
        return self.counts and not self.cell.is_held_back

    @property
    def step_seconds(self) -> list[float]:
        """The wall time of a step in each process."""
        return [self.facts.samples_per_step / throughput for throughput in self.throughputs]

    @property
    def length(self) -> int | None:
        """Tokens in a sample: of a sentence, or those an image is cut into."""
        found = self.facts.settings.get("sequence_length", self.facts.settings.get("tokens"))
        return whole(found)

    @property
    def memory_per_sample(self) -> float | None:
        """The whole peak over the samples of a batch."""
        return self.cell.peak_bytes / self.facts.batch_size if self.cell.peak_bytes else None


def spots(record: RunRecord, suite: str) -> dict[str, list[Spot]]:
    """By mode, the cells of a suite's variants that have begun, in the order of the sweep."""
    found: dict[str, list[Spot]] = {mode: [] for mode in record.header.plan.modes}
    parts = by_subject(record)
    for variant in record.header.plan.variants:
        subject = Subject(suite, variant)
        facts = record.workloads.get(subject)
        if facts is None:
            continue
        part = parts[subject]
        for cell in summarise(part, subject):
            own = tuple(throughputs(part, cell))
            found[cell.mode].append(Spot(cell=cell, facts=facts, throughputs=own))
    return found


def memory_points(found: Sequence[Spot]) -> list[Point]:
    """Batch size and peak bytes of cells that can be trusted."""
    return [
        (spot.facts.batch_size, spot.cell.peak_bytes)
        for spot in found
        if spot.counts and spot.cell.peak_bytes
    ]
