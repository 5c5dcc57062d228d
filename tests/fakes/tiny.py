"""A suite as small as one can be, for whole child processes: a linear model on seeded numbers."""

import dataclasses
import os
import signal
import time

import torch

from gpubench.errors import BadData

REVISION = "1"


class Loss(torch.nn.Module):
    def __init__(self, nan):
        super().__init__()
        self.linear = torch.nn.Linear(16, 1)
        self.nan = nan

    def forward(self, x, y):
        loss = ((self.linear(x) - y) ** 2).mean()
        return loss * float("nan") if self.nan else loss


class Task:
    batch_size = 4
    learning_rate = 1e-2

    def __init__(self, workload):
        torch.manual_seed(workload.seed)
        self.model = Loss(nan=workload.model == "nan")
        self.settings = {"item": "row", "model": workload.model or "linear", "layers": 1}
        self._fault = workload.model

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
            x = torch.randn(4, 16, generator=generator)
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
