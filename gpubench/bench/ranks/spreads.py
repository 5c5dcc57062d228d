"""Where a model lies, and with whom its gradients are exchanged: alone, DP, DDP or FSDP2."""

import contextlib
import itertools
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from typing import Any, cast

import torch

from gpubench.bench.accumulation import Portions, Share
from gpubench.bench.modes import Mode
from gpubench.bench.strategy import Strategy
from gpubench.bench.task import Batch, Task

NO_ROOM = 3.0
"""How many times the parameters must be free on every device before a sharded model is gathered
whole to be timed without exchange (own choice): parameters, gradients, and room to work."""


class Spread:
    """A model on one device, whose gradients are nobody else's."""

    def placed(self, model: torch.nn.Module, device: torch.device) -> torch.nn.Module:
        """The model where its parameters are trained; the optimizer is made of these."""
        return model.to(device)

    def joined(self, model: torch.nn.Module, device: torch.device) -> Any:  # noqa: ARG002
        """What computes the loss of a batch, given the placed model."""
        return model

    def exchange(self, forward: Any, *, last: bool) -> AbstractContextManager[None]:  # noqa: ARG002
        """Around the batches of a step: gradients are exchanged with the last one."""
        return contextlib.nullcontext()

    def unread(self, model: torch.nn.Module, device: torch.device) -> str | None:  # noqa: ARG002
        """Why a step without exchange cannot be timed; None where it can."""
        return None

    @contextlib.contextmanager
    def silent(self, model: torch.nn.Module) -> Iterator[None]:  # noqa: ARG002
        """Exchange nothing inside; afterwards the ranks' gradients differ."""
        yield


ALONE = Spread()


class DataParallel(Spread):
    """One process that hands parts of a batch to several GPUs, and gathers their losses.

    Without devices torch computes on the one where the model lies, so that it can be tried there.
    """

    def __init__(self, devices: list[int] | None) -> None:
        self._devices = devices

    def joined(self, model: torch.nn.Module, device: torch.device) -> Any:  # noqa: ARG002
        """A function that answers the mean of the devices' losses, which have equal parts."""
        parallel = torch.nn.DataParallel(model, device_ids=self._devices)

        def mean_loss(**batch: torch.Tensor) -> torch.Tensor:
            loss: torch.Tensor = parallel(**batch).mean()
            return loss

        return mean_loss


class Distributed(Spread):
    """DDP: every rank has all parameters; gradients are averaged in buckets while they come."""

    def __init__(self, strategy: Strategy) -> None:
        self._strategy, self._silent, self._learns_graph = strategy, False, False

    def joined(self, model: torch.nn.Module, device: torch.device) -> Any:
        """The model in DDP, which makes the ranks' parameters alike as it begins."""
        given = self._strategy
        self._learns_graph = given.static_graph
        size = {} if given.bucket_mib is None else {"bucket_cap_mb": given.bucket_mib}
        return torch.nn.parallel.DistributedDataParallel(
            model,
            device_ids=[device.index] if device.type == "cuda" else None,
            static_graph=given.static_graph,
            gradient_as_bucket_view=given.gradient_views,
            **size,
        )

    def exchange(self, forward: Any, *, last: bool) -> AbstractContextManager[None]:
        """Nothing is exchanged before the last batch of a step.

        But with the very first one where the graph is static: DDP learns it there, and breaks
        if that is ``no_sync``. What is exchanged twice is averaged already, and stays the same.
        """
        quiet: AbstractContextManager[None] = forward.no_sync()
        first, self._learns_graph = self._learns_graph, False
        return contextlib.nullcontext() if (last or first) and not self._silent else quiet

    @contextlib.contextmanager
    def silent(self, model: torch.nn.Module) -> Iterator[None]:  # noqa: ARG002
        """Steps inside are ``no_sync``."""
        self._silent = True
        try:
            yield
        finally:
            self._silent = False


class FullyShard(Spread):
    """FSDP2: every rank has a part of the parameters of each transformer block, and of the rest."""

    def __init__(self) -> None:
        self._silent = False

    def placed(self, model: torch.nn.Module, device: torch.device) -> torch.nn.Module:
        """The model sharded: each block moves to its device when it is cut, never the whole."""
        from torch.distributed.device_mesh import init_device_mesh
        from torch.distributed.fsdp import fully_shard

        mesh = init_device_mesh(device.type, (torch.distributed.get_world_size(),))
        for block in blocks_of(model):
            fully_shard(block, mesh=mesh)
        fully_shard(model, mesh=mesh)
        return model

    def exchange(self, forward: Any, *, last: bool) -> AbstractContextManager[None]:
        """Gradients are scattered with the last batch of a step; parameters always are."""
        _sharded(forward).set_requires_gradient_sync(last and not self._silent)
        return contextlib.nullcontext()

    def unread(self, model: torch.nn.Module, device: torch.device) -> str | None:
        """A torch without the switch, or a device without room for the whole model."""
        if not hasattr(model, "set_reshard_after_forward"):
            return "this torch cannot keep a sharded model whole (torch 2.8 and later can)"
        if device.type == "cuda":
            whole = sum(p.numel() * p.element_size() for p in model.parameters())
            if torch.cuda.mem_get_info(device)[0] < NO_ROOM * whole:
                return "there is no room for the whole model on one GPU"
        return None

    @contextlib.contextmanager
    def silent(self, model: torch.nn.Module) -> Iterator[None]:
        """Keep the parameters whole and the gradients apart inside."""
        self._silent = True
        sharded: Any = model
        sharded.set_reshard_after_forward(False)
        sharded.set_reshard_after_backward(False)
        try:
            yield
        finally:
            self._silent = False


