"""How long a job will take: a guess per kind of job that learns from those that ended."""

from collections.abc import Hashable, Iterable

from gpubench.bench.protocol import Protocol
from gpubench.bench.schedule import Step
from gpubench.units import Seconds

START_SECONDS = 8.0
COMPILE_SECONDS = 30.0
"""Guesses for what has not been seen (own choice: seen on two CPU cores)."""


class Estimate:
    """Seconds that jobs will take, from the most alike among those that ended."""

    def __init__(self, protocol: Protocol) -> None:
        self._protocol = protocol
        self._seen: dict[Hashable, list[float]] = {}

    def learn(self, step: Step, seconds: float) -> None:
        """Take in a job that ran in a process."""
        if seconds > 0:
            for likeness in _likenesses(step):
                self._seen.setdefault(likeness, []).append(seconds)

    def of(self, steps: Iterable[Step]) -> Seconds:
        """All of these, one after the other."""
        return Seconds(sum(self.of_one(step) for step in steps))

    def of_one(self, step: Step) -> float:
        """This job."""
        for likeness in _likenesses(step):
            if seen := self._seen.get(likeness):
                return sum(seen) / len(seen)
        compiling = COMPILE_SECONDS if step.mode.compile else 0.0
        if step.kind == "measure":
            return START_SECONDS + compiling + 2 * self._protocol.window_min_seconds
        return START_SECONDS + compiling + self._protocol.soak_seconds


def _likenesses(step: Step) -> tuple[Hashable, ...]:
    """What a job has in common with others, the closest first.

    A first process compiles from nothing; a later one of an eager mode takes as long as it, one
    of a compiled mode as long as later ones of other modes that compile in the same way.
    """
    first = step.process == 0
    return (
        (step.subject, step.kind, step.mode.name, first),
        (step.subject, step.kind, step.mode.compile, first),
        (step.subject, step.kind, step.mode.name),
        (step.kind, step.mode.compile, first),
    )
