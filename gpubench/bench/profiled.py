"""A few more steps under torch's profiler, after the window: how busy the GPU was, and with what.

The profiler costs time itself, so nothing here is a throughput; and a diagnostic that fails must
not cost the measurement, so whatever goes wrong becomes its reason.
"""

import itertools
import math
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import torch
from torch.profiler import ProfilerActivity, profile

from gpubench.bench.feeding import in_whole_cycles
from gpubench.units import Seconds

PASS_SECONDS = 0.5
FEWEST_STEPS, MOST_STEPS = 3, 20
"""The pass fills about so many seconds within so many steps (own choice)."""

TOP = 5
"""How many kernels are named (own choice)."""

NAME_LENGTH = 120
"""How much of a kernel's name is kept; templates can run to thousands of characters."""

ATTENTION_OPERATORS = {
    "aten::_scaled_dot_product_flash_attention_for_cpu": "flash (CPU)",
    "aten::_scaled_dot_product_flash_attention": "flash",
    "aten::_scaled_dot_product_efficient_attention": "memory-efficient",
    "aten::_scaled_dot_product_cudnn_attention": "cudnn",
    "aten::_scaled_dot_product_fused_attention_overrideable": "overrideable",
    "aten::_scaled_dot_product_attention_math": "math",
}
"""Which operator of torch stands for which attention."""

ATTENTION_KERNELS = {"flash_fwd": "flash", "fmha_cutlass": "memory-efficient", "sdpa": "cudnn"}
"""What names of its kernels hold, for steps that a CUDA graph replays without operators."""


def profiled(
    step: Callable[[], object], device: torch.device, step_seconds: Seconds, *, cycle: int = 1
) -> dict[str, Any]:
    """What some more steps are made of; ``unread`` says why, where something is not known.

    They are whole cycles, where shapes come in cycles of so many steps.
    """
    found: dict[str, Any] = {}
    try:
        found |= _operators(step)
        if device.type == "cuda":
            found |= _kernels(step, _steps(step_seconds, cycle))
        else:
            found["unread"] = "a CPU does the host's work itself, so no share of it is the device's"
    except Exception as problem:
        found["unread"] = f"{type(problem).__name__}: {problem}".splitlines()[0][:300]
    return found


def _operators(step: Callable[[], object]) -> dict[str, Any]:
    """One step as the host sees it: how many operators of torch it calls, and which attention."""
    with profile(activities=[ProfilerActivity.CPU]) as watched:
        step()
    calls = Counter({event.key: event.count for event in watched.key_averages()})
    operators = {name: count for name, count in calls.items() if name.startswith("aten::")}
    return {
        "operators_per_step": sum(operators.values()),
        "attention": sorted(
            {ATTENTION_OPERATORS[n] for n in operators if n in ATTENTION_OPERATORS}
        ),
    }


def _steps(step_seconds: Seconds, cycle: int) -> int:
    filling = math.ceil(PASS_SECONDS / max(step_seconds, 1e-6))
    return in_whole_cycles(max(FEWEST_STEPS, min(MOST_STEPS, filling)), cycle)


def _kernels(step: Callable[[], object], steps: int) -> dict[str, Any]:
    """Some steps as the GPU sees them, without watching the host, which would slow it."""
    torch.cuda.synchronize()
    with profile(activities=[ProfilerActivity.CUDA]) as watched:
        began = time.perf_counter()
        for _ in range(steps):
            step()
        torch.cuda.synchronize()
        wall = time.perf_counter() - began
    return {"steps": steps, "wall_seconds": wall, **kernel_facts(watched.events())}


def kernel_facts(events: Iterable[Any]) -> dict[str, Any]:
    """How long at least one kernel or copy of a profile ran, and the longest by name.

    Times are the profiler's microseconds. An annotation spans the gaps between the kernels it
    names, so it is no work.
    """
    work = [event for event in events if _is_work(event)]
    if not work:
        return {"unread": "the profiler saw no kernel (CUPTI may be missing or held by another)"}
    spans = [(event.time_range.start, event.time_range.end) for event in work]
    seconds: Counter[str] = Counter()
    calls: Counter[str] = Counter()
    for event, (start, end) in zip(work, spans, strict=True):
        seconds[event.name] += (end - start) / 1e6
        calls[event.name] += 1
    return {
        "busy_seconds": union(spans) / 1e6,
        "kernels": len(work),
        "attention_kernels": _attention(seconds),
        "top": [
            {"name": name[:NAME_LENGTH], "seconds": spent, "calls": calls[name]}
            for name, spent in sorted(seconds.items(), key=lambda item: (-item[1], item[0]))[:TOP]
        ],
    }


def union(spans: Sequence[tuple[float, float]]) -> float:
    """The length of time that at least one of the spans (start, end) covers."""
    covered, reached = 0.0, -math.inf
    for start, end in sorted(spans):
        covered += max(0.0, end - max(start, reached))
        reached = max(reached, end)
    return covered


def _is_work(event: Any) -> bool:
    on_gpu = event.device_type == torch.autograd.DeviceType.CUDA
    return on_gpu and not getattr(event, "is_user_annotation", False)


def _attention(names: Iterable[str]) -> list[str]:
    found = itertools.product(names, ATTENTION_KERNELS.items())
    return sorted({label for name, (part, label) in found if part in name.lower()})
