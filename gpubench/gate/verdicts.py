"""Verdicts: what a comparison says of one figure of one cell, and of all of them together."""

import dataclasses
from collections.abc import Iterable
from typing import Literal

from gpubench.errors import ExitStatus

Word = Literal["PASS", "REGRESSION", "IMPROVED", "INCONCLUSIVE", "NOT-COMPARABLE", "INVALID"]

WORST_FIRST: tuple[Word, ...] = (
    "INVALID",
    "REGRESSION",
    "NOT-COMPARABLE",
    "INCONCLUSIVE",
    "PASS",
    "IMPROVED",
)
"""The order of DESIGN §3: 6 before 1 before 5 before 4 before 0."""

STATUSES = {
    "INVALID": ExitStatus.INVALID,
    "REGRESSION": ExitStatus.NO,
    "NOT-COMPARABLE": ExitStatus.NOT_COMPARABLE,
    "INCONCLUSIVE": ExitStatus.INCONCLUSIVE,
    "PASS": ExitStatus.YES,
    "IMPROVED": ExitStatus.YES,
}

OnInconclusive = Literal["fail", "warn", "pass"]
ON_INCONCLUSIVE: tuple[OnInconclusive, ...] = ("fail", "warn", "pass")


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What is said of one metric of one cell.

    ``effect`` is the share of cost that the candidate adds, more is worse, with the ends of its
    interval in ``low`` and ``high``; ``baseline`` and ``candidate`` are geometric means in the
    metric's unit. ``needed`` is how many of ``unit`` (sessions a side, or pairs) would settle it,
    ``gates_at`` the smallest tolerance at which as many as were measured decide nearly always.
    A verdict that is not ``gated`` is shown and has no say in the report's.
    """

    suite: str
    variant: str = ""
    mode: str
    metric: str
    word: Word
    reason: str | None = None
    effect: float | None = None
    low: float | None = None
    high: float | None = None
    tolerance: float | None = None
    baseline: float | None = None
    candidate: float | None = None
    baseline_processes: int = 0
    candidate_processes: int = 0
    needed: int | None = None
    unit: Literal["sessions", "pairs"] = "sessions"
    gates_at: float | None = None
    gated: bool = True

    @property
    def cell(self) -> str:
        """The cell's name for people."""
        return " · ".join(filter(None, (self.suite, self.variant, self.mode)))


def overall(verdicts: Iterable[Verdict]) -> Word:
    """The report's verdict: the worst of those that are gated; nothing gated settles nothing."""
    words = {verdict.word for verdict in verdicts if verdict.gated}
    found = next((word for word in WORST_FIRST if word in words), None)
    return "INCONCLUSIVE" if found is None else found


def exit_status(word: Word, on_inconclusive: OnInconclusive = "fail") -> ExitStatus:
    """The status that a report's verdict ends with."""
    if word == "INCONCLUSIVE" and on_inconclusive != "fail":
        return ExitStatus.YES
    return STATUSES[word]
