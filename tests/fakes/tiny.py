"""A suite as small as one can be, for whole child processes: a linear model on seeded numbers."""

import dataclasses
import os
import signal
import time

import torch

from gpubench.errors import BadData
from gpubench.suites.delivery import delivered

REVISION = "1"


class Loss(torch.nn.Module):
    def __init__(self, nan):
        super().__init__()
        self.linear = torch.nn.Linear(16, 1)
        self.nan = nan

    def forward(self, x, y):
        loss = ((self.linear(x) - y) ** 2).mean()
        return loss * float("nan") if self.nan else loss


FAULTS = ("hanging-worker", "killed-worker", "starving")
"""Faults of the workers that make the batches, named in place of a model."""


class Rows(torch.utils.data.Dataset):
    """Batches made by workers; from the sixth on the fault shows."""

    def __init__(self, fault):
        self.fault = fault

    def __getitem__(self, index):
        if self.fault == "starving":
            time.sleep(0.02)
        if index > 5 and torch.utils.data.get_worker_info() is not None:
            if self.fault == "hanging-worker":
                time.sleep(600)
            if self.fault == "killed-worker":
                os.kill(os.getpid(), signal.SIGKILL)
        x = torch.randn(4, 16, generator=torch.Generator().manual_seed(index))
        return {"x": x, "y": x.sum(1, keepdim=True)}


class Task:
    batch_size = 4
    learning_rate = 1e-2

    def __init__(self, workload):
        torch.manual_seed(workload.seed)
        self.model = Loss(nan=workload.model == "nan")
        self.settings = {"item": "row", "model": workload.model or "linear", "layers": 1}
        self._fault = workload.model
        self._feed = workload.feed
        self._from_workers = workload.tier != "resident" and workload.model in FAULTS

    def contents(self, batch):
        return {"padded_tokens": 4, "real_tokens": 3}

    def batches(self):
        if self._from_workers:
            feed = self._feed
            order = iter(range(10**6))
            yield from delivered(Rows(self._fault), order, feed, workers=feed.processes)
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
