"""What run records give to other programs: the cells that were trained, and which have a figure.

A table marks a figure that is not to be taken as it stands; most programs that read a number have
no place for such a mark. What they get is the figures that need none, and the rest is named.
"""

import dataclasses
from collections.abc import Iterator, Sequence

from gpubench.bench import ceilings
from gpubench.bench.record import Measurement, RunRecord, WorkloadFacts
from gpubench.gate.summary import Cell, summarise
from gpubench.gate.table import STATE_WORDS


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class TrainedCell:
    """A cell with the record it stands in; ``facts`` are None where the suite never began."""

    record: RunRecord
    facts: WorkloadFacts | None
    cell: Cell

    @property
    def title(self) -> str:
        """The cell's name for people, as a comparison writes it."""
        subject = self.cell.subject
        return " · ".join(filter(None, (subject.suite, subject.variant, self.cell.mode)))

    @property
    def figure(self) -> float | None:
        """Samples per second; None where there is none or it needs a mark."""
        cell = self.cell
        return None if cell.throughput is None or cell.is_shaky else cell.throughput.value

    @property
    def processes(self) -> list[Measurement]:
        """Those whose times count."""
        return [m for m in self.measured if m.counts]

    @property
    def measured(self) -> list[Measurement]:
        """All of its processes."""
        return self.record.measured(self.cell.subject, self.cell.mode)

    @property
    def why_none(self) -> str:
        """Why it has no figure that needs no mark, in words."""
        state = STATE_WORDS.get(self.cell.state, self.cell.state)
        if self.cell.state == "ok":
            state = "held back by its input" if self.cell.is_held_back else "its processes differ"
        return f"{state}: {self.cell.reason}" if self.cell.reason else state


def trained_cells(records: Sequence[RunRecord]) -> Iterator[TrainedCell]:
    """The cells of every record in order; of the loader alone and of ceilings there are none."""
    for record in records:
        if record.header.plan.tier == "loader":
            continue
        for subject in record.header.plan.subjects:
            if subject.suite != ceilings.SUITE:
                facts = record.workloads.get(subject)
                for cell in summarise(record, subject):
                    yield TrainedCell(record=record, facts=facts, cell=cell)


def without_figure(records: Sequence[RunRecord]) -> list[str]:
    """The cells that a format without marks leaves out, a line each."""
    found = [each for each in trained_cells(records) if each.figure is None]
    return [f"{each.title}: {each.why_none}" for each in found]
