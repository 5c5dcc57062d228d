"""The suite of sixteen weights, with faults of single ranks; a fault is named in place of a model.

``fault@1`` is done by rank 1 alone, from its tenth step on.
"""

import os
import signal
import time

import torch

from tests.fakes import tiny

REVISION = "1"
FIRST_STEP = 10
SLOW_SECONDS = 0.02


def killed(model, loss):
    os.kill(os.getpid(), signal.SIGKILL)
    return loss


def raises(model, loss):
    raise ValueError("a model that broke")


def memory(model, loss):
    raise MemoryError("no memory left")


def hangs(model, loss):
    time.sleep(600)
    return loss


def slow(model, loss):
    time.sleep(SLOW_SECONDS)
    return loss


def diverges(model, loss):
    model.linear.weight.data.add_(0.01)  # behind the back of autograd, which would refuse it
    return loss


FAULTS = {one.__name__: one for one in (killed, raises, memory, hangs, slow, diverges)}


class Loss(torch.nn.Module):
    """Sixteen weights in two alike blocks of which one does nothing, so that FSDP has some."""

    def __init__(self, fault):
        super().__init__()
        self.linear = torch.nn.Linear(16, 1)
        self.blocks = torch.nn.ModuleList(torch.nn.Linear(16, 16) for _ in range(2))
        name, _, rank = (fault or "").partition("@")
        self.fault = FAULTS[name] if rank == os.environ.get("RANK", "alone") else None
        self.calls = 0

    def forward(self, x, y):
        for block in self.blocks:
            x = x + block(x)
        self.calls += 1
        loss = ((self.linear(x) - y) ** 2).mean()
        faulty = self.fault is not None and self.calls >= FIRST_STEP
        return self.fault(self, loss) if faulty else loss


class Task(tiny.Task):
    def __init__(self, workload):
        super().__init__(workload)
        torch.manual_seed(workload.seed)
        self.model = Loss(workload.model)
        self._shard = workload.shard

    def batches(self):
        return self._shard.of(super().batches())


survey = tiny.survey


def build(workload, *, exact=False):
    return Task(workload)
