"""Photographs for learning: augmented by timm, mixed in batches, every draw fixed by the epoch.

Letters in shapes: B images in a batch, S pixels along a side, C classes.
"""

from typing import Any

import torch
from torch.utils.data import Dataset, default_collate

from gpubench.bench.learning.asked import Vision
from gpubench.bench.task import Batch
from gpubench.errors import BadUsage
from gpubench.suites.chances import chance_of
from gpubench.suites.images import DEVIATION, MEAN, ImageFile, ImageSet

Chosen = tuple[int, int, list[int]]
"""A batch to be made: the epoch, its number in it, and the indices of its images."""


def augmentation(size: int, vision: Vision) -> Any:
    """Timm's own training transform: a random crop and flip, RandAugment, normalised.

    BadUsage where timm cannot read the notation of RandAugment, which it says by what it raises.
    """
    from timm.data import create_transform

    try:
        return create_transform(
            input_size=size,
            is_training=True,
            auto_augment=vision.rand_augment or None,
            interpolation="bicubic",
            mean=MEAN,
            std=DEVIATION,
        )
    except (AssertionError, LookupError, TypeError, ValueError) as problem:
        said = (str(problem).splitlines() or [type(problem).__name__])[0][:200]
        raise BadUsage(f"--rand-augment {vision.rand_augment[:80]}: {said}") from None


def mixing(vision: Vision, classes: int) -> Any:
    """Timm's Mixup, which also cuts and pastes; None where neither is wanted."""
    if not vision.mixup and not vision.cutmix:
        return None
    from timm.data import Mixup

    return Mixup(
        mixup_alpha=vision.mixup,
        cutmix_alpha=vision.cutmix,
        label_smoothing=vision.label_smoothing,
        num_classes=classes,
    )


class TrainingImages(Dataset[Batch]):
    """Batches to learn from: images (B, 3, S, S) and how much of each class is in them (B, C)."""

    def __init__(
        self, images: tuple[ImageFile, ...], *, size: int, classes: int, vision: Vision, seed: int
    ) -> None:
        self._images = ImageSet(images, size, prepare=augmentation(size, vision))
        self._mixing = mixing(vision, classes)
        self._classes, self._smoothing, self._seed = classes, vision.label_smoothing, seed

    def __getitem__(self, chosen: Chosen) -> Batch:
        """The batch, whose images and mixture follow from the seed, the epoch and their index."""
        epoch, number, indices = chosen
        made = []
        for index in indices:
            with chance_of(self._seed, epoch, "image", index):
                made.append(self._images[index])
        images, labels, replaced = default_collate(made)
        if self._mixing is None:
            return {"images": images, "labels": self._smoothed(labels), "replaced": replaced}
        with chance_of(self._seed, epoch, "batch", number):
            images, mixed = self._mixing(images, labels)
        return {"images": images, "labels": mixed, "replaced": replaced}

    def _smoothed(self, labels: torch.Tensor) -> torch.Tensor:
        low = self._smoothing / self._classes
        spread = torch.full((len(labels), self._classes), low)
        return spread.scatter_(1, labels[:, None], 1 - self._smoothing + low)
