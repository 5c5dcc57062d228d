"""A suite as small as one can be, for whole child processes: a linear model on seeded numbers."""

import dataclasses
import os
import signal
import time

import torch

from gpubench.errors import BadData

REVISION = "1"


class Loss(torch.nn.Module):
    """Sixteen weights, with the fault of that name built in."""

    def __init__(self, fault):
        super().__init__()
        self.linear = torch.nn.Linear(16, 1)
        self.fault = fault
        self.calls = 0
        if fault == "leak":
            leak()

    def forward(self, x, y):
        loss = ((self.linear(x) - y) ** 2).mean()
        return FAULTS[self.fault](self, loss) if self.fault in FAULTS else loss


def nan(model, loss):
    return loss * float("nan")


def infinite_late(model, loss):
    model.calls += 1
    return loss / 0.0 if model.calls >= 12 else loss


def leak_late(model, loss):
    model.calls += 1
    if model.calls == 5:
        leak()
    return loss


def reads(model, loss):
    return loss * 2 if loss.item() > 1e9 else loss


def lists(model, loss):
    model.last = loss.detach().tolist()
    return loss


FAULTS = {
    "nan": nan,
    "infinite-late": infinite_late,
    "leak-late": leak_late,
    "reads": reads,
    "lists": lists,
}


def leak():
    """What a library does that thinks bfloat16 is good enough for everybody."""
    torch.set_float32_matmul_precision("medium")


SHORT_ROWS = 45
"""Batches before they grow: more than a warm-up of 30 steps draws, fewer than it and a window."""


class Task:
    batch_size = 4
    learning_rate = 1e-2

    def __init__(self, workload):
        torch.manual_seed(workload.seed)
        self.model = Loss(workload.model)
        self.settings = {"item": "row", "model": workload.model or "linear", "layers": 1}
        self._fault = workload.model
        self.drawn = 0

    def batches(self):
        generator = torch.Generator().manual_seed(0)
        if self._fault == "slow-start":
            time.sleep(1)
        while True:
            if self._fault == "killed":
                os.kill(os.getpid(), signal.SIGKILL)
            if self._fault == "memory":
                raise MemoryError("no memory left")
            print("a library that prints")
            self.drawn += 1
            rows = 5 if self._fault == "grows" and self.drawn > SHORT_ROWS else 4
            x = torch.randn(rows, 16, generator=generator)
            yield {"x": x, "y": x.sum(1, keepdim=True)}

    def data(self):
        return {"rows_read": 4}

    def meta_batch(self):
        x = torch.empty(4, 16, device="meta")
        return {"x": x, "y": x[:, :1]}


def survey(workload, scratch):
    if workload.data == "broken":
        raise BadData("rows.txt, line 3: one column")
    return dataclasses.replace(workload, labels=("row",)), {"rows": 4}


def build(workload, *, exact=False):
    return Task(workload)
