"""Why cells have as many processes as they have, in notes."""

from collections.abc import Sequence

from gpubench import units
from gpubench.bench.record import Closing, RunRecord
from gpubench.gate.summary import Cell

COVERAGE = "stopping at a width, such intervals hold in nine runs of ten or more"
"""What optional stopping costs an interval of 95 %: docs/decisions/0041."""


def left_out(record: RunRecord, cell: Cell) -> tuple[str, ...]:
    """The jobs of a cell for which there was no time."""
    closing = record.closing(cell.subject, cell.mode)
    return closing.left_out if closing else ()


def ending_notes(record: RunRecord, cells: Sequence[Cell]) -> list[str]:
    """What decided over the number of processes, where they were not simply those of the plan."""
    closed = [(cell, record.closing(cell.subject, cell.mode)) for cell in cells]
    return [
        *_narrow(
            [(cell, c) for cell, c in closed if c and c.ended == "narrow" and cell.throughput]
        ),
        *(
            _most(cell, c)
            for cell, c in closed
            if c and c.ended == "most-processes" and cell.throughput
        ),
        *_budget([(cell, c) for cell, c in closed if c and c.left_out]),
    ]


def _narrow(closed: Sequence[tuple[Cell, Closing]]) -> list[str]:
    if not closed:
        return []
    fewest, most = (ends(cell.processes for cell, _ in closed) for ends in (min, max))
    count = f"{fewest}" if fewest == most else f"{fewest} to {most}"
    modes = ", ".join(cell.mode for cell, _ in closed)
    asked = units.percent(closed[0][1].precision)
    return [f"{modes}: narrow enough, ± {asked}, with {count} processes ({COVERAGE})"]


def _most(cell: Cell, closing: Closing) -> str:
    return (
        f"{cell.mode}: {cell.processes} processes, the most, leave the interval wider than the "
        f"± {units.percent(closing.precision)} asked for"
    )


def _budget(closed: Sequence[tuple[Cell, Closing]]) -> list[str]:
    if not closed:
        return []
    by_job: dict[str, list[str]] = {}
    for cell, closing in closed:
        for job in closing.left_out:
            by_job.setdefault(job, []).append(cell.mode)
    jobs = "; ".join(f"{job} of {', '.join(modes)}" for job, modes in by_job.items())
    budget = units.seconds(closed[0][1].budget_seconds)
    return [f"the budget of {budget} was spent: left out {jobs} (--resume goes on)"]
