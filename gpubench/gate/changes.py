"""What differs between two sides, ranked by how likely it is to have changed their speed."""

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from gpubench import codec
from gpubench.env.differences import Difference, differences, same_machine
from gpubench.env.snapshot import Snapshot
from gpubench.gate.sides import Session

WHY = {
    "torch": "its kernels and its compiler are what is timed",
    "cuda": "cuBLAS and the CUDA libraries hold the matrix products",
    "cudnn": "convolutions and attention may run through it",
    "nccl": "it moves gradients between GPUs",
    "driver": "it compiles, schedules and clocks every kernel",
    "triton": "torch.compile generates its kernels with it",
    "clocks": "speed follows the clocks",
    "power": "under load a GPU clocks as high as its power limit lets it",
    "gpu": "another state of the GPU",
    "variable": "it changes which libraries are loaded, or how they run",
    "companion": "models and optimizers come from it",
    "image": "anything in it may differ",
    "gpubench": "another release may measure otherwise",
    "python": "it runs the host's side of every step",
    "numpy": "data may pass through it",
    "kernel": "it schedules the host's threads",
    "rest": "it rarely matters to speed",
}
"""Kinds of change in the order in which they are likely to matter, and why they do."""
_ORDER = tuple(WHY)

_OF_SOFTWARE = {
    "torch": "torch",
    "cuda": "cuda",
    "cudnn": "cudnn",
    "driver": "driver",
    "timm": "companion",
    "transformers": "companion",
    "container image": "image",
    "gpubench": "gpubench",
    "python": "python",
    "kernel": "kernel",
    "commit": "companion",
}


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One thing that is not the same on both sides; None where a side does not have it."""

    what: str
    before: str | None
    after: str | None
    rank: int
    why: str


def changes(baseline: Sequence[Session], candidate: Sequence[Session]) -> tuple[Change, ...]:
    """What differs between the last sessions of two sides, what matters most first."""
    old, new = baseline[-1], candidate[-1]
    found = [*_of_snapshots(old, new), *_of_software(old.software, new.software)]
    found.sort(key=lambda entry: _ORDER.index(_kind(entry)))
    return tuple(
        Change(
            what=entry.what,
            before=entry.before,
            after=entry.after,
            rank=rank,
            why=WHY[_kind(entry)],
        )
        for rank, entry in enumerate(found, start=1)
    )


def _of_snapshots(old: Session, new: Session) -> Iterator[Difference]:
    if old.snapshot is None or new.snapshot is None:
        return
    before, after = _snapshot(old), _snapshot(new)
    yield from differences(before, after, same_machine=bool(same_machine(before, after)))


def _snapshot(session: Session) -> Snapshot:
    return codec.from_plain(Snapshot, session.snapshot, f"{session.source}: its snapshot")


def _of_software(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[Difference]:
    for what in dict.fromkeys((*old, *new)):
        before, after = old.get(what), new.get(what)
        if before != after:
            kind = _OF_SOFTWARE.get(what, "rest")
            yield Difference(kind=kind, what=what, before=before, after=after)


def _kind(entry: Difference) -> str:
    """The entry's own kind, with clocks and power told apart from the rest of a GPU's state."""
    if entry.kind == "gpu":
        for word, kind in (("clock", "clocks"), ("power", "power")):
            if word in entry.what.rpartition(":")[2]:
                return kind
    return entry.kind if entry.kind in WHY else "rest"
