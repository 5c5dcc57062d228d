"""What slows a GPU that works: throttling, heat, power caps, a narrow link, a cold driver."""

from gpubench.checks.facts import per_gpu
from gpubench.checks.outcome import Check, Outcome, fail, ok, warn
from gpubench.env.snapshot import Gpu, Snapshot
from gpubench.units import count

HARDWARE = {0x08: "hardware slow-down", 0x40: "hardware thermal slow-down", 0x80: "power brake"}
SOFTWARE_THERMAL = 0x20
"""The bits of NVML's clock event reasons. Idle (1), application clocks (2), the software power
cap (4), sync boost (0x10) and display clocks (0x100) are normal and leave no mark here."""
MARGIN_C = 5
"""How near to its slow-down temperature a GPU may be before we warn (own choice)."""
COLDEST_C = 40
"""A slow-down threshold below this is no answer: some firmwares say 0 (own choice)."""


def not_throttled(snapshot: Snapshot) -> Outcome:
    """No GPU is slowed down by its hardware right now.

    Why: heat, power supply and cables slow a GPU down to a fraction without any error.
    Remedy: check fans and air flow, power cables and supplies.
    """
    other, found = per_gpu(snapshot, "throttle_reasons", "why its clocks are low", _hardware)
    if other is not None:
        return other
    if found:
        return fail(
            "; ".join(found),
            "nvidia-smi -q -d PERFORMANCE,TEMPERATURE,POWER",
            "check cooling, power cables and power supplies of the machine",
            reasons={str(gpu.index): gpu.throttle_reasons for gpu in snapshot.gpus},
        )
    hot = [gpu.index for gpu in snapshot.gpus if (gpu.throttle_reasons or 0) & SOFTWARE_THERMAL]
    if hot:
        return warn(
            f"the driver slows GPU {', '.join(map(str, hot))} down because of heat",
            "nvidia-smi -q -d TEMPERATURE",
        )
    return ok("no GPU is slowed down by heat or power supply")


def _hardware(gpu: Gpu) -> str | None:
    """The hardware reasons in the mask, bit by bit."""
    mask = gpu.throttle_reasons or 0
    return ", ".join(words for bit, words in HARDWARE.items() if mask & bit) or None


def cool(snapshot: Snapshot) -> Outcome:
    """Every GPU is cooler than its slow-down temperature.

    Why: from there on the hardware halves its clocks. The threshold is the GPU's own.
    Remedy: check fans, filters and air flow.
    """
    other, found = per_gpu(snapshot, "temperature_c", "its temperature", _too_hot)
    if other is not None:
        return other
    if found:
        return fail("; ".join(found), "check cooling: nvidia-smi -q -d TEMPERATURE")
    near = [gpu.index for gpu in snapshot.gpus if _margin(gpu) < MARGIN_C]
    if near:
        return warn(
            f"GPU {', '.join(map(str, near))} is within {MARGIN_C} °C of slowing down",
            "nvidia-smi -q -d TEMPERATURE",
        )
    return ok(f"at most {max(gpu.temperature_c or 0 for gpu in snapshot.gpus)} °C")


def _too_hot(gpu: Gpu) -> str | None:
    if _margin(gpu) > 0:
        return None
    return f"{gpu.temperature_c} °C, it slows down at {gpu.temperature_slowdown_c} °C"


def _margin(gpu: Gpu) -> float:
    if gpu.temperature_c is None or (gpu.temperature_slowdown_c or 0) < COLDEST_C:
        return float("inf")
    return (gpu.temperature_slowdown_c or 0) - gpu.temperature_c


def full_width(snapshot: Snapshot) -> Outcome:
    """Every GPU uses the PCIe width it was built for.

    Why: a card that sits badly runs on half its lanes; the width, unlike the speed, does not
    fall when the GPU is idle.
    Remedy: reseat the card, check riser and slot.
    """
    other, found = per_gpu(snapshot, "pcie_width", "its PCIe width", _narrow)
    if other is not None:
        return other
    if found:
        return warn(
            "; ".join(found),
            "reseat the card; check the riser, the slot's wiring and its bifurcation setting",
            confidence="likely",
        )
    return ok("every GPU uses its full PCIe width")


def _narrow(gpu: Gpu) -> str | None:
    if gpu.pcie_width is None or gpu.pcie_width_max is None or gpu.pcie_width >= gpu.pcie_width_max:
        return None
    return f"PCIe x{gpu.pcie_width} of x{gpu.pcie_width_max}"


def full_power(snapshot: Snapshot) -> Outcome:
    """The power limit is not below the default.

    Why: a limit someone set costs speed until it is taken back.
    Remedy: sudo nvidia-smi -pl WATTS
    """
    other, found = per_gpu(snapshot, "power_limit_w", "its power limit", _capped)
    if other is not None:
        return other
    if found:
        return warn(
            "; ".join(found),
            *sorted(
                {
                    f"sudo nvidia-smi -pl {gpu.power_limit_default_w:.0f}"
                    for gpu in snapshot.gpus
                    if _capped(gpu)
                }
            ),
            cause="host-tuning",
        )
    return ok("power limits are the default ones or above")


def _capped(gpu: Gpu) -> str | None:
    limit, default = gpu.power_limit_w, gpu.power_limit_default_w
    if limit is None or default is None or limit >= default - 1:  # NVML rounds to a watt
        return None
    return f"limited to {limit:.0f} W, the default is {default:.0f} W"


def persistence(snapshot: Snapshot) -> Outcome:
    """Persistence mode is on, so the driver stays loaded between programs.

    Why: without it every first program pays seconds of start-up and loses settings.
    Remedy: sudo systemctl enable --now nvidia-persistenced
    """
    other, off = per_gpu(
        snapshot, "persistence", "persistence mode", lambda gpu: None if gpu.persistence else "off"
    )
    if other is not None:
        return other
    if off:
        return warn(
            f"persistence mode is off on {count(len(off), 'GPU')}",
            "on the host: switch persistence mode on (nvidia-persistenced)"
            if snapshot.container is not None
            else "sudo systemctl enable --now nvidia-persistenced",
            cause="host-tuning",
        )
    return ok("persistence mode is on")


_UP = ("nvml.load",)
_NVML = "NVIDIA Management Library API reference"

CHECKS = (
    Check(
        id="clk.throttle_now",
        judge=not_throttled,
        cause="gpu-degraded",
        needs=_UP,
        reference=f"{_NVML}, nvmlClocksEventReasons",
    ),
    Check(id="tmp.core", judge=cool, cause="gpu-degraded", needs=_UP, reference=_NVML),
    Check(id="pcie.width", judge=full_width, cause="gpu-degraded", needs=_UP, reference=_NVML),
    Check(id="pwr.limit", judge=full_power, cause="host-tuning", needs=_UP, reference=_NVML),
    Check(
        id="drv.persistence",
        judge=persistence,
        cause="host-tuning",
        needs=_UP,
        reference="NVIDIA driver persistence documentation",
    ),
)
