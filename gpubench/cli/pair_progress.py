"""How a session of pairs is going: a live view on a terminal, plain lines elsewhere."""

import os
import sys
from typing import TYPE_CHECKING, Union

from gpubench.bench.job import Subject
from gpubench.bench.schedule import Step
from gpubench.bench.undisturbed import Latest
from gpubench.cli.outcome import outcome
from gpubench.cli.pair_standing import line
from gpubench.cli.standing import left

if TYPE_CHECKING:
    from gpubench.cli.pair_live import LivePairs
    from gpubench.gate.pair_judge import PairJudge


class PlainPairs:
    """A line on stderr as each process ends, and one as each pair does."""

    def __init__(self, judge: "PairJudge") -> None:
        self._judge, self._seconds_left = judge, 0.0
        self._now: tuple[str, Step] | None = None

    def __enter__(self) -> "PlainPairs":
        return self

    def __exit__(self, *problem: object) -> None:
        """Nothing to put back."""

    def began(self, letter: str, step: Step, seconds_left: float) -> None:
        """Remember what is left."""
        self._now, self._seconds_left = (letter, step), seconds_left

    def sampled(self, latest: Latest) -> None:
        """What the GPU does is in the record."""

    def stage(self, name: str, done: int, of: int) -> None:
        """Stages are not worth a line."""

    def ended(
        self, letter: str, step: Step, state: str, reason: str | None, seconds: float
    ) -> None:
        """Say how the process went."""
        sys.stderr.write(f"{letter.upper()} {outcome(step, state, reason, seconds)}\n")

    def paired(self, subject: Subject, mode: str) -> None:
        """Say how the cell's interval stands."""
        found = self._judge.standing(subject, mode)
        said = line(f"{subject.title} {mode}", found)
        sys.stderr.write("; ".join(filter(None, [said, left(self._seconds_left)])) + "\n")


def watcher(judge: "PairJudge") -> Union[PlainPairs, "LivePairs"]:
    """The display that fits stderr."""
    if not sys.stderr.isatty() or os.environ.get("TERM") in (None, "", "dumb"):
        return PlainPairs(judge)
    from gpubench.cli.pair_live import LivePairs

    return LivePairs(judge)
