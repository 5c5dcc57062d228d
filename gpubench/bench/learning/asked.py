"""What a training is asked to do, beside the workload; plain values that cross to the child."""

import dataclasses
from typing import Any, Literal

Schedule = Literal["constant", "cosine"]
Head = Literal["linear", "crf"]
Distillation = Literal["none", "soft", "hard"]

HELD_OUT = 0.1
"""The share that is kept for validation where none is given (own choice)."""

KEPT = 3
"""Checkpoints that stay; older ones are removed (own choice)."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Vision:
    """What is done to photographs and how a student learns from its teacher (deit).

    ``mixup`` and ``cutmix`` are timm's alphas, 0 for neither; ``rand_augment`` is timm's own
    notation, "" for none. ``layer_decay`` is what the learning rate is multiplied by from a layer
    to the one before it, 1 for the same in all.
    """

    distillation: Distillation = "none"
    teacher: str | None = None
    layer_decay: float = 0.75
    rand_augment: str = "rand-m9-mstd0.5-inc1"
    mixup: float = 0.8
    cutmix: float = 1.0
    label_smoothing: float = 0.1


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Training:
    """How long, how fast, with what head, and where its files go.

    ``epochs`` and ``steps`` are None where the other one says how long. ``validation`` is None
    where a share of the data is held out. ``checkpoint`` is a folder, ``stop`` a file whose
    appearance ends the training after the step that runs, ``export`` a file to be written at the
    end. All paths are absolute.
    """

    epochs: int | None
    steps: int | None
    checkpoint: str
    stop: str
    learning_rate: float | None = None
    schedule: Schedule = "constant"
    head: Head = "linear"
    validation: str | None = None
    report_every: int = 50
    checkpoint_every: int = 500
    kept: int = KEPT
    resume: bool = False
    export: str | None = None
    vision: Vision = dataclasses.field(default_factory=Vision)

    @classmethod
    def from_plain(cls, plain: dict[str, Any]) -> "Training":
        """The same from JSON's own types; the parent wrote it, so nothing is validated."""
        return cls(**{**plain, "vision": Vision(**plain["vision"])})

    def total_steps(self, per_epoch: int) -> int:
        """How many steps there will have been at the end."""
        return self.steps if self.steps is not None else (self.epochs or 0) * per_epoch
