"""What a check answers, and the words for it: ok, note, warn, fail, skip, unknown."""

import dataclasses
from collections.abc import Callable
from enum import Enum
from typing import Any

from gpubench.env.snapshot import Snapshot


class Status(str, Enum):
    """How a check ended. Only ``PASS`` says that something was looked at and is right."""

    PASS = "pass"  # noqa: S105 - a status, no password
    NOTE = "note"
    WARN = "warn"
    FAIL = "fail"
    SKIP = "skip"
    UNKNOWN = "unknown"
    CRASH = "crash"


class Confidence(str, Enum):
    """How surely a finding points at its cause."""

    CERTAIN = "certain"
    LIKELY = "likely"
    POSSIBLE = "possible"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What one check found in one snapshot."""

    status: Status
    reason: str
    """One line: what was found and, on trouble, what was expected."""
    cause: str | None = None
    """The root cause it points to, where that is not the check's own."""
    confidence: Confidence = Confidence.CERTAIN
    remedy: tuple[str, ...] = ()
    """Commands or one sentence each, in the order to try them."""
    evidence: dict[str, Any] = dataclasses.field(default_factory=dict)
    explained_by: tuple[str, ...] = ()
    """Causes that explain it, where another check has found one of them to be so."""
    """Plain values."""

    @property
    def is_trouble(self) -> bool:
        """True for a warning or a failure: what becomes a finding."""
        return self.status in (Status.WARN, Status.FAIL)


Judge = Callable[[Snapshot], Outcome]


def ok(reason: str) -> Outcome:
    """It was looked at and is right."""
    return Outcome(status=Status.PASS, reason=reason)


def note(reason: str, **evidence: Any) -> Outcome:
    """Worth knowing; nothing to do."""
    return Outcome(status=Status.NOTE, reason=reason, evidence=evidence)


def skip(reason: str) -> Outcome:
    """The question does not arise here."""
    return Outcome(status=Status.SKIP, reason=reason)


def unknown(reason: str) -> Outcome:
    """It should have been readable and was not."""
    return Outcome(status=Status.UNKNOWN, reason=reason)


def warn(reason: str, *remedy: str, **details: Any) -> Outcome:
    """It works, but not as it should."""
    return _trouble(Status.WARN, reason, remedy, details)


def fail(reason: str, *remedy: str, **details: Any) -> Outcome:
    """It does not work, or will not."""
    return _trouble(Status.FAIL, reason, remedy, details)


def _trouble(
    status: Status, reason: str, remedy: tuple[str, ...], details: dict[str, Any]
) -> Outcome:
    """``cause``, ``confidence`` and ``explained_by`` are its own; everything else is evidence."""
    cause = details.pop("cause", None)
    confidence = Confidence(details.pop("confidence", "certain"))
    explained_by = details.pop("explained_by", ())
    return Outcome(
        status=status,
        reason=reason,
        cause=cause,
        confidence=confidence,
        remedy=remedy,
        evidence=details,
        explained_by=explained_by,
    )


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One question about a snapshot; the docstring of ``judge`` is what --explain shows."""

    id: str
    judge: Judge
    cause: str
    """The root cause a failure points to, unless its outcome says otherwise."""
    needs: tuple[str, ...] = ()
    """Checks whose failure explains a failure of this one."""
    reference: str = ""
    is_symptom: bool = False
    """It judges what somebody complains of, so the cause behind it is the one to fix first."""

    @property
    def title(self) -> str:
        """What it checks, as the first line of its docstring."""
        return (self.judge.__doc__ or "").strip().splitlines()[0]

    @property
    def subject(self) -> str:
        """The part of the id before the dot."""
        return self.id.partition(".")[0]
