"""A student that learns from labels and from a teacher, as DeiT does.

Letters in shapes: B images, S pixels along a side, C classes. The loss is that of Touvron et al.,
"Training data-efficient image transformers & distillation through attention" (2021), section 4.
"""

from pathlib import Path
from typing import Any

import timm
import torch
from torch.nn import functional

from gpubench.bench.learning.asked import Distillation
from gpubench.errors import BadData, BadUsage, UnknownName

TEMPERATURE = 3.0
SOFT_SHARE, HARD_SHARE = 0.1, 0.5
"""The paper's: how soft a teacher's answer is, and the share of the loss that it has."""


class Student(torch.nn.Module):
    """A classifier that answers its loss, and that of its teacher where it has one.

    The teacher is no part of the student's state: it learns nothing and is never kept.
    """

    def __init__(
        self, classifier: Any, *, distillation: Distillation, teacher: torch.nn.Module | None
    ) -> None:
        super().__init__()
        self.classifier = classifier
        self._distillation = distillation
        self._teacher = [] if teacher is None else [teacher.eval().requires_grad_(False)]
        if teacher is not None:
            classifier.set_distilled_training(True)

    def forward(self, images: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        """The mean loss of images (B, 3, S, S) of which so much is of each class (B, C)."""
        answer = self.classifier(images)
        own, distilled = answer if isinstance(answer, tuple) else (answer, answer)  # (B, C) each
        loss = _cross_entropy(own, labels)
        if not self._teacher:
            return loss
        with torch.no_grad():
            told = self._teacher[0].to(images.device)(images)  # (B, C)
        if self._distillation == "hard":
            taught = functional.cross_entropy(distilled.float(), told.argmax(-1))
            return (1 - HARD_SHARE) * loss + HARD_SHARE * taught
        return (1 - SOFT_SHARE) * loss + SOFT_SHARE * _soft(distilled, told)


def _cross_entropy(scores: torch.Tensor, shares: torch.Tensor) -> torch.Tensor:
    from timm.loss import SoftTargetCrossEntropy

    answer: torch.Tensor = SoftTargetCrossEntropy()(scores.float(), shares)
    return answer


def _soft(scores: torch.Tensor, told: torch.Tensor) -> torch.Tensor:
    """How far the softened answers lie apart: Kullback-Leibler, per image."""
    return TEMPERATURE**2 * functional.kl_div(
        functional.log_softmax(scores.float() / TEMPERATURE, -1),
        functional.log_softmax(told.float() / TEMPERATURE, -1),
        reduction="batchmean",
        log_target=True,
    )


def teacher_named(given: str, *, size: int, classes: tuple[str, ...]) -> torch.nn.Module:
    """The teacher in a checkpoint of ``gpubench train``, or under one of timm's hub names.

    A teacher must know the very classes: one of others would teach nonsense.
    """
    if Path(given).is_file():
        return _from_checkpoint(Path(given), size, classes)
    if ":" not in given:
        raise BadUsage(
            f"--teacher {given}: name a checkpoint of gpubench train (a file), or a trained model "
            "of a hub (hf-hub:NAME); an untrained one teaches nothing"
        )
    try:
        teacher: torch.nn.Module = timm.create_model(given, pretrained=True)
    except (OSError, RuntimeError, ValueError) as problem:
        raise BadUsage(f"cannot load the teacher {given}: {_first_line(problem)}") from None
    found = int(getattr(teacher, "num_classes", 0))
    if found != len(classes):
        raise BadData(f"the teacher {given} knows {found} classes, the data has {len(classes)}")
    return teacher


def _from_checkpoint(path: Path, size: int, classes: tuple[str, ...]) -> torch.nn.Module:
    from gpubench.bench.learning.checkpoint import content_of

    content = content_of(path)
    facts = content["fingerprint"]
    if facts.get("suite") != "deit":
        raise BadData(f"{path} is no checkpoint of a deit training")
    if list(facts.get("classes", ())) != list(classes):
        raise BadData(f"{path} was trained on other classes than the data has")
    name, depth = str(facts.get("model")), facts.get("layers")
    if not timm.is_model(name):
        raise UnknownName("timm model", name, timm.list_models("deit*"))
    prefix, own_depth = "classifier.", {"depth": depth} if depth else {}
    try:
        built = timm.create_model(name, num_classes=len(classes), img_size=size, **own_depth)
        built.load_state_dict({k.removeprefix(prefix): v for k, v in content["model"].items()})
    except (RuntimeError, TypeError, AttributeError, AssertionError, ValueError) as problem:
        raise BadData(f"{path} does not fit {name}: {_first_line(problem)}") from None
    teacher: torch.nn.Module = built
    return teacher


def _first_line(problem: BaseException) -> str:
    return " ".join(str(problem).split())[:300]
