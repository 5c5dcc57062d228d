"""Moves data between the host and the GPUs, and between GPUs, and looks at what arrived.

Sent to the interpreter under test: standard library and torch, Python 3.8 and later.
"""

from __future__ import annotations

import time
from functools import partial
from typing import Any

from gpubench.env.scripts.exactness import is_fault
from gpubench.env.scripts.speaking import Task, prove, say, start

STANDARD_BYTES = 256 * 2**20
DEEP_BYTES = 2**30
TIMES = 5
LOAD_SECONDS = 0.5
"""How long at least a copy goes on, so that the link wakes up and is seen at its full speed."""


def copies(torch: Any, device: str, size: int) -> dict[str, Any]:
    """Pinned memory to the GPU and back: GB/s of the best of several, and the values."""
    sent = torch.arange(size // 8, dtype=torch.int64).pin_memory()
    back = torch.zeros(size // 8, dtype=torch.int64).pin_memory()
    there = torch.empty(size // 8, dtype=torch.int64, device=device)
    began = time.monotonic()
    to_device = _best(torch, device, lambda: there.copy_(sent, non_blocking=True), LOAD_SECONDS)
    to_host = _best(torch, device, lambda: back.copy_(there, non_blocking=True), LOAD_SECONDS)
    ended = time.monotonic()
    other = torch.empty_like(there)
    within = _best(torch, device, lambda: other.copy_(there), 0.0)
    wrong = int((back != sent).sum()) + int((other != there).sum())
    figures = {
        "host_to_device_gb_s": size / to_device / 1e9,
        "device_to_host_gb_s": size / to_host / 1e9,
        "device_to_device_gb_s": 2 * size / within / 1e9,
        "bytes": size,
        "began": began,
        "ended": ended,
    }
    return {"error": float(wrong), "limit": 0.0, "figures": figures}


def _best(torch: Any, device: str, copy: Any, least_seconds: float) -> float:
    """Seconds of the fastest copy."""
    copy()
    torch.cuda.synchronize(device)
    began = time.monotonic()
    found: list[float] = []
    while len(found) < TIMES or time.monotonic() - began < least_seconds:
        started = time.perf_counter()
        copy()
        torch.cuda.synchronize(device)
        found.append(time.perf_counter() - started)
    return min(found)


def peer(torch: Any, source: int, target: int, size: int) -> dict[str, Any]:
    """A copy from one GPU to another; both make the same numbers, so either can be wrong."""
    first, last = source * 2**40, source * 2**40 + size // 8
    sent = torch.arange(first, last, dtype=torch.int64, device=f"cuda:{source}")
    wanted = torch.arange(first, last, dtype=torch.int64, device=f"cuda:{target}")
    got = torch.zeros(size // 8, dtype=torch.int64, device=f"cuda:{target}")

    def copy() -> None:
        got.copy_(sent)
        torch.cuda.synchronize(source)

    seconds = _best(torch, f"cuda:{target}", copy, 0.0)
    wrong = int((got != wanted).sum())
    can = bool(torch.cuda.can_device_access_peer(source, target))
    figures = {"gb_s": size / seconds / 1e9, "bytes": size, "peer_access": float(can)}
    return {"error": float(wrong), "limit": 0.0, "figures": figures}


def main() -> None:
    """Do the ``copy`` of every GPU, or the ``p2p`` of every ordered pair."""
    wish = start()
    size = DEEP_BYTES if wish["deep"] else STANDARD_BYTES
    say(phase="import")
    import torch

    say(phase="cuda")
    torch.cuda.init()
    numbers = range(torch.cuda.device_count())
    if wish["what"] == "copy":
        tasks = [
            Task("copy", f"cuda:{n}", partial(copies, torch, f"cuda:{n}", size)) for n in numbers
        ]
    else:
        tasks = [
            Task("p2p", f"cuda:{a}->cuda:{b}", partial(peer, torch, a, b, size // 4))
            for a in numbers
            for b in numbers
            if a != b
        ]
    prove(tasks, wish["skip"], lambda said, dtype: is_fault(said, dtype, None))
    say(phase="done")
