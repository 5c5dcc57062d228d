"""What changed between two snapshots, ranked by how likely it matters; never a cause by itself."""

import dataclasses
import itertools
import json
import re
from collections.abc import Iterable, Sequence

from gpubench.checks.diagnosis import Finding
from gpubench.env.differences import Difference, differences, same_machine
from gpubench.env.snapshot import Snapshot

WHY = {
    "driver": "every CUDA program runs through the driver",
    "gpu": "another GPU needs other code, memory and drivers",
    "torch": "everything here is built on it",
    "cuda": "torch is built for one release of the CUDA libraries",
    "cudnn": "torch refuses an older cuDNN, and two of them in one process end it",
    "nccl": "another NCCL lacks symbols, or hangs between machines",
    "triton": "torch.compile generates code for one triton",
    "numpy": "extensions are compiled for one NumPy, and results can differ",
    "companion": "it is built on torch, or compiled for one release of it",
    "python": "extensions are compiled for one Python",
    "kernel": "the driver's module is built for one kernel",
    "variable": "it changes which libraries are loaded, or how CUDA runs",
    "rest": "it rarely matters by itself",
}
"""The kinds of change in the order in which they are likely to matter, and why they do."""
_ORDER = tuple(WHY)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One thing that is not what it was."""

    what: str
    """A distribution, a variable, ``driver``, ``kernel``, or the path of a snapshot's field."""
    before: str | None
    """None: it was not there."""
    after: str | None
    """None: it is gone."""
    rank: int
    """1 for what is most likely to matter."""
    why: str
    """What such a change can do."""
    named_by: tuple[str, ...] = ()
    """Checks whose warning or failure speaks of it."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Drift:
    """What changed since an earlier snapshot, what matters most first."""

    since: str
    """When that was taken, UTC; empty where it does not say."""
    same_machine: bool | None
    """By the hashed UUIDs of the GPUs; None where one side knows none."""
    changes: tuple[Change, ...]


def drift(before: Snapshot, after: Snapshot, findings: Iterable[Finding] = ()) -> Drift:
    """What changed from ``before`` to ``after``; what a trouble speaks of stands first."""
    troubles = [finding for finding in findings if finding.severity != "note"]
    same = same_machine(before, after)
    found = differences(before, after, same_machine=bool(same))
    found.sort(key=lambda entry: (_distance(entry, troubles), _ORDER.index(entry.kind)))
    return Drift(
        since=before.taken_at,
        same_machine=same,
        changes=tuple(_change(entry, rank, troubles) for rank, entry in enumerate(found, start=1)),
    )


def _change(entry: Difference, rank: int, troubles: Sequence[Finding]) -> Change:
    return Change(
        what=entry.what,
        before=entry.before,
        after=entry.after,
        rank=rank,
        why=WHY[entry.kind],
        named_by=tuple(finding.check for finding in troubles if _names(finding, entry.name)),
    )


def _distance(entry: Difference, troubles: Sequence[Finding]) -> int:
    """0 where a trouble names it with its new or old release, 1 where by name alone, else 2."""
    naming = [finding for finding in troubles if _names(finding, entry.name)]
    values = [value for value in (entry.after, entry.before) if value]
    told = any(value in text for value, text in itertools.product(values, map(_text, naming)))
    return 0 if told else 1 if naming else 2


def _names(finding: Finding, name: str | None) -> bool:
    """True where the trouble speaks of ``name`` as a word of its own."""
    if not name:
        return False
    return re.search(rf"(?i)(?<![\w-]){re.escape(name)}(?![\w-])", _text(finding)) is not None


def _text(finding: Finding) -> str:
    evidence = json.dumps(finding.evidence, default=str, ensure_ascii=False)
    return f"{finding.summary} {evidence}"
