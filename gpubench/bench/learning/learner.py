"""What a suite offers to a training that is to learn: a model, epochs of batches, and scores."""

import dataclasses
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any
from typing import Protocol as Interface

from gpubench.bench.task import Batch

if TYPE_CHECKING:
    import torch


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Exported:
    """A model for ``torch.export``: tensors in, a tensor out, the first dimension the batch.

    ``inputs`` are an example, whose ``names`` are those of the arguments.
    """

    module: "torch.nn.Module"
    inputs: "tuple[torch.Tensor, ...]"
    names: tuple[str, ...]


Computing = Callable[[], AbstractContextManager[Any]]
"""The region in which a model computes as its mode says: autocast, or nothing."""


class Learner(Interface):
    """A model with its data, ready to be trained and judged.

    ``model(**batch)`` answers the scalar loss of a batch. ``settings`` says what was built,
    ``survey`` what was found in the data. ``fingerprint`` holds what a checkpoint of another
    training would differ in, as plain values by name.
    """

    model: "torch.nn.Module"
    learning_rate: float
    settings: Mapping[str, Any]
    survey: Mapping[str, Any]
    fingerprint: Mapping[str, Any]
    batches_per_epoch: int

    def epoch(self, number: int, start: int) -> Iterator[Batch]:
        """The batches of an epoch on the host, from its ``start``-th on.

        Their order and all chance in them follow from the seed and the epoch's number alone.
        """

    def parameter_groups(self) -> list[dict[str, Any]]:
        """What the optimizer moves, each group with a learning rate if not the common one."""

    def evaluate(self, device: "torch.device", computing: Computing) -> Mapping[str, Any]:
        """How good the model is on what it was not trained on.

        ``scores`` by name, the first being the one that counts, each between 0 and 1; ``by_type``
        a row per kind of thing, and ``items`` how many were judged.
        """

    def exported(self) -> Exported:
        """The model as it is handed over, with an input to trace it by."""


class LearningSuite(Interface):
    """The function a suite's learning module offers."""

    def learner(self, workload: Any, training: Any, scratch: str) -> Learner:
        """The learner of a workload; it reads the data, so this may take a while."""
