"""DeiT image classification: timm's model, cross-entropy, AdamW; photographs or seeded noise.

Letters in shapes: B images in a batch, S pixels along a side, C classes.
"""

import dataclasses
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import timm
import torch

from gpubench.bench.job import Workload, public_name
from gpubench.bench.task import Batch
from gpubench.errors import BadUsage, UnknownName
from gpubench.suites import hub_data, images, seeded_files
from gpubench.suites.exact import switch_off_dropout
from gpubench.suites.hub_names import is_data_name

REVISION = "1"
"""Raised whenever a change here changes what is trained; records of two revisions differ."""

DEFAULT_MODEL = "deit_small_patch16_224"
CLASSES = 1000
BATCH_SIZE = {"smoke": 8, "standard": 32, "procurement": 256}
LEARNING_RATE = 1e-4

SMOKE_MODEL = "deit_tiny_patch16_224"
SMOKE_DEPTH, SMOKE_SIZE, SMOKE_CLASSES = 2, 96, 10
"""What `smoke` trains: few enough operations for two CPU cores (own choice)."""


class ClassifierLoss(torch.nn.Module):
    """A classifier that answers its own cross-entropy."""

    def __init__(self, classifier: torch.nn.Module) -> None:
        super().__init__()
        self.classifier = classifier

    def forward(self, images: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        """The mean loss of images (B, 3, S, S) with labels (B,)."""
        logits = self.classifier(images)  # (B, C)
        return torch.nn.functional.cross_entropy(logits, labels)


class DeitTask:
    """A DeiT with its images, ready to be trained."""

    learning_rate = LEARNING_RATE

    def __init__(self, workload: Workload, *, exact: bool) -> None:
        self._workload = workload
        smoke = workload.preset == "smoke"
        self.batch_size = workload.batch_size or BATCH_SIZE[workload.preset]
        self._size = workload.image_size or (SMOKE_SIZE if smoke else 224)
        self._classes = max(SMOKE_CLASSES if smoke else CLASSES, len(workload.labels))
        name = workload.model or (SMOKE_MODEL if smoke else DEFAULT_MODEL)
        depth = {"depth": SMOKE_DEPTH} if smoke else {}
        torch.manual_seed(workload.seed)
        self.model = ClassifierLoss(model(name, self._size, self._classes, depth))
        if exact:
            switch_off_dropout(self.model)
        self._stream: images.ImageStream | None = None
        self.settings: Mapping[str, Any] = {
            "item": "image",
            "model": public_name(name),
            "layers": SMOKE_DEPTH if smoke else len(getattr(self.model.classifier, "blocks", [])),
            "image_size": self._size,
            "tokens": _tokens(self.model.classifier),
            "classes": self._classes,
            "weights": "random" if ":" not in name else "pretrained",
            "optimizer": f"AdamW, learning rate {LEARNING_RATE:g}",
            "data": _data_name(workload),
            **({"augment": workload.feed.augment} if workload.data else {}),
        }

    def batches(self) -> Iterator[Batch]:
        """Photographs of the data folder, or seeded noise."""
        if self._workload.data is None:
            return self._workload.shard.of(self._noise())
        folder = images.list_folder(self._workload.data, frozenset(self._workload.excluded))
        self._stream = images.ImageStream(
            folder.images,
            size=self._size,
            batch_size=self.batch_size,
            seed=self._workload.seed,
            feed=self._workload.feed,
            shard=self._workload.shard,
        )
        resident = self._workload.tier == "resident"
        return self._stream.batches(workers=0 if resident else self._workload.feed.processes)

    def _noise(self) -> Iterator[Batch]:
        generator = torch.Generator().manual_seed(self._workload.seed)
        shape = (self.batch_size, 3, self._size, self._size)
        while True:
            yield {
                "images": torch.randn(shape, generator=generator),
                "labels": torch.randint(self._classes, shape[:1], generator=generator),
            }

    def data(self) -> Mapping[str, Any]:
        """Images read from files, and how many were replaced because theirs broke meanwhile."""
        if self._stream is None:
            return {}
        return {"images_read": self._stream.read, "images_replaced": self._stream.replaced}

    def meta_batch(self) -> Batch:
        """Shapes alone."""
        shape = (self.batch_size, 3, self._size, self._size)
        return {
            "images": torch.empty(shape, device="meta"),
            "labels": torch.empty(shape[:1], dtype=torch.long, device="meta"),
        }


def survey(workload: Workload, scratch: str) -> tuple[Workload, Mapping[str, Any]]:
    """Decode the data folder's images once: which to leave out, and what was found."""
    if workload.data is None and workload.tier == "resident":
        return workload, {}
    place = files(workload.data, Path(scratch), workload.seed)
    broken, found = images.survey(place)
    classes = images.list_folder(place, frozenset(broken)).classes
    surveyed = dataclasses.replace(
        workload,
        data=place,
        made=workload.data is None,
        excluded=broken,
        labels=tuple(map(images.shown, classes)),
    )
    return surveyed, found


def files(data: str | None, scratch: Path, seed: int) -> str:
    """Where the photographs lie as files: those given, a hub's, or seeded ones."""
    if data is None:
        return seeded_files.photographs(scratch, seed)
    if is_data_name(data):
        return hub_data.photographs(data, scratch / "hub")
    return data


def _data_name(workload: Workload) -> str:
    if workload.made:
        return "seeded photographs"
    return "seeded noise" if workload.data is None else "image folder"


def build(workload: Workload, *, exact: bool = False) -> DeitTask:
    """The task of one process."""
    return DeitTask(workload, exact=exact)


def _tokens(classifier: torch.nn.Module) -> int | None:
    """What an image becomes inside: its patches and the tokens before them, if it has patches."""
    patches = getattr(getattr(classifier, "patch_embed", None), "num_patches", None)
    return patches and int(patches) + int(getattr(classifier, "num_prefix_tokens", 0))


def model(name: str, size: int, classes: int, depth: dict[str, int]) -> torch.nn.Module:
    """Timm's model of that name; what stands behind a colon is a hub's, with its weights."""
    if ":" not in name and not timm.is_model(name):
        raise UnknownName("timm model", name, timm.list_models("deit*") + timm.list_models("vit*"))
    try:
        return timm.create_model(
            name, pretrained=":" in name, num_classes=classes, img_size=size, **depth
        )
    except (TypeError, AssertionError, ValueError) as problem:
        raise BadUsage(f"timm cannot build {name} at {size} pixels: {problem}") from None
    except (OSError, RuntimeError) as problem:
        raise BadUsage(f"cannot load {name}: {str(problem).splitlines()[0]}") from None
