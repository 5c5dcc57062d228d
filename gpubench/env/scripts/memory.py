"""Most of a device's free memory, written and read again.

Part of what is sent to the interpreter under test: torch, Python 3.8 and later.
"""

from __future__ import annotations

from typing import Any

from gpubench.env.scripts.speaking import Task, api

SHARE = 0.9
"""Of the free memory; the rest is left to the context, the libraries and other programs."""
SHARE_OF_SHARED = 0.3
"""Where GPU and host have one memory: filling it would end other programs of the machine."""
BLOCK_BYTES = 2**30
CPU_BYTES = 128 * 2**20
PATTERNS = (0x5555555555555555, -0x5555555555555556, 0x00FF00FF00FF00FF, -0x00FF00FF00FF0100)
"""Alternating bits and bytes, and their complements: every bit is once 0 and once 1."""


def tasks(torch: Any, device: str, *, deep: bool) -> list[Task]:
    """One pattern at ``standard``; at ``deep`` all of them, and numbers that tell places apart."""
    found = [Task("alloc", device, lambda: fill(torch, device, PATTERNS[:1], places=False))]
    if deep:
        compute = lambda: fill(torch, device, PATTERNS, places=True)  # noqa: E731
        found.append(Task("alloc", device, compute, variant="patterns"))
    return found


def fill(torch: Any, device: str, patterns: tuple[int, ...], *, places: bool) -> dict[str, Any]:
    """Fill most of the free memory with each pattern; every value that came back wrong counts."""
    free, total = _memory(torch, device)
    wanted = int(free * _share(torch, device))
    blocks = _blocks(torch, device, wanted)
    try:
        held = sum(block.numel() * 8 for block in blocks)
        wrong = sum(_wrong(blocks, pattern) for pattern in patterns)
        wrong += _misplaced(torch, blocks) if places and blocks else 0
    finally:
        del blocks
        if device != "cpu":
            torch.cuda.empty_cache()
    figures = {"wanted_bytes": wanted, "held_bytes": held, "free_bytes": free, "total_bytes": total}
    return {"error": float(wrong), "limit": 0.0, "figures": figures}


def _share(torch: Any, device: str) -> float:
    """How much of the free memory is asked for."""
    if device == "cpu":
        return 1.0
    properties = torch.cuda.get_device_properties(device)
    return SHARE_OF_SHARED if getattr(properties, "is_integrated", 0) else SHARE


def _memory(torch: Any, device: str) -> tuple[int, int]:
    """Free and total bytes; on the CPU what is used here."""
    if device == "cpu":
        return CPU_BYTES, CPU_BYTES
    free, total = api(torch, "cuda.mem_get_info")(torch.device(device))
    return int(free), int(total)


def _blocks(torch: Any, device: str, wanted: int) -> list[Any]:
    """Blocks of 1 GiB up to ``wanted`` bytes, fewer where the memory ran out before."""
    blocks: list[Any] = []
    left = wanted
    while left >= 8:
        size = min(left, BLOCK_BYTES)
        try:
            blocks.append(torch.empty(size // 8, dtype=torch.int64, device=device))
        except RuntimeError as problem:
            if "out of memory" not in str(problem):
                raise
            break
        left -= size
    return blocks


def _wrong(blocks: list[Any], pattern: int) -> int:
    """Blocks are all written before the first is read: an address that aliases shows."""
    for number, block in enumerate(blocks):
        block.fill_(pattern ^ number)
    return sum(
        int((block != (pattern ^ number)).sum())
        for number, block in enumerate(blocks)
        if int(block.min()) != (pattern ^ number) or int(block.max()) != (pattern ^ number)
    )


def _misplaced(torch: Any, blocks: list[Any]) -> int:
    """The same with the number of each place in it, so that swapped addresses show."""
    size = blocks[0].numel()
    for number, block in enumerate(blocks):
        torch.arange(number * size, number * size + block.numel(), out=block)
    step = 2**24
    wrong = 0
    for number, block in enumerate(blocks):
        for begin in range(0, block.numel(), step):
            part = block[begin : begin + step]
            first = number * size + begin
            same = torch.arange(first, first + part.numel(), device=block.device)
            wrong += 0 if bool(torch.equal(part, same)) else int((part != same).sum())
    return wrong
