"""A folder of photographs: surveyed once, then read by workers for as long as training asks."""

import concurrent.futures
import dataclasses
import os
import stat
import time
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from PIL import Image
from torch.utils.data import Dataset, default_collate

from gpubench.bench.feed import USUAL_FEED, Feed
from gpubench.bench.strategy import WHOLE, Shard
from gpubench.bench.task import Batch
from gpubench.errors import BadData
from gpubench.suites.delivery import delivered
from gpubench.suites.order import endless_batches

ENDINGS = (".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff", ".ppm", ".pgm")

MEAN = (0.485, 0.456, 0.406)
DEVIATION = (0.229, 0.224, 0.225)
"""Channel statistics of ImageNet, as torchvision and timm use them."""

RESIZE_SHARE = 256 / 224
"""The short side before the centre crop, relative to the crop (the usual 256 for 224)."""

SURVEY_SECONDS = 60.0
"""How long files are decoded before the run; what is left is checked when it is read."""

LONGEST_ASPECT = 50
"""Sides in a ratio beyond this would be resized to gigabytes before the crop (own choice)."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class ImageFile:
    """One file and the index of its label."""

    path: str
    label: int


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Folder:
    """What a folder holds: images by class folder, and files that are no images."""

    images: tuple[ImageFile, ...]
    classes: tuple[str, ...]
    other_files: int


def list_folder(root: str, excluded: frozenset[str] = frozenset()) -> Folder:
    """The images under ``root``: a class per sub-folder, ``.`` for files that lie in no one's.

    BadData where there is no folder or no image in it.
    """
    top = Path(root)
    if not top.is_dir():
        raise BadData(f"{root}: {'not a folder' if top.exists() else 'no such folder'}")
    names = sorted(entry.name for entry in top.iterdir() if _is_class(entry))
    found = {".": sorted(entry for entry in top.iterdir() if not entry.is_dir())}
    found |= {name: _files_below(top / name) for name in names}
    by_class = {name: [p for p in paths if _has_ending(p)] for name, paths in found.items()}
    classes = tuple(name for name, paths in by_class.items() if paths)
    images = tuple(
        ImageFile(path=str(path), label=label)
        for label, name in enumerate(classes)
        for path in by_class[name]
        if str(path) not in excluded
    )
    if not images:
        raise BadData(f"{root}: no readable image in it (looked for {' '.join(ENDINGS)})")
    total = sum(map(len, found.values()))
    return Folder(
        images=images,
        classes=classes,
        other_files=total - sum(map(len, by_class.values())),
    )


def _is_class(entry: Path) -> bool:
    """A folder with a name to be seen, which does not lead back to where it lies."""
    return (
        entry.is_dir()
        and not entry.name.startswith(".")
        and not entry.parent.resolve().is_relative_to(entry.resolve())
    )


def _files_below(folder: Path) -> list[Path]:
    return sorted(Path(place) / name for place, _, names in os.walk(folder) for name in names)


def _has_ending(path: Path) -> bool:
    return path.suffix.lower() in ENDINGS


def survey(root: str) -> tuple[tuple[str, ...], dict[str, Any]]:
    """Decode the files of a folder, as far as the time allows: which are broken, and counts."""
    folder = list_folder(root)
    ends = time.monotonic() + SURVEY_SECONDS

    def problem(image: ImageFile) -> str | None:
        return _problem(image.path) if time.monotonic() < ends else "not reached"

    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        problems = dict(
            zip((i.path for i in folder.images), pool.map(problem, folder.images), strict=True)
        )
    unreached = sum(said == "not reached" for said in problems.values())
    broken = {path: said for path, said in problems.items() if said not in (None, "not reached")}
    if len(broken) == len(folder.images):
        path, said = next(iter(broken.items()))
        raise BadData(f"{root}: none of {len(broken)} images can be read, {path}: {said}")
    return tuple(broken), {
        "classes": len(folder.classes),
        "images_found": len(folder.images),
        "images_decoded": len(folder.images) - len(broken) - unreached,
        "images_unreadable": len(broken),
        "images_not_checked": unreached,
        "other_files": folder.other_files,
        "unreadable": [
            shown(f"{os.path.relpath(path, root)}: {said}")
            for path, said in list(broken.items())[:20]
        ],
    }


def shown(name: str) -> str:
    """A file's name as text, whatever bytes it is made of."""
    return name.encode("utf-8", "replace").decode()


