"""What the parent asks of a child process, and what a child may answer; plain values only."""

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal, NamedTuple

from gpubench.bench.feed import USUAL_FEED, Feed
from gpubench.bench.learning.asked import Training
from gpubench.bench.modes import Mode
from gpubench.bench.protocol import Protocol
from gpubench.bench.strategy import SINGLE, WHOLE, Shard, Strategy


def public_name(given: str) -> str:
    """A name as a record may hold it: of a path on this machine its last part alone."""
    if given.startswith("hf:/"):  # a folder in a hub's layout
        return f"hf:{Path(given).name}"
    path = Path(given)
    return path.name if path.exists() else given


class Subject(NamedTuple):
    """What is trained: a suite, in one of the variants of this run; "" is the suite as asked."""

    suite: str
    variant: str = ""

    @property
    def title(self) -> str:
        """Both names, for people."""
        return f"{self.suite} {self.variant}".rstrip()


Progress = Callable[[str, int, int], object]
"""Is told the stage a job has reached, how much of it is done, and of how much."""

Kind = Literal[
    "describe", "measure", "parity", "search-batch", "load", "ceilings", "train", "measure-ranks",
    "parity-ranks", "take-part",
]  # fmt: skip
"""Those of ranks are the same by several processes; the schedule does not tell them apart."""

Tier = Literal["resident", "loader", "end-to-end"]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Workload:
    """What is trained, as far as a user chooses it; None means the suite's own choice.

    ``image_size`` is in pixels, ``sequence_length`` in tokens; ``accumulation`` batches make one
    step of the optimizer. ``excluded`` are files of the data folder that could not be read when it
    was surveyed, ``labels`` what its labels are called, ``tokenizer`` a folder or file to load one
    from; the survey fills these three in. ``made`` says that ``data`` was written by the survey
    itself, from the seed. Every rank of a ``strategy`` trains batches of that size, those of its
    ``shard``.
    """

    preset: str
    model: str | None = None
    batch_size: int | None = None
    image_size: int | None = None
    sequence_length: int | None = None
    tier: Tier = "resident"
    data: str | None = None
    seed: int = 20_240_601
    accumulation: int = 1
    tokenizer: str | None = None
    excluded: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    made: bool = False
    feed: Feed = USUAL_FEED
    strategy: Strategy = SINGLE
    shard: Shard = WHOLE

    @classmethod
    def from_plain(cls, plain: dict[str, Any]) -> "Workload":
        """A workload from JSON's own types."""
        return cls(
            **{
                **plain,
                "excluded": tuple(plain["excluded"]),
                "labels": tuple(plain["labels"]),
                "feed": Feed(**plain["feed"]),
                "strategy": Strategy(**plain["strategy"]),
                "shard": Shard(**plain["shard"]),
            }
        )


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One child's work: a suite, what to do with it, and where it may write.

    ``ceilings`` are the names of those to be measured in a job of that kind, ``training`` is what
    a job of the kind ``train`` is to do. ``rendezvous`` is the host:port where the nodes of a
    strategy with several find one another; ``number`` is that of the announced job in which another
    node is to take part.
    """

    kind: Kind
    suite_module: str
    workload: Workload
    mode: Mode
    protocol: Protocol
    device: str
    scratch: str
    parity_roundings: tuple[str, ...] = ()
    ceilings: tuple[str, ...] = ()
    training: Training | None = None
    rendezvous: str | None = None
    number: int = 0

    @classmethod
    def from_plain(cls, plain: dict[str, Any]) -> "Job":
        """A job from JSON's own types; the parent wrote it, so nothing is validated."""
        return cls(
            **{
                **plain,
                "workload": Workload.from_plain(plain["workload"]),
                "mode": Mode(**plain["mode"]),
                "protocol": Protocol(**plain["protocol"]),
                "parity_roundings": tuple(plain["parity_roundings"]),
                "ceilings": tuple(plain["ceilings"]),
                "training": plain["training"] and Training.from_plain(plain["training"]),
            }
        )


State = Literal[
    "ok", "unstable", "capped", "invalid", "not-supported", "out-of-memory", "failed", "timed-out"
]
"""How a child's work ended."""

COUNTING: tuple[State, ...] = ("ok", "unstable", "capped")
"""States whose times count; all but ``ok`` are shown with a mark: step times that did not settle,
clocks that were held below what the GPU would do."""
