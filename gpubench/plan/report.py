"""What ``plan`` answers as one value, published as ``gpubench.plan/1``."""

import dataclasses

from gpubench.errors import ExitStatus
from gpubench.plan.builds import Candidate
from gpubench.plan.machine import Machine

SCHEMA = "gpubench.plan/1"

STATUS = {
    "yes": ExitStatus.YES,
    "no": ExitStatus.NO,
    "not-asked": ExitStatus.NOT_ASKED,
    "unknown": ExitStatus.INCONCLUSIVE,
}


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Correction:
    """One line of a file as it should stand."""

    file: str
    line: int
    text: str


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """What a file states and what is known to be true do not agree."""

    rule: str
    cause: str
    """One of the causes of ``doctor``."""
    severity: str
    """``error``, ``warning`` or ``note``."""
    summary: str
    file: str
    line: int
    found: str
    expected: str
    correction: Correction | None = None
    remedy: tuple[str, ...] = ()
    """Sentences or commands, where no single line cures it."""
    reference: str = ""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """One thing that a file states, with where; the values of secrets are left out."""

    kind: str
    name: str
    value: str | None
    file: str
    line: int


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class PlanReport:
    """The answer to one question: which builds run, whether one does, or whether a file holds."""

    schema: str = SCHEMA
    gpubench_version: str
    question: str
    """``builds``, ``build`` (one named by torch and CUDA) or ``file``."""
    answer: str
    """``yes``, ``no``, ``unknown`` or ``not-asked`` (nothing is known of driver and GPU)."""
    summary: str
    machine: Machine
    best: Candidate | None = None
    cpu_install: str | None = None
    """The line for a machine without an NVIDIA GPU."""
    builds: tuple[Candidate, ...] = ()
    file: str | None = None
    file_kind: str | None = None
    facts: tuple[Fact, ...] = ()
    problems: tuple[Problem, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def status(self) -> ExitStatus:
        """The exit status, the same in every format."""
        return STATUS[self.answer]

    def count(self, severity: str) -> int:
        """How many problems are of a severity."""
        return sum(problem.severity == severity for problem in self.problems)
