"""What a rank's own work takes: the same step without exchange, and the optimizer by itself.

In a step all ranks wait for each other, so its time is the same on all. Which rank makes the others
wait shows where nothing is exchanged: forward and backward of as many batches as a step has.
"""

import math
import statistics
from typing import Any

from gpubench.bench import cuda
from gpubench.bench.ranks.group import Group
from gpubench.bench.ranks.spreads import Spread
from gpubench.bench.steps import time_window
from gpubench.bench.training import TrainingStep
from gpubench.units import Seconds

PASS_SECONDS = 0.5
FEWEST_STEPS, MOST_STEPS = 3, 20
"""The pass fills about so many seconds within so many steps (own choice)."""


def alone(
    step: TrainingStep, spread: Spread, group: Group, step_seconds: Seconds
) -> dict[str, Any]:
    """Seconds of forward and backward, and of the optimizer, by this rank without the others.

    Afterwards the ranks' parameters are no longer those of one model. Where it cannot be told,
    all ranks say why: one of them that computes alone would wait for ever.
    """
    wanted = math.ceil(PASS_SECONDS / max(step_seconds, 1e-6))
    steps = max(FEWEST_STEPS, min(MOST_STEPS, wanted))
    clock = cuda.clock_of(group.device)
    optimizer = time_window(step.optimizer.step, clock, steps=steps)
    unread = group.first(spread.unread(step.model, group.device))
    if unread is not None:
        return {"alone_unread": unread, "optimizer_seconds": _median(optimizer.step_seconds)}

    def gradients() -> None:
        step.optimizer.zero_grad(set_to_none=True)
        step.gradients()

    with spread.silent(step.model):
        gradients()  # what was sharded is gathered here
        group.wait()
        own = time_window(gradients, clock, steps=steps)
    return {
        "alone_seconds": _median(own.step_seconds),
        "optimizer_seconds": _median(optimizer.step_seconds),
    }


def _median(seconds: tuple[Seconds, ...]) -> float:
    return statistics.median(seconds)
