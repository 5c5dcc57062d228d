"""The options of ``gpubench run`` that say how batches come to the step."""

import dataclasses
from typing import TYPE_CHECKING, cast, get_args

from gpubench.errors import BadUsage

if TYPE_CHECKING:
    from gpubench.bench.job import Workload


def fed(
    workload: "Workload", *, workers: int | None, lengths: str, long: str, augment: bool
) -> "Workload":
    """The workload with its feed; BadUsage where it has no use for what was asked."""
    from gpubench.bench.feed import Feed, Lengths, Long

    feed = Feed(
        workers=workers,
        lengths=cast("Lengths", _one_of("--lengths", lengths, get_args(Lengths))),
        long=cast("Long", _one_of("--long", long, get_args(Long))),
        augment=augment,
    )
    if workload.tier == "resident" and workers is not None:
        raise BadUsage("--workers is for --tier loader and end-to-end: resident batches need none")
    own = dataclasses.replace(feed, workers=None)
    if workload.tier == "resident" and workload.data is None and own != Feed():
        raise BadUsage(
            "--lengths, --long and --augment change how files are read: name them with --data, "
            "or choose --tier loader"
        )
    return dataclasses.replace(workload, feed=feed)


def without_modes(tier: str, modes: str | None) -> bool:
    """Whether nothing is trained; BadUsage where modes were named all the same."""
    if tier != "loader":
        return False
    if modes is not None:
        raise BadUsage("--tier loader trains nothing, so it has no --modes")
    return True


def _one_of(option: str, given: str, known: tuple[str, ...]) -> str:
    if given not in known:
        raise BadUsage(f"{option} {given}: choose {' or '.join(known)}")
    return given
