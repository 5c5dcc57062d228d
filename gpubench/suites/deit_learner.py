"""DeiT that learns to name photographs: timm's model, augmentation and layer-wise decay; a teacher.

Letters in shapes: B images in a batch, S pixels along a side, C classes.
"""

import dataclasses
import hashlib
import json
import os
import random
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch

from gpubench.bench.feeding import moved
from gpubench.bench.job import Workload, public_name
from gpubench.bench.learning.asked import HELD_OUT, Training
from gpubench.bench.learning.learner import Computing, Exported
from gpubench.bench.task import Batch
from gpubench.errors import BadData, BadUsage
from gpubench.suites import deit, hub_data, images, seeded_pictures
from gpubench.suites.delivery import delivered
from gpubench.suites.hub_names import is_data_name
from gpubench.suites.images import ImageBatches, ImageFile, ImageSet
from gpubench.suites.teachers import Student, teacher_named
from gpubench.suites.training_images import TrainingImages, augmentation

WEIGHT_DECAY = 0.05
"""DeiT's own."""

SMALL_LEARNING_RATE = 1e-3
"""A network this small, from random weights, needs larger steps to learn in so few."""

MOST_CLASSES_SHOWN = 50


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Photographs:
    """What is trained on and what is judged by, with what was found when they were read."""

    trained: tuple[ImageFile, ...]
    judged: tuple[ImageFile, ...]
    classes: tuple[str, ...]
    digest: str
    survey: Mapping[str, Any]


def learner(workload: Workload, training: Training, scratch: str) -> "DeitLearner":
    """The learner of a workload: its photographs found, its model and teacher built."""
    return DeitLearner(workload, training, photographs(workload, training, Path(scratch)))


def photographs(workload: Workload, training: Training, scratch: Path) -> Photographs:
    """The folders, less what cannot be read; a share is held out where none is named."""
    place, validation = _places(workload, training, scratch)
    broken, found = _survey(place, Path(training.checkpoint), training)
    folder = images.list_folder(place, frozenset(broken))
    if validation is None:
        trained, judged = _held_out(folder.images, workload.seed)
    else:
        trained, judged = folder.images, _judged(validation, folder)
    return Photographs(
        trained=trained,
        judged=judged,
        classes=tuple(map(images.shown, folder.classes)),
        digest=_digest(place, trained, judged),
        survey=found,
    )


def _places(workload: Workload, training: Training, scratch: Path) -> tuple[str, str | None]:
    if workload.data is None:
        if training.validation is not None:
            raise BadUsage("--validation judges what was learnt from --data: name that, too")
        return seeded_pictures.write(scratch, workload.seed)
    validation = training.validation
    if is_data_name(validation):
        validation = hub_data.photographs(str(validation), scratch / "validation")
    return deit.files(workload.data, scratch, workload.seed), validation


def _survey(
    place: str, checkpoints: Path, training: Training
) -> tuple[tuple[str, ...], Mapping[str, Any]]:
    """Which files cannot be read; a training that is gone on with leaves out the same ones."""
    kept = checkpoints / "unreadable.json"
    if training.resume and kept.is_file():
        try:
            told = json.loads(kept.read_text(encoding="utf-8"))
            return tuple(os.path.join(place, p) for p in told["files"]), told["found"]  # noqa: PTH118
        except (OSError, ValueError, LookupError, TypeError) as problem:
            raise BadData(f"{kept} cannot be read: {problem}") from None
    broken, found = images.survey(place)
    checkpoints.mkdir(parents=True, exist_ok=True)
    files = [os.path.relpath(path, place) for path in broken]
    part = kept.with_suffix(".part")
    part.write_text(json.dumps({"files": files, "found": found}), encoding="utf-8")
    part.replace(kept)  # whole or not at all
    return broken, found


def _held_out(
    files: tuple[ImageFile, ...], seed: int
) -> tuple[tuple[ImageFile, ...], tuple[ImageFile, ...]]:
    order = list(range(len(files)))
    random.Random(seed).shuffle(order)  # noqa: S311 - an order, not a secret
    held = max(1, round(HELD_OUT * len(order)))
    if held == len(order):
        raise BadData("one photograph alone cannot be trained on and judged by; add others")
    judged = frozenset(order[:held])
    return (
        tuple(image for at, image in enumerate(files) if at not in judged),
        tuple(image for at, image in enumerate(files) if at in judged),
    )


