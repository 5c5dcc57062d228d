"""A suite that computes one layer of 1024 × 1024, or, where it is told to, next to nothing of it.

The operations are counted on the meta device, where all of the work is done. What is skipped is so
much that no noise of a busy machine could make it possible.
"""

import dataclasses

import torch

REVISION = "1"
SIZE = 1024
ROWS = {False: 2**10, True: 2**16}
"""Of a batch that is computed, and of one that is skipped; they all share one row's memory."""


class Loss(torch.nn.Module):
    def __init__(self, skips):
        super().__init__()
        self.linear = torch.nn.Linear(SIZE, SIZE)
        self.skips = skips

    def forward(self, x):
        if self.skips and not x.is_meta:
            x = x[:8]
        return self.linear(x).square().mean()


class Task:
    learning_rate = 1e-4

    def __init__(self, workload):
        torch.manual_seed(workload.seed)
        self.model = Loss(skips=workload.model == "skips")
        self.batch_size = ROWS[self.model.skips]
        self.settings = {"item": "row", "model": "one layer", "layers": 1}

    def batches(self):
        generator = torch.Generator().manual_seed(0)
        while True:
            yield {"x": torch.randn(1, SIZE, generator=generator).expand(self.batch_size, -1)}

    def data(self):
        return {}

    def meta_batch(self):
        return {"x": torch.empty(self.batch_size, SIZE, device="meta")}


def survey(workload, scratch):
    return dataclasses.replace(workload), {}


def build(workload, *, exact=False):
    return Task(workload)
