"""How the losses of each mode part from float32's, step by step, for pictures of it."""

import dataclasses

from gpubench.bench.job import Subject
from gpubench.bench.modes import REFERENCE
from gpubench.bench.parity import Parity, curve
from gpubench.bench.record import RunRecord
from gpubench.gate.odd_lines import known_mode


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class ParityCurve:
    """One mode's way: ``rounding`` is the format whose band it is held to."""

    mode: str
    rounding: str
    steps: tuple[Parity, ...]

    @property
    def worst(self) -> Parity:
        """The step that comes closest to the allowed, or passes it most."""
        return max(self.steps, key=lambda step: step.deviation / step.allowed)


def parity_curves(record: RunRecord, subject: Subject) -> tuple[ParityCurve, ...]:
    """The modes of a subject that can be held against float32, in the order of the plan."""
    reference = record.parities.get((subject, REFERENCE.name))
    if reference is None or reference.state != "ok":
        return ()
    found = []
    for mode in record.header.plan.modes:
        run = record.parities.get((subject, mode))
        known = known_mode(mode)
        if known is None or mode == REFERENCE.name or run is None or run.state != "ok":
            continue
        rounding = known.rounding
        steps = curve(reference, run, rounding)
        if steps:
            found.append(ParityCurve(mode=mode, rounding=rounding, steps=steps))
    return tuple(found)