def _judged(validation: str, folder: images.Folder) -> tuple[ImageFile, ...]:
    """The photographs to judge by, with the numbers that their classes have in training."""
    broken, _ = images.survey(validation)
    found = images.list_folder(validation, frozenset(broken))
    foreign = [name for name in found.classes if name not in folder.classes]
    if foreign:
        raise BadData(
            f"{validation}: --data has no class {', '.join(map(images.shown, foreign))[:200]}"
        )
    number = {at: folder.classes.index(name) for at, name in enumerate(found.classes)}
    return tuple(dataclasses.replace(i, label=number[i.label]) for i in found.images)


def _digest(place: str, *parts: tuple[ImageFile, ...]) -> str:
    """The first 16 digits of SHA-256 over names, labels and sizes of the files."""
    digest = hashlib.sha256()
    for part in parts:
        for image in part:
            name = os.path.relpath(image.path, place) if image.path.startswith(place) else (
                Path(image.path).name
            )  # fmt: skip
            size = Path(image.path).stat().st_size
            digest.update(f"{name}\0{image.label}\0{size}\n".encode("utf-8", "surrogateescape"))
        digest.update(b"\n")
    return digest.hexdigest()[:16]


class DeitLearner:
    """A DeiT with photographs to learn from and photographs to be judged by."""

    def __init__(self, workload: Workload, training: Training, found: Photographs) -> None:
        smoke = workload.preset == "smoke"
        self._workload, self._found, self._vision = workload, found, training.vision
        self._size = workload.image_size or (deit.SMOKE_SIZE if smoke else 224)
        distilled = training.vision.distillation != "none"
        self._name = workload.model or _usual_model(smoke=smoke, distilled=distilled)
        is_small = smoke and workload.model is None
        usual = SMALL_LEARNING_RATE if is_small else deit.LEARNING_RATE
        asked = training.learning_rate
        self.learning_rate = usual if asked is None else asked
        augmentation(self._size, self._vision)  # refused before anything is trained
        self._batch_size = _batch_size(workload, len(found.trained))
        self.batches_per_epoch = len(found.trained) // self._batch_size
        self._depth = {"depth": deit.SMOKE_DEPTH} if is_small else {}
        teacher = _teacher(training, self._size, found.classes)
        torch.manual_seed(workload.seed)
        classifier = deit.model(self._name, self._size, len(found.classes), self._depth)
        if distilled and not hasattr(classifier, "set_distilled_training"):
            raise BadUsage(f"{self._name} has no distillation token; choose a distilled variant")
        self.model = Student(classifier, distillation=training.vision.distillation, teacher=teacher)
        self.settings = self._settings(training)
        self.survey = self._survey()
        self.fingerprint = self._fingerprint()

    def _settings(self, training: Training) -> Mapping[str, Any]:
        vision = dataclasses.asdict(training.vision)
        if vision["teacher"] is not None:
            vision["teacher"] = public_name(vision["teacher"])
        return {
            "item": "image",
            "model": public_name(self._name),
            "layers": len(getattr(self.model.classifier, "blocks", [])),
            "image_size": self._size,
            "classes": len(self._found.classes),
            "weights": "pretrained" if ":" in self._name else "random",
            "batch_size": self._batch_size,
            "learning_rate": self.learning_rate,
            "weight_decay": WEIGHT_DECAY,
            "schedule": training.schedule,
            **vision,
            "data": "seeded pictures" if self._workload.data is None else "image folder",
            "validation": "given" if training.validation or self._workload.data is None
            else f"{HELD_OUT:.0%} of the images, held out by the seed",
        }  # fmt: skip

    def _survey(self) -> Mapping[str, Any]:
        found = self._found
        return {
            **found.survey,
            "items_name": "image",
            "images": len(found.trained),
            "validation_images": len(found.judged),
        }

    def _fingerprint(self) -> dict[str, Any]:
        names = ("model", "layers", "image_size", "batch_size", "learning_rate", "schedule",
                 "distillation", "teacher", "layer_decay", "rand_augment", "mixup", "cutmix",
                 "label_smoothing")  # fmt: skip
        return {
            "suite": "deit",
            "revision": deit.REVISION,
            "seed": self._workload.seed,
            "classes": list(self._found.classes),
            "photographs": self._found.digest,
            **{name: self.settings[name] for name in names},
        }

    # -- what is learnt ----------------------------------------------------------------------------

    def parameter_groups(self) -> list[dict[str, Any]]:
        """Timm's groups by layer: the earlier a layer, the smaller its steps.

        What the model names is not decayed (DeiT's positions and tokens), nor any vector.
        """
        from timm.optim import param_groups_layer_decay

        classifier = self.model.classifier
        groups = param_groups_layer_decay(
            classifier,
            WEIGHT_DECAY,
            no_weight_decay_list=getattr(classifier, "no_weight_decay", tuple)(),
            layer_decay=self._vision.layer_decay,
        )
        return [
            {
                "params": group["params"],
                "weight_decay": group["weight_decay"],
                "lr": self.learning_rate * group.get("lr_scale", 1.0),
            }
            for group in groups
        ]

    def epoch(self, number: int, start: int) -> Iterator[Batch]:
        """Whole batches of the shuffled photographs; the few that are left over wait."""
        order = list(range(len(self._found.trained)))
        random.Random(f"{self._workload.seed} {number}").shuffle(order)  # noqa: S311 - an order
        size = self._batch_size
        chosen = [
            (number, at, order[at * size : (at + 1) * size])
            for at in range(start, self.batches_per_epoch)
        ]
        made = TrainingImages(
            self._found.trained,
            size=self._size,
            classes=len(self._found.classes),
            vision=self._vision,
            seed=self._workload.seed,
        )
        feed = self._workload.feed
        for batch in delivered(made, chosen, feed, workers=feed.workers or 0):
            yield {"images": batch["images"], "labels": batch["labels"]}

    # -- how good it is ----------------------------------------------------------------------------

    def evaluate(self, device: torch.device, computing: Computing) -> Mapping[str, Any]:
        """Top-1 over photographs resized and cropped as they are, one class against the others."""
        judged, size = self._found.judged, self._batch_size
        made = ImageBatches(ImageSet(judged, self._size))
        chosen = [
            list(range(at, min(at + size, len(judged)))) for at in range(0, len(judged), size)
        ]
        feed = self._workload.feed
        pairs: Counter[tuple[int, int]] = Counter()
        for pixels, labels, _ in delivered(made, chosen, feed, workers=feed.workers or 0):
            there = moved({"images": pixels}, device, feed)
            with computing():
                found = self.model.classifier(there["images"]).argmax(-1)  # (B,)
            pairs.update(zip(labels.tolist(), found.tolist(), strict=True))
        right = sum(count for (label, given), count in pairs.items() if label == given)
        return {
            "scores": {"top1": right / len(judged)},
            "by_type": self._by_class(pairs),
            "items": len(judged),
        }

    def _by_class(self, pairs: Counter[tuple[int, int]]) -> list[dict[str, Any]]:
        names = self._found.classes
        if len(names) > MOST_CLASSES_SHOWN:
            return []
        return [{"name": name, **_one_class(pairs, number)} for number, name in enumerate(names)]

    def exported(self) -> Exported:
        """Images (B, 3, S, S) in, scores (B, C) out."""
        generator = torch.Generator().manual_seed(self._workload.seed)
        pixels = torch.randn((2, 3, self._size, self._size), generator=generator)
        return Exported(module=self.model.classifier, inputs=(pixels,), names=("images",))


