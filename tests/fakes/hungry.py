"""A suite whose step runs out of memory above a batch size: ``model`` is ``above-N``."""

import dataclasses

import torch

REVISION = "1"


class Loss(torch.nn.Module):
    def __init__(self, most):
        super().__init__()
        self.linear = torch.nn.Linear(16, 1)
        self.most = most

    def forward(self, x, y):
        if len(x) > self.most:
            raise torch.cuda.OutOfMemoryError(
                f"CUDA out of memory. Tried to allocate 2.00 GiB for {len(x)} rows"
            )
        return ((self.linear(x) - y) ** 2).mean()


class Task:
    learning_rate = 1e-2

    def __init__(self, workload):
        self.batch_size = workload.batch_size or 4
        most = (workload.model or "above-1000").removeprefix("above-")
        self.model = Loss(int(most))
        self.settings = {"item": "row", "model": "hungry", "layers": 1}

    def batches(self):
        while True:
            x = torch.randn(self.batch_size, 16)
            yield {"x": x, "y": x.sum(1, keepdim=True)}

    def data(self):
        return {}

    def meta_batch(self):
        x = torch.empty(self.batch_size, 16, device="meta")
        return {"x": x, "y": x[:, :1]}


def survey(workload, scratch):
    return dataclasses.replace(workload, labels=("row",)), {"rows": 4}


def build(workload, *, exact=False):
    return Task(workload)
