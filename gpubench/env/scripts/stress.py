"""The same product again and again: is it always the same, and how fast does it stay.

Part of what is sent to the interpreter under test: torch, Python 3.8 and later.
"""

from __future__ import annotations

import time
from typing import Any

from gpubench.env.scripts.exactness import is_fault, set_dtype
from gpubench.env.scripts.speaking import Task, prove, say, start

REPEATS = {"cpu": 20, "cuda": 200}
REPEAT_SIZE = {"cpu": 512, "cuda": 8192}
"""Large enough on a GPU that every multiprocessor has work."""
SOAK_SIZE = {"cpu": 512, "cuda": 8192}
SLICE_SECONDS = 1.0


def repetition(torch: Any, device: str) -> list[Task]:
    """The task of computing one product many times."""
    return [Task("repeat", device, lambda: repeat(torch, device), dtype_for(device))]


def dtype_for(device: str) -> str:
    """FP16 on a GPU, which every one with tensor cores has."""
    return "fp32" if device == "cpu" else "fp16"


def kind(device: str) -> str:
    """``cpu`` or ``cuda``."""
    return device.partition(":")[0]


def operands(torch: Any, device: str, size: int) -> tuple[Any, Any]:
    """Two random matrices, scaled so that the product stays small in FP16."""
    dtype = set_dtype(torch, dtype_for(device))
    seed = torch.Generator().manual_seed(31)
    left, right = (torch.randn(size, size, generator=seed) for _ in range(2))
    return (left / size**0.5).to(device, dtype), right.to(device, dtype)


def repeat(torch: Any, device: str) -> dict[str, Any]:
    """How many of many equal products differ from the first in any bit."""
    left, right = operands(torch, device, REPEAT_SIZE[kind(device)])
    first = left @ right
    times = REPEATS[kind(device)]
    unlike = sum(not torch.equal(left @ right, first) for _ in range(times))
    return {"error": float(unlike), "limit": 0.0, "figures": {"times": times}}


def soak(torch: Any, device: str, seconds: float) -> dict[str, Any]:
    """Products for ``seconds``: TFLOP/s of every second, and whether the last is the first."""
    size = SOAK_SIZE[kind(device)]
    left, right = operands(torch, device, size)
    first = left @ right
    got, speeds, began = torch.empty_like(first), [], time.monotonic()
    while time.monotonic() - began < seconds:
        speeds.append(_speed(torch, device, left, right, got) * 2 * size**3 / 1e12)
    ended = time.monotonic()
    settled = speeds[len(speeds) // 4 :] or speeds  # after the clocks have risen
    figures = {
        "tflops": sum(settled) / len(settled),
        "tflops_lowest": min(settled),
        "began": began,
        "ended": ended,
    }
    return {"error": float((got != first).sum()), "limit": 0.0, "figures": figures}


def _speed(torch: Any, device: str, left: Any, right: Any, got: Any) -> float:
    """Products per second over about a second."""
    started, done = time.perf_counter(), 0
    while time.perf_counter() - started < SLICE_SECONDS:
        for _ in range(4):
            torch.mm(left, right, out=got)
        if device != "cpu":
            torch.cuda.synchronize(device)
        done += 4
    return done / (time.perf_counter() - started)


def main() -> None:
    """Soak ``device`` for ``seconds``."""
    wish = start()
    say(phase="import")
    import torch

    device = wish["device"]
    task = Task("soak", device, lambda: soak(torch, device, wish["seconds"]), dtype_for(device))
    prove([task], wish["skip"], lambda said, dtype: is_fault(said, dtype, None))
    say(phase="done")
