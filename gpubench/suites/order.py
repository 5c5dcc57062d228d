"""The order in which a data set is read: every item once per epoch, shuffled by a seed."""

import random
from collections.abc import Iterator


def endless_batches(items: int, batch_size: int, seed: int) -> Iterator[list[int]]:
    """Batches of indices below ``items`` without end.

    Batches run across the end of an epoch, so all have ``batch_size`` indices and no item is
    left out of any epoch.
    """
    indices = endless_indices(items, seed)
    while True:
        yield [next(indices) for _ in range(batch_size)]


def endless_indices(items: int, seed: int) -> Iterator[int]:
    """Indices below ``items`` without end, each once per epoch."""
    source = random.Random(seed)  # noqa: S311 - an order, not a secret
    while True:
        epoch = list(range(items))
        source.shuffle(epoch)
        yield from epoch