def _sharded(forward: Any) -> Any:
    """The FSDP module below what torch.compile may have put around it."""
    return getattr(forward, "_orig_mod", forward)


def spread_of(strategy: Strategy, device: torch.device) -> Spread:
    """How the strategy lays a model out, in this process."""
    if strategy.name == "dp":
        devices = list(range(strategy.world)) if device.type == "cuda" else None
        return DataParallel(devices)
    if strategy.name == "ddp":
        return Distributed(strategy)
    return FullyShard() if strategy.name == "fsdp" else ALONE


def blocks_of(model: torch.nn.Module) -> list[torch.nn.Module]:
    """The transformer blocks: the largest list of modules that are all of one class."""
    lists = [
        list(module)
        for module in model.modules()
        if isinstance(module, torch.nn.ModuleList | torch.nn.Sequential)
    ]
    alike = [own for own in lists if own and len({type(block) for block in own}) == 1]
    return max(alike, key=_size, default=[])


def _size(blocks: list[torch.nn.Module]) -> int:
    return sum(p.numel() for block in blocks for p in block.parameters())


def unsupported(strategy: Strategy, mode: Mode, device: torch.device) -> str | None:
    """Why this strategy cannot be trained in this mode here; None where it can."""
    if strategy.name == "single":
        return None
    if device.type == "cuda":
        seen = torch.cuda.device_count()
        if seen < strategy.processes_per_node:
            return (
                f"{strategy.variant} needs {strategy.processes_per_node} GPUs, {seen} can be seen"
            )
    elif strategy.name == "dp":
        return "nn.DataParallel spreads over GPUs, and there is none here"
    if strategy.name == "fsdp" and not hasattr(torch.distributed.fsdp, "fully_shard"):
        return f"FSDP2 came with torch 2.6, this is {torch.__version__}"
    on_cpu = strategy.name == "fsdp" and device.type == "cpu"
    if on_cpu and not hasattr(torch.cpu.Stream, "record_event"):
        return f"FSDP2 of torch {torch.__version__} needs a GPU (2.8 and later shard on a CPU)"
    return _unsupported_compile(strategy, mode)


def _unsupported_compile(strategy: Strategy, mode: Mode) -> str | None:
    if mode.compile is None:
        return None
    if strategy.name == "dp":
        return "torch.compile does not compile nn.DataParallel (it is told to use ddp)"
    if mode.compile in ("reduce-overhead", "max-autotune"):
        return "CUDA graphs of steps that exchange gradients are not measured by gpubench"
    if strategy.name == "fsdp":
        return "torch.compile of a sharded model is not measured by gpubench yet"
    return None


class Joined:
    """A task whose batches are as large as those of all devices together, for DataParallel."""

    def __init__(self, task: Task, count: int) -> None:
        self._task, self._count = task, count
        self.batch_size = task.batch_size * count

    def __getattr__(self, name: str) -> Any:
        """Everything else is the task's own."""
        return getattr(self._task, name)

    def batches(self) -> Iterator[Batch]:
        """``count`` batches in one, along the first dimension."""
        plain = self._task.batches()
        while several := list(itertools.islice(plain, self._count)):
            yield {name: torch.cat([one[name] for one in several]) for name in several[0]}


def joined(task: Task, strategy: Strategy) -> Task:
    """The task as one process of the strategy trains it."""
    whole: Any = Joined(task, strategy.world) if strategy.name == "dp" else task
    return cast(Task, whole)


class RankPortions(Portions):
    """The batches of all ranks, trained by one process as the ranks together would.

    Every rank's mean loss weighs the same, as it does where gradients are averaged over ranks.
    """

    def __init__(self, accumulation: int, world: int, terms: Any) -> None:
        super().__init__(accumulation, terms)
        self._each, self._world = accumulation, world

    def of(self, batches: Iterator[Batch]) -> list[tuple[Batch, Share]]:
        """The next step's batches; of rank r each ``world``-th from r on."""
        drawn = list(itertools.islice(batches, self._each * self._world))
        return [
            (batch, (1.0 if share is None else share) / self._world)
            for rank in range(self._world)
            for batch, share in super(RankPortions, self).of(iter(drawn[rank :: self._world]))
        ]


def facts(strategy: Strategy) -> Mapping[str, Any]:
    """What a record's settings say of a strategy; nothing of the plain one."""
    if not strategy.is_spread:
        return {}
    found: dict[str, Any] = {"strategy": strategy.name, "ranks": strategy.world}
    if strategy.nodes > 1:
        found["nodes"] = strategy.nodes
    if strategy.name == "ddp":
        found |= {
            "bucket_mib": strategy.bucket_mib or 25,
            "static_graph": strategy.static_graph,
            "gradient_views": strategy.gradient_views,
        }
    return found
