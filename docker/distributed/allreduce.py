"""Proves that every rank can talk to every other: an all-reduce whose sum is known."""

import datetime
import os
import sys

import torch
import torch.distributed as dist

ELEMENTS = 1 << 20


def main() -> int:
    """Exit status 0 where every element of the sum over all ranks is right, else 1."""
    on_gpu = torch.cuda.is_available()
    if on_gpu:
        torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))
    dist.init_process_group("nccl" if on_gpu else "gloo", timeout=datetime.timedelta(seconds=120))
    rank, world = dist.get_rank(), dist.get_world_size()
    values = torch.full((ELEMENTS,), float(rank + 1), device="cuda" if on_gpu else "cpu")
    dist.all_reduce(values)
    expected = world * (world + 1) / 2
    right = bool((values == expected).all())
    backend = dist.get_backend()
    dist.destroy_process_group()
    if rank == 0 or not right:
        word = "right" if right else f"WRONG, {expected} was expected"
        print(f"rank {rank} of {world}: {backend} all-reduce is {word}", flush=True)
    return 0 if right else 1


if __name__ == "__main__":
    sys.exit(main())
