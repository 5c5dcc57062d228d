"""What a picture of one subject is made from."""

import dataclasses

from gpubench.bench.job import Subject
from gpubench.bench.record import RunRecord
from gpubench.gate.summary import Cell


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """One subject with its cells; ``record`` may be cut down to it."""

    record: RunRecord
    subject: Subject
    cells: tuple[Cell, ...]
