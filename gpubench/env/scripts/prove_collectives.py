"""One process of several that reduce and gather together; the values are asserted.

Sent to the interpreter under test: standard library and torch, Python 3.8 and later.
"""

from __future__ import annotations

import datetime
import os
import time
from functools import partial
from typing import Any, Callable

from gpubench.env.scripts.exactness import is_fault
from gpubench.env.scripts.speaking import NotSupported, Task, begin, prove, say, start

ENTRIES = 2**20
DEEP_SIZES = {"cpu": (2**20, 2**24), "cuda": (2**20, 2**24, 2**28, 2**30)}
"""Bytes for which the bandwidth is measured."""


class Group:
    """This process among ``world`` of them, with one device."""

    def __init__(self, torch: Any, wish: dict[str, Any]) -> None:
        self.torch, self.rank, self.world = torch, wish["rank"], wish["world"]
        self.device = f"cuda:{self.rank}" if wish["backend"] == "nccl" else "cpu"
        self.together: Any = torch.distributed

    def own(self, entries: int = ENTRIES) -> Any:
        """Numbers of this rank, so small that every sum is exact."""
        numbers = self.torch.arange(entries, device=self.device) % 7
        return (numbers + self.rank).float()

    def total(self, entries: int = ENTRIES) -> Any:
        """The sum of all ranks' numbers."""
        numbers = self.torch.arange(entries, device=self.device) % 7
        return (numbers * self.world + self.world * (self.world - 1) // 2).float()

    def wrong(self, got: Any, wanted: Any) -> dict[str, Any]:
        """The fields of a proof."""
        return {"error": float((got != wanted).sum()), "limit": 0.0}

    def all_reduce(self) -> dict[str, Any]:
        """The sum reaches everyone."""
        got = self.own()
        self.together.all_reduce(got)
        return self.wrong(got, self.total())

    def all_gather(self) -> dict[str, Any]:
        """Everyone's numbers reach everyone."""
        parts = [self.torch.empty(ENTRIES, device=self.device) for _ in range(self.world)]
        self.together.all_gather(parts, self.own())
        numbers = (self.torch.arange(ENTRIES, device=self.device) % 7).float()
        wanted = self.torch.stack([numbers + rank for rank in range(self.world)])
        return self.wrong(self.torch.stack(parts), wanted)

    def reduce_scatter(self) -> dict[str, Any]:
        """Everyone gets its own part of the sum."""
        entries = ENTRIES // self.world
        got = self.torch.empty(entries, device=self.device)
        try:
            self.together.reduce_scatter(got, list(self.own(entries * self.world).split(entries)))
        except (RuntimeError, ValueError) as problem:
            if self.device == "cpu" and "support" in str(problem):
                raise NotSupported("gloo of this torch has no reduce_scatter") from None
            raise
        return self.wrong(got, self.total(entries * self.world).split(entries)[self.rank])

    def bandwidth(self, size: int) -> dict[str, Any]:
        """An all-reduce of ``size`` bytes: bus bandwidth as nccl-tests counts it."""
        numbers = self.torch.ones(size // 4, device=self.device)
        self.together.all_reduce(numbers)
        wanted = float(self.world)
        proof = self.wrong(numbers, self.torch.full_like(numbers, wanted))
        times, started = 5, self._settled()
        for _ in range(times):
            numbers.fill_(1.0)
            self.together.all_reduce(numbers)
        seconds = (self._settled() - started) / times
        bus = size / seconds * 2 * (self.world - 1) / self.world / 1e9
        return dict(proof, figures={"bytes": size, "bus_gb_s": bus, "seconds": seconds})

    def _settled(self) -> float:
        """The time when this process's work is done."""
        if self.device != "cpu":
            self.torch.cuda.synchronize()
        return time.perf_counter()


def main() -> None:
    """Join the others through a file in ``folder``, then prove every operation."""
    wish = start()
    os.environ.setdefault("GLOO_SOCKET_IFNAME", "lo")
    os.environ.setdefault("NCCL_DEBUG", "INFO" if wish["deep"] else "WARN")
    os.environ.setdefault("NCCL_DEBUG_SUBSYS", "INIT,ENV,TUNING")
    say(phase="import")
    import torch

    begin(f"joining as rank {wish['rank']}", _place(wish, "join"), "join")
    group = Group(torch, wish)
    if wish["backend"] == "nccl":
        torch.cuda.set_device(group.device)
    torch.distributed.init_process_group(
        wish["backend"],
        init_method=f"file://{wish['folder']}/store",
        rank=group.rank,
        world_size=group.world,
        timeout=datetime.timedelta(seconds=wish["seconds"]),
    )
    tasks = [_task(wish, name, getattr(group, name)) for name in NAMES]
    if wish["deep"]:
        tasks += [
            _task(wish, f"all_reduce {size // 2**20} MiB", partial(group.bandwidth, size))
            for size in DEEP_SIZES["cpu" if group.device == "cpu" else "cuda"]
        ]
    # after a failure the ranks no longer agree on what comes next
    prove(tasks, wish["skip"], lambda said, dtype: is_fault(said, dtype, None), lambda: False)
    say(phase="done")
    torch.distributed.destroy_process_group()


NAMES = ("all_reduce", "all_gather", "reduce_scatter")


def _place(wish: dict[str, Any], name: str) -> dict[str, Any]:
    device = f"cuda:{wish['rank']}" if wish["backend"] == "nccl" else f"cpu, rank {wish['rank']}"
    return {"what": "nccl", "device": device, "dtype": wish["backend"], "variant": name}


def _task(wish: dict[str, Any], name: str, compute: Callable[[], dict[str, Any]]) -> Task:
    place = _place(wish, name)
    return Task("nccl", place["device"], compute, place["dtype"], name)
