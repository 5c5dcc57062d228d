"""One rank of two that train with a gradient scaler; a gradient of rank 1 overflows in one step.

It is that of one matrix of a single row, all of which FSDP gives to the first rank.

Prints the steps that were skipped, and whether the ranks have the same parameters.
"""

import json
import sys

import torch

from gpubench.bench.job import Workload
from gpubench.bench.modes import mode_named
from gpubench.bench.ranks.group import Group, checksum
from gpubench.bench.ranks.spreads import spread_of
from gpubench.bench.strategy import Strategy
from gpubench.bench.training import TrainingStep
from tests.fakes import ranks

STEPS, OVERFLOWS = 6, 3


def main(name):
    group = Group("cpu", 60.0)
    task = ranks.build(Workload(preset="smoke"))
    if group.rank == 1:
        overflow(task.model)
    spread = spread_of(Strategy(name=name, processes_per_node=2), torch.device("cpu"))
    step = TrainingStep(
        task, task.batches(), mode_named("amp-fp16"), torch.device("cpu"), spread=spread
    )
    step.scaler = torch.amp.GradScaler("cpu", init_scale=2.0)  # nothing else overflows
    for _ in range(STEPS):
        step()
    said = {"skipped": step.skipped_steps(), "parameters": checksum(step.model)}
    told = [json.loads(text) for text in group.gathered(json.dumps(said))]
    group.leave()
    if group.rank == 0:
        print(json.dumps(told))


def overflow(model):
    """Make the gradient infinite in one step."""
    plain, calls = model.forward, []

    def forward(**batch):
        calls.append(1)
        loss = plain(**batch)
        infinite = model.linear.weight.sum() * float("inf")
        return loss + infinite if len(calls) == OVERFLOWS else loss

    model.forward = forward


if __name__ == "__main__":
    main(sys.argv[1])