def _one_class(pairs: Counter[tuple[int, int]], number: int) -> dict[str, Any]:
    """Precision, recall and F1 of one class; 0 where nothing was found or there is none."""
    right = pairs[number, number]
    support = sum(count for (label, _), count in pairs.items() if label == number)
    found = sum(count for (_, given), count in pairs.items() if given == number)
    return {
        "precision": right / found if found else 0.0,
        "recall": right / support if support else 0.0,
        "f1": 2 * right / (found + support) if found + support else 0.0,
        "support": support,
    }


def _usual_model(*, smoke: bool, distilled: bool) -> str:
    usual = deit.SMOKE_MODEL if smoke else deit.DEFAULT_MODEL
    return usual.replace("_patch16", "_distilled_patch16") if distilled else usual


def _batch_size(workload: Workload, available: int) -> int:
    """As asked for, but no more than there are; even, since images are mixed in pairs."""
    asked = workload.batch_size or deit.BATCH_SIZE["standard"]
    size = min(asked, available) // 2 * 2
    if size < 2:
        raise BadUsage(f"a batch of {min(asked, available)} cannot be mixed: two images at least")
    return size


def _teacher(training: Training, size: int, classes: tuple[str, ...]) -> torch.nn.Module | None:
    vision = training.vision
    if vision.distillation == "none":
        return None
    if vision.teacher is None:
        raise BadUsage("--distillation needs --teacher, the model that is learnt from")
    return teacher_named(vision.teacher, size=size, classes=classes)
