"""Strategies: how a step is spread over processes and devices; plain values and small rules."""

import dataclasses
import itertools
from collections.abc import Iterator, Sequence
from typing import Any, Literal, TypeVar, cast

from gpubench.errors import BadUsage, UnknownName

StrategyName = Literal["single", "dp", "ddp", "fsdp"]
Item = TypeVar("Item")

NAMES: dict[str, str] = {
    "single": "one process on one device: what scaling is held against",
    "dp": "nn.DataParallel: one process that drives several GPUs by threads",
    "ddp": "DistributedDataParallel: a process per device, gradients averaged in buckets",
    "fsdp": "FSDP2 (fully_shard): a process per device, parameters sharded by transformer block",
}
"""What there is, with a line for people."""

MOST_PROCESSES = 1024
"""Processes of a node and nodes end here (own choice): beyond it a typing error is likelier."""


class RankProblem(RuntimeError):
    """A process of several broke; ``told`` is what the worker answers of it."""

    def __init__(self, told: dict[str, Any]) -> None:
        super().__init__(told["reason"])
        self.told = told


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Shard:
    """The part of a data set that one of ``world`` ranks trains: every ``world``-th batch."""

    rank: int = 0
    world: int = 1

    def of(self, batches: Iterator[Item]) -> Iterator[Item]:
        """This rank's; together the ranks have every batch once."""
        return (
            batches if self.world == 1 else itertools.islice(batches, self.rank, None, self.world)
        )


WHOLE = Shard()
"""All of it."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Strategy:
    """How training is spread: over ``nodes`` machines with so many processes each.

    Of ``dp`` the processes are GPUs. ``bucket_mib``, ``static_graph`` and ``gradient_views`` are
    DDP's own options; None leaves the size of a bucket to torch (25 MiB).
    """

    name: StrategyName = "single"
    nodes: int = 1
    processes_per_node: int = 1
    bucket_mib: int | None = None
    static_graph: bool = False
    gradient_views: bool = False

    @property
    def world(self) -> int:
        """Ranks in all; each trains a batch of its own."""
        return self.nodes * self.processes_per_node

    @property
    def is_launched(self) -> bool:
        """Whether torchrun's machinery starts its processes."""
        return self.name in ("ddp", "fsdp")

    @property
    def is_spread(self) -> bool:
        """Whether more than a plain step happens in it."""
        return self.name != "single"

    @property
    def variant(self) -> str:
        """What the variant of a suite is called: ddp, 2 processes."""
        if self.name == "single":
            return "single"
        noun = "GPU" if self.name == "dp" else "process"
        ending = "" if self.processes_per_node == 1 else "s" if self.name == "dp" else "es"
        nodes = f"{self.nodes} nodes × " if self.nodes > 1 else ""
        return f"{self.name}, {nodes}{self.processes_per_node} {noun}{ending}"


SINGLE = Strategy()
"""What a run does unless it is asked for something else."""


def strategies(
    listed: str, *, processes_per_node: int | None, nodes: int = 1, **options: Any
) -> tuple[Strategy, ...]:
    """The strategies in ``ddp,fsdp``, in the order of ``NAMES``; several bring single along.

    BadUsage and UnknownName say what is wrong.
    """
    asked = [name.strip() for name in listed.split(",")]
    for name in asked:
        if name not in NAMES:
            raise UnknownName("strategy", name, NAMES)
    names = [name for name in NAMES if name in asked or (name == "single" and len(set(asked)) > 1)]
    if names != ["single"] and processes_per_node is None:
        raise BadUsage(f"--strategy {listed}: say how many by --nproc-per-node")
    _hold(names, processes_per_node or 1, nodes, options)
    return tuple(
        SINGLE
        if name == "single"
        else Strategy(
            name=cast(StrategyName, name),
            nodes=nodes,
            processes_per_node=processes_per_node or 1,
            **(options if name == "ddp" else {}),
        )
        for name in names
    )


def _hold(names: Sequence[str], processes: int, nodes: int, options: dict[str, Any]) -> None:
    """BadUsage where the numbers or options do not go with the strategies."""
    if nodes > 1 and "dp" in names:
        raise BadUsage("--strategy dp is one process: it cannot use --nnodes; ddp and fsdp can")
    if "dp" in names and processes < 2:
        raise BadUsage("--strategy dp spreads a batch over two GPUs or more: --nproc-per-node 2")
    if any(options.values()) and "ddp" not in names:
        raise BadUsage("--bucket-mib, --static-graph and --gradient-views are options of ddp")
    if max(processes, nodes) > MOST_PROCESSES:
        raise BadUsage(f"--nproc-per-node and --nnodes end at {MOST_PROCESSES}")
