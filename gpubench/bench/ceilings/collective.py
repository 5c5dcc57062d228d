"""All GPUs of a machine together: the bus bandwidth of an all-reduce, as nccl-tests counts it."""

import json
import os
import tempfile
import time
from pathlib import Path
from typing import Any

import torch

from gpubench.bench.ceilings.works import NotHere, Sample
from gpubench.units import Seconds

SIZES = {"nccl": (2**24, 2**28, 2**30), "gloo": (2**20, 2**22)}
"""Bytes that are summed (own choice): from what a layer has to what a whole model has."""

WINDOWS, REPETITIONS = 5, 5


def all_reduce(device: torch.device, seconds: Seconds) -> list[Sample]:  # noqa: ARG001
    """Windows of every size, in one process for each GPU; those of the first rank."""
    count = torch.cuda.device_count() if device.type == "cuda" else 0
    if count < 2:
        raise NotHere(f"collectives need two GPUs or more; {count} can be seen here")
    return together(count, "nccl")


def together(world: int, backend: str) -> list[Sample]:
    """An all-reduce between ``world`` fresh processes, who find one another through a file."""
    with tempfile.TemporaryDirectory(prefix="gpubench-") as folder:
        torch.multiprocessing.spawn(_rank, args=(world, backend, folder), nprocs=world)
        answer: list[Sample] = json.loads((Path(folder) / "samples.json").read_text("utf-8"))
    return answer


def _rank(rank: int, world: int, backend: str, folder: str) -> None:
    os.environ.setdefault("GLOO_SOCKET_IFNAME", "lo")
    device = torch.device("cuda", rank) if backend == "nccl" else torch.device("cpu")
    if backend == "nccl":
        torch.cuda.set_device(device)
    torch.distributed.init_process_group(
        backend, init_method=f"file://{folder}/store", rank=rank, world_size=world
    )
    found = [_sizes(size, world, device) for size in SIZES[backend]]
    if rank == 0:
        (Path(folder) / "samples.json").write_text(json.dumps(found), encoding="utf-8")
    torch.distributed.barrier()
    torch.distributed.destroy_process_group()


def _sizes(size: int, world: int, device: torch.device) -> dict[str, Any]:
    """Every byte crosses the bus 2 (n - 1) / n times (nccl-tests, PERFORMANCE.md)."""
    numbers = torch.rand(size // 4, device=device)

    def settled() -> float:
        if device.type == "cuda":
            torch.cuda.synchronize()
        return time.perf_counter()

    torch.distributed.all_reduce(numbers)
    seconds = []
    for _ in range(WINDOWS):
        numbers.uniform_()
        torch.distributed.barrier()
        began = settled()
        for _ in range(REPETITIONS):
            torch.distributed.all_reduce(numbers)
        seconds.append(settled() - began)
    return {
        "shape": f"{size // 2**20} MiB between {world}",
        "amount": size * 2.0 * (world - 1) / world,
        "repetitions": REPETITIONS,
        "seconds": seconds,
        "device_seconds": [],
    }
