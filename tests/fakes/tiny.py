"""A suite as small as one can be, for whole child processes: a linear model on seeded numbers."""

import dataclasses
import os
import signal
import time

import torch

from gpubench.bench import proof
from gpubench.errors import BadData
from gpubench.suites.delivery import delivered
from tests.fakes.leaks import rounded

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
        if fault == "gpu":
            pretend_a_gpu()

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


def pretend_a_gpu():
    """Products as a GPU makes them, where NVIDIA's override holds whatever torch says."""
    if os.environ.get("NVIDIA_TF32_OVERRIDE") == "1":
        proof.product = lambda left, right: rounded(left, 10).float() @ rounded(right, 10).float()


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


WORKER_FAULTS = ("hanging-worker", "killed-worker", "starving")
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
        self.model = Loss(workload.model)
        self.settings = {"item": "row", "model": workload.model or "linear", "layers": 1}
        self._fault = workload.model
        self.drawn = 0
        self._feed = workload.feed
        self._from_workers = workload.tier != "resident" and workload.model in WORKER_FAULTS

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
