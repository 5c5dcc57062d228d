"""The options of ``gpubench run`` that say how batches come to the step."""

import dataclasses
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, cast, get_args

from gpubench.errors import BadUsage
from gpubench.suites.registry import suite_named

if TYPE_CHECKING:
    from gpubench.bench.job import Workload
    from gpubench.bench.record import Plan

OF_FILES = ("lengths", "long", "augment")
"""Fields of a feed, and options, that say how files are read."""


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


def hold_feed(plan: "Plan") -> None:
    """BadUsage where an option of reading means nothing to any suite of the plan."""
    from gpubench.bench.feed import USUAL_FEED

    means = {field for suite in plan.suites for field in suite_named(suite).feeding}
    for field in OF_FILES:
        if getattr(plan.feed, field) != getattr(USUAL_FEED, field) and field not in means:
            raise BadUsage(f"--{field} means nothing to {', '.join(plan.suites)}")


def own_feed(workload: "Workload", suite: str) -> "Workload":
    """The workload without the ways of reading that mean nothing to the suite."""
    from gpubench.bench.feed import USUAL_FEED

    foreign = [field for field in OF_FILES if field not in suite_named(suite).feeding]
    usual: dict[str, Any] = {field: getattr(USUAL_FEED, field) for field in foreign}
    return dataclasses.replace(workload, feed=dataclasses.replace(workload.feed, **usual))


def hold_training(plan: "Plan", given: Mapping[str, bool]) -> None:
    """BadUsage where options of training are given and no suite trains."""
    if any(suite_named(suite).trains for suite in plan.suites):
        return
    for option, is_given in given.items():
        if is_given:
            raise BadUsage(
                f"{option} is of training, and {', '.join(plan.suites)} only measures the machine"
            )


def without_modes(tier: str, modes: str | None, precision: str | None = None) -> bool:
    """Whether nothing is trained; BadUsage where something of training was asked all the same."""
    if tier != "loader":
        return False
    if modes is not None:
        raise BadUsage("--tier loader trains nothing, so it has no --modes")
    if precision not in (None, "none"):
        raise BadUsage(
            "--tier loader has as many processes as --processes says; --precision is of training"
        )
    return True


def _one_of(option: str, given: str, known: tuple[str, ...]) -> str:
    if given not in known:
        raise BadUsage(f"{option} {given}: choose {' or '.join(known)}")
    return given
