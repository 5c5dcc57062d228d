"""How hot the GPUs and their memory are, and whether their fans turn."""

from collections.abc import Callable, Sequence

from gpubench.checks.facts import per_gpu
from gpubench.checks.outcome import Check, Outcome, fail, ok, warn
from gpubench.env.snapshot import Gpu, Snapshot

MARGIN_C = 5
"""How near to its slow-down temperature a GPU may be before we warn (own choice)."""
COLDEST_C = 40
"""A slow-down threshold below this is no answer: some firmwares say 0 (own choice)."""
HOT_C = 75
"""A fan that rests at this temperature is not resting (own choice)."""


def cool(snapshot: Snapshot) -> Outcome:
    """Every GPU is cooler than the temperature at which it slows down.

    Why: from there on the hardware halves its clocks. The threshold is the GPU's own; newer
    GPUs tell the degrees that are left instead.
    Remedy: check fans, filters and air flow.
    """
    other, found = per_gpu(snapshot, "temperature_c", "its temperature", _too_hot)
    if other is not None:
        return other
    near = _near(snapshot, _margin)
    return _hot(found, near and f"GPU {near} is within {MARGIN_C} °C of slowing down") or ok(
        f"at most {max(gpu.temperature_c or 0 for gpu in snapshot.gpus)} °C"
    )


def _near(snapshot: Snapshot, margin: Callable[[Gpu], float]) -> str:
    """The indices of the GPUs that have less than ``MARGIN_C`` left."""
    return ", ".join(str(gpu.index) for gpu in snapshot.gpus if margin(gpu) < MARGIN_C)


def _hot(found: Sequence[str], near: str) -> Outcome | None:
    """The trouble of what is too hot, or nearly; None where nothing is."""
    if found:
        return fail("; ".join(found), "check cooling: nvidia-smi -q -d TEMPERATURE")
    return warn(near, "nvidia-smi -q -d TEMPERATURE") if near else None


def _too_hot(gpu: Gpu) -> str | None:
    if _margin(gpu) > 0:
        return None
    if _tells_margin(gpu):
        return f"{gpu.temperature_c} °C, which is where it slows down"
    return f"{gpu.temperature_c} °C, it slows down at {gpu.temperature_slowdown_c} °C"


def _margin(gpu: Gpu) -> float:
    """Degrees left until the hardware slows down; infinite where the GPU does not tell."""
    if _tells_margin(gpu):
        return (gpu.temperature_margin_c or 0) - (gpu.temperature_margin_slowdown_c or 0)
    if gpu.temperature_c is None or (gpu.temperature_slowdown_c or 0) < COLDEST_C:
        return float("inf")
    return (gpu.temperature_slowdown_c or 0) - gpu.temperature_c


def _tells_margin(gpu: Gpu) -> bool:
    return gpu.temperature_margin_c is not None and gpu.temperature_margin_slowdown_c is not None


def memory_cool(snapshot: Snapshot) -> Outcome:
    """The memory of every GPU is cooler than its highest operating temperature.

    Why: hot memory is slowed down, and makes more errors.
    Remedy: check fans, filters and air flow.
    """
    other, found = per_gpu(
        snapshot, "temperature_memory_c", "the temperature of its memory", _memory_hot
    )
    if other is not None:
        return other
    near = _near(snapshot, _memory_margin)
    words = near and f"the memory of GPU {near} is within {MARGIN_C} °C of its limit"
    return _hot(found, words) or ok(
        f"memory at most {max(gpu.temperature_memory_c or 0 for gpu in snapshot.gpus)} °C"
    )


def _memory_hot(gpu: Gpu) -> str | None:
    if _memory_margin(gpu) > 0:
        return None
    return f"memory at {gpu.temperature_memory_c} °C, its limit: {gpu.temperature_memory_max_c} °C"


def _memory_margin(gpu: Gpu) -> float:
    limit = gpu.temperature_memory_max_c or 0
    if gpu.temperature_memory_c is None or limit < COLDEST_C:
        return float("inf")
    return limit - gpu.temperature_memory_c


def fans_turn(snapshot: Snapshot) -> Outcome:
    """No fan stands still on a hot GPU.

    Why: many fans rest while the GPU is cool; one that rests on a hot one is broken or blocked.
    Remedy: look at the card.
    """
    other, found = per_gpu(snapshot, "fan_percent", "its fan", _still)
    if other is not None:
        return other
    if found:
        return warn("; ".join(found), "look at the card: a fan is broken, blocked or unplugged")
    return ok("no fan stands still on a hot GPU")


def _still(gpu: Gpu) -> str | None:
    if gpu.fan_percent != 0 or (gpu.temperature_c or 0) < HOT_C:
        return None
    return f"the fan stands still at {gpu.temperature_c} °C"


_UP = ("nvml.load",)
_NVML = "NVIDIA Management Library API reference"

CHECKS = (
    Check(
        id="tmp.core",
        judge=cool,
        cause="gpu-degraded",
        needs=(*_UP, "clk.throttle_now"),
        reference=_NVML,
    ),
    Check(id="tmp.hbm", judge=memory_cool, cause="gpu-degraded", needs=_UP, reference=_NVML),
    Check(id="fan.speed", judge=fans_turn, cause="gpu-degraded", needs=_UP, reference=_NVML),
)
