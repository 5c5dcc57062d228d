"""A learner as small as one can be: a linear model with dropout on seeded rows."""

import os
import random
import signal
from pathlib import Path

import torch

from gpubench.bench.learning.learner import Exported

ROWS, WIDTH = 40, 8
BATCH = 8


class Loss(torch.nn.Module):
    def __init__(self, width, fault):
        super().__init__()
        self.linear = torch.nn.Linear(width, 1)
        self.dropout = torch.nn.Dropout(0.5)
        self.fault, self.calls = fault, 0

    def forward(self, x, y):
        self.calls += 1
        loss = ((self.dropout(self.linear(x)) - y) ** 2).mean()
        if self.fault == "nan" and self.calls == 7:
            return loss * float("nan")
        if self.fault == "killed" and self.calls == 13:
            os.kill(os.getpid(), signal.SIGKILL)
        return loss


class Learner:
    """``workload.model`` names a fault, or the width of another model."""

    learning_rate = 1e-2
    batches_per_epoch = ROWS // BATCH

    def __init__(self, workload, training):
        self.workload, self.training = workload, training
        torch.manual_seed(workload.seed)
        wide = workload.model == "wide"
        self.width = 2 * WIDTH if wide else WIDTH
        self.model = Loss(self.width, workload.model)
        self.settings = {"item": "row", "model": "linear", "layers": 1, "batch_size": BATCH}
        self.survey = {"sentences": ROWS}
        self.fingerprint = {"suite": "fake", "seed": workload.seed}

    def parameter_groups(self):
        return [{"params": list(self.model.parameters())}]

    def epoch(self, number, start):
        order = list(range(ROWS))
        random.Random(f"{self.workload.seed} {number}").shuffle(order)
        torch.rand(3)  # a loader that draws random numbers must not move those of training
        for at in range(start * BATCH, ROWS, BATCH):
            x = torch.stack([self._row(index) for index in order[at : at + BATCH]])
            yield {"x": x, "y": x.sum(1, keepdim=True)}
            if self.training.stop and self.stops(number, at // BATCH):
                Path(self.training.stop).touch()

    def stops(self, epoch, batch):
        return self.workload.model == "stops" and (epoch, batch) == (1, 2)

    def _row(self, index):
        return torch.randn(self.width, generator=torch.Generator().manual_seed(index))

    def evaluate(self, device, computing):
        torch.rand(5)  # nor must a judgement
        with computing():
            weight = self.model.linear.weight.mean().item()
        return {"scores": {"f1": max(0.0, min(1.0, weight))}, "by_type": [], "items": 3}

    def exported(self):
        return Exported(
            module=self.model.linear, inputs=(torch.randn(2, self.width),), names=("input",)
        )


def learner(workload, training, scratch):
    return Learner(workload, training)
