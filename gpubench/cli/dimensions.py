"""The options of ``run`` that set or sweep a dimension: batch size, sequence length, image size."""

import dataclasses
from typing import TYPE_CHECKING

from gpubench.errors import BadUsage
from gpubench.suites.registry import suite_named

if TYPE_CHECKING:
    from gpubench.bench.record import Plan
    from gpubench.bench.sweep import Sweep

AUTO = "auto"


def batch_asked(text: str | None) -> tuple[int | None, bool]:
    """The batch size asked for, and whether it is to be found."""
    from gpubench.bench.sweep import whole_number

    if text is None:
        return None, False
    if text == AUTO:
        return None, True
    size = whole_number(text, least=1)
    if size is None:
        raise BadUsage(f"--batch-size {text[:20]}: give a whole number of 1 or more, or auto")
    return size, False


def with_sweep(plan: "Plan", asked: str | None, *, batch_search: bool) -> "Plan":
    """The plan with what is varied in it; BadUsage where the options do not go together."""
    from gpubench.bench.sweep import DIMENSIONS, Sweep

    for name, dimension in DIMENSIONS.items():
        if getattr(plan, dimension.field) is not None:
            _hold_for_one(plan, name)
    if batch_search:
        _hold_for_one(plan, "batch-size")
    if plan.tier == "loader":
        _hold_untrained(sweep=asked is not None, search=batch_search, plan=plan)
    plan = dataclasses.replace(plan, batch_search=batch_search)
    if asked is None:
        return plan
    sweep = Sweep.parse(asked)
    _hold_for_all(plan, sweep)
    return dataclasses.replace(plan, sweep=sweep, variants=sweep.variants)


def _hold_untrained(plan: "Plan", *, sweep: bool, search: bool) -> None:
    """The input pipeline alone takes no steps, so nothing of a step can be asked of it."""
    given = {
        "--sweep": sweep,
        "--batch-size auto": search,
        "--accumulation": plan.accumulation > 1,
    }
    for option, is_given in given.items():
        if is_given:
            raise BadUsage(f"{option} is of training, and --tier loader trains nothing")


def _hold_for_one(plan: "Plan", name: str) -> None:
    """An option must mean something to one of the suites."""
    if not any(name in suite_named(suite).dimensions for suite in plan.suites):
        raise BadUsage(f"--{name} means nothing to {', '.join(plan.suites)}")


def _hold_for_all(plan: "Plan", sweep: "Sweep") -> None:
    """A sweep must mean something to every suite, and its dimension is set nowhere else."""
    name = sweep.dimension
    for suite in plan.suites:
        known = suite_named(suite).dimensions
        if name not in known:
            others = f"it can sweep {', '.join(known)}" if known else "leave it out"
            raise BadUsage(f"--sweep {name}: {suite} has none; {others}")
    if getattr(plan, sweep.field) is not None:
        raise BadUsage(f"--sweep {name} and --{name} both set it; leave one out")
    if name == "sequence-length" and plan.feed.lengths == "bucketed":
        raise BadUsage(
            "--sweep sequence-length pads every sentence to the length it names, and "
            "--lengths bucketed to several below it; leave one out"
        )
    if name == "batch-size" and plan.batch_search:
        raise BadUsage("--sweep batch-size and --batch-size auto both set it; leave one out")
