"""Chance that follows from a name alone, whoever draws and whatever was drawn before."""

import contextlib
import random
import zlib
from collections.abc import Iterator

import numpy
import torch


@contextlib.contextmanager
def chance_of(*name: object) -> Iterator[None]:
    """Inside, all generators that augmentation draws from begin at a seed made of the name.

    timm and torchvision draw from Python's, numpy's and torch's own; all go on as before
    afterwards.
    """
    seed = zlib.crc32(" ".join(map(str, name)).encode())
    python, numbers = random.getstate(), numpy.random.get_state()
    with torch.random.fork_rng(devices=[]):
        random.seed(seed)
        numpy.random.seed(seed)
        torch.manual_seed(seed)
        try:
            yield
        finally:
            random.setstate(python)
            numpy.random.set_state(numbers)