def _problem(path: str) -> str | None:
    """Why an image cannot be decoded, or None."""
    try:
        _decode(path)
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as problem:
        said = str(problem).replace(repr(path), "the file").replace(path, "the file")
        return said or type(problem).__name__
    return None


def _decode(path: str) -> Image.Image:
    """The image as RGB, every pixel read; OSError and its like where the file is damaged."""
    if not stat.S_ISREG(os.stat(path).st_mode):  # noqa: PTH116 - a FIFO would block open()
        raise OSError("not a regular file")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # odd EXIF and palette bytes are no concern of a timing
        with Image.open(path) as image:
            if max(image.size) > LONGEST_ASPECT * min(image.size):
                raise ValueError(f"{image.width} × {image.height} pixels is no photograph's shape")
            return image.convert("RGB")


class ImageSet(Dataset[tuple[torch.Tensor, int, bool]]):
    """Images as normalised tensors (3, size, size), with their label.

    A file that cannot be read after all is replaced by the next one that can, and flagged.
    ``prepare`` makes the tensor of a picture in another way than cutting it to size.
    """

    def __init__(
        self,
        images: tuple[ImageFile, ...],
        size: int,
        *,
        augment: bool = False,
        prepare: Any = None,
    ) -> None:
        from torchvision import transforms

        self.images = images
        cut = (
            [transforms.RandomResizedCrop(size), transforms.RandomHorizontalFlip()]
            if augment
            else [transforms.Resize(round(size * RESIZE_SHARE)), transforms.CenterCrop(size)]
        )
        self._prepare = prepare or transforms.Compose(
            [
                *cut,
                transforms.ToTensor(),
                transforms.Normalize(MEAN, DEVIATION),
            ]
        )

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> tuple[torch.Tensor, int, bool]:
        """The image at ``index``, its label, and whether another had to stand in for it."""
        for distance in range(len(self.images)):
            image = self.images[(index + distance) % len(self.images)]
            try:
                decoded = _decode(image.path)
            except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
                continue
            return self._prepare(decoded), image.label, distance > 0
        raise BadData("none of the images can be read any more")


class ImageBatches(Dataset[list[torch.Tensor]]):
    """Batches of an image set, put together by whoever makes them."""

    def __init__(self, images: ImageSet) -> None:
        self._images = images

    def __getitem__(self, indices: list[int]) -> list[torch.Tensor]:
        """Images (B, 3, size, size), labels (B,), and which had to be replaced (B,)."""
        made: list[torch.Tensor] = default_collate([self._images[index] for index in indices])
        return made


class ImageStream:
    """Endless batches of a folder, and the count of what was read for them."""

    def __init__(
        self,
        images: tuple[ImageFile, ...],
        *,
        size: int,
        batch_size: int,
        seed: int,
        feed: Feed = USUAL_FEED,
        shard: Shard = WHOLE,
    ) -> None:
        self._shard = shard
        self._images = ImageSet(images, size, augment=feed.augment)
        self._batch_size, self._seed, self._feed = batch_size, seed, feed
        self.read = 0
        self.replaced = 0

    def batches(self, *, workers: int) -> Iterator[Batch]:
        """Batches of images (B, 3, size, size) and labels (B,), pinned where there is a GPU."""
        order = self._shard.of(endless_batches(len(self._images), self._batch_size, self._seed))
        made = ImageBatches(self._images)
        for images, labels, replaced in delivered(made, order, self._feed, workers=workers):
            self.read += len(labels)
            self.replaced += int(replaced.sum())
            yield {"images": images, "labels": labels}
