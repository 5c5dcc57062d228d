"""Compiles a small function with torch.compile and holds it against eager execution.

Sent to the interpreter under test: standard library and torch, Python 3.8 and later.
"""

from __future__ import annotations

import os
from typing import Any

from gpubench.env.scripts.exactness import LIMITS, against, difference, is_fault, set_dtype
from gpubench.env.scripts.speaking import Task, api, prove, say, start

SIZE = 64


def compiled(torch: Any, device: str, mode: str) -> dict[str, Any]:
    """A product, an activation and a sum, compiled in ``mode``."""
    compiler = api(torch, "compile")
    set_dtype(torch, "fp32")
    seed = torch.Generator().manual_seed(30)
    left, right = (torch.randn(SIZE, SIZE, generator=seed) for _ in range(2))

    def work(first: Any, second: Any) -> Any:
        return torch.nn.functional.gelu(first @ second).sum(1)

    say(phase=f"compile {mode} {device}: building")
    with torch.no_grad():
        got = compiler(work, mode=mode, fullgraph=True)(left.to(device), right.to(device))
    return against(LIMITS["fp32"], difference(got, work(left.double(), right.double())))


def main() -> None:
    """Compile on ``device`` in ``mode``."""
    wish = start()
    os.environ["TORCHINDUCTOR_COMPILE_THREADS"] = "1"  # no pool of processes for one function
    say(phase="import")
    import torch

    device, mode = wish["device"], wish["mode"]
    task = Task("compile", device, lambda: compiled(torch, device, mode), "fp32", mode)
    prove([task], wish["skip"], lambda said, dtype: is_fault(said, dtype, None))
    say(phase="done")
