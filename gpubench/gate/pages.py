"""All tables of a record, in the order in which they are read."""

from collections.abc import Sequence

from gpubench.bench.record import RunRecord
from gpubench.gate.scaling import scaling_tables
from gpubench.gate.sweeps import sweep_tables
from gpubench.gate.table import Table
from gpubench.gate.tables import comparison


def pages(record: RunRecord) -> tuple[Table, ...]:
    """What a sweep or strategies say first, then the modes of each subject side by side."""
    compared = comparison(record)
    return (*opening(record, compared), *compared)


def opening(record: RunRecord, compared: Sequence[Table]) -> tuple[Table, ...]:
    """What stands before the tables of the subjects, whose texts it repeats."""
    return (*sweep_tables(record, compared), *scaling_tables(record, compared))
