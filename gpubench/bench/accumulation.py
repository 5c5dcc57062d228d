"""Gradient accumulation: several batches make one step, as if they were one large batch.

The loss of a batch is a mean. The mean over all batches of a step weighs each by the number of
terms its own mean has: images weigh the same, sentences by their labelled tokens. A plain mean of
means would train something else than the large batch does, wherever labels are ignored.
"""

import itertools
from collections.abc import Callable, Iterable, Iterator
from typing import TypeAlias

import torch

from gpubench.bench.task import Batch

Share: TypeAlias = torch.Tensor | float | None
"""A batch's part of the step's loss; None stands for all of it."""


class Portions:
    """The batches of each step with their shares; ``terms`` counts the terms of a batch's loss.

    With ``terms``, all batches of a step are drawn before the first is trained, since a share
    depends on all; without, each is drawn when its turn comes.
    """

    def __init__(self, accumulation: int, terms: Callable[[Batch], torch.Tensor] | None) -> None:
        self._count, self._terms = accumulation, terms

    def of(self, batches: Iterator[Batch]) -> Iterable[tuple[Batch, Share]]:
        """The next step's batches; nothing is read back from the device."""
        if self._count == 1:
            return [(next(batches), None)]
        drawn = itertools.islice(batches, self._count)
        if self._terms is None:
            return ((batch, 1 / self._count) for batch in drawn)
        together = list(drawn)
        terms = torch.stack([self._terms(batch) for batch in together]).float()
        return zip(together, (terms / terms.sum()).unbind(), strict=True)


def portion_of(loss: torch.Tensor, share: Share) -> torch.Tensor:
    """A batch's loss as its part of the step's; nothing where no term of it counts.

    The mean of no terms is not a number, though its gradients are zero.
    """
    if share is None:
        return loss
    if isinstance(share, float):
        return loss * share
    return torch.where(share > 0, loss * share, 0.0)


def keep_gradients(model: torch.nn.Module) -> None:
    """Give every parameter a gradient of zeros that is added to in place from here on.

    A CUDA graph answers gradients in memory that its next replay writes again: the first batch's
    would be lost when the second is trained, if they were taken over as they are.
    """
    for parameter in model.parameters():
        if parameter.requires_grad:
            parameter.grad = torch.zeros_like(parameter)
