"""A suite of batches of several widths that keeps an account of itself, for jobs in this process.

``model`` may name a fault. What was drawn and trained stands in ``SEEN``.
"""

import dataclasses
import gc
import itertools
import weakref

import torch

REVISION = "1"
WIDTHS = (1, 2, 3, 3, 3, 3, 3, 3)
"""A cycle that begins with every width once, as lengths in buckets do."""


@dataclasses.dataclass
class Seen:
    """What jobs did: batches made, widths trained, batches alive and the most that ever were."""

    made: int = 0
    trained: list = dataclasses.field(default_factory=list)
    alive: int = 0
    most_alive: int = 0

    def keep(self, batch):
        """Count a batch for as long as it lives."""
        self.made += 1
        self.alive += 1
        weakref.finalize(batch["x"], self._gone)
        if self.made % 4 == 0:
            gc.collect()
        self.most_alive = max(self.most_alive, self.alive)

    def _gone(self):
        self.alive -= 1


SEEN = Seen()


class Loss(torch.nn.Module):
    def __init__(self, fault):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.tensor(1.0))
        self.fault, self.is_set_up = fault, False
        self.draws = 0

    def forward(self, x):
        if not torch.compiler.is_compiling():
            SEEN.trained.append(x.shape[1])
        if self.fault == "reads-once" and not self.is_set_up:
            self.is_set_up = bool(self.weight.item() < 10)
        if self.fault == "draws":
            torch.rand(next(DRAWS))
        return ((self.weight * x - 2.0) ** 2).mean()


DRAWS = itertools.count(1)
"""How many random numbers a model takes that draws: never the same."""


class Task:
    batch_size = 2
    learning_rate = 1e-3
    cycle = len(WIDTHS)

    def __init__(self, workload):
        self._rows = workload.batch_size or 2
        self.model = Loss(workload.model)
        self.settings = {"item": "row", "model": "mixture", "layers": 1}

    def batches(self):
        for width in itertools.cycle(WIDTHS):
            batch = {"x": torch.rand(self._rows, width)}
            SEEN.keep(batch)
            yield batch
            del batch

    def data(self):
        return {}

    def meta_batch(self):
        raise NotImplementedError("several shapes")


def survey(workload, scratch):
    return workload, {}


def build(workload, *, exact=False):
    return Task(workload)
