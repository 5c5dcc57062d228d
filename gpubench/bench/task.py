"""What a suite hands to the measuring side: a model that computes its own loss, and batches."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any
from typing import Protocol as Interface

from gpubench.bench.job import Workload

if TYPE_CHECKING:
    import torch

Batch = dict[str, "torch.Tensor"]


class Trainable(Interface):
    """What a training step takes of a task; ``model(**batch)`` answers the scalar loss."""

    model: "torch.nn.Module"
    learning_rate: float


class Task(Interface):
    """A model in training mode on the host, ready to be moved to the device.

    ``model(**batch)`` answers the scalar loss of one batch. ``settings`` says what was built
    (model, shapes, learning rate); ``data`` what was read, in counts. Where batches differ in how
    many terms their mean loss has, ``loss_terms(batch)`` answers the number as a scalar tensor on
    the batch's device; without that function all batches weigh the same.
    """

    model: "torch.nn.Module"
    batch_size: int
    learning_rate: float
    settings: Mapping[str, Any]

    def batches(self) -> Iterator[Batch]:
        """Batches on the host without end, all of one shape, in an order fixed by the seed."""

    def data(self) -> Mapping[str, Any]:
        """What has been read so far: counts of items read, truncated and skipped."""

    def meta_batch(self) -> Batch:
        """One batch on the meta device, to count operations without computing."""


class Suite(Interface):
    """The functions a suite's module offers."""

    REVISION: str

    def survey(self, workload: Workload, scratch: str) -> tuple[Workload, Mapping[str, Any]]:
        """Read the data folder once: the workload made complete, and what was found."""

    def build(self, workload: Workload, *, exact: bool = False) -> Task:
        """Model and data for one process; ``exact`` switches dropout and drop path off."""
