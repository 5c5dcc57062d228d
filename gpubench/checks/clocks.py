"""What slows a GPU that works: throttling, power caps, low clocks, a cold driver."""

from gpubench.checks.facts import CONSUMER, on_the_host, per_gpu
from gpubench.checks.outcome import Check, Outcome, fail, note, ok, warn
from gpubench.env.snapshot import Gpu, Snapshot
from gpubench.units import count, seconds

HARDWARE = {0x08: "hardware slow-down", 0x40: "hardware thermal slow-down", 0x80: "power brake"}
SOFTWARE_THERMAL = 0x20
"""The bits of NVML's clock event reasons. Idle (1), application clocks (2), the software power
cap (4), sync boost (0x10) and display clocks (0x100) are normal and leave no mark here."""
LONG_SECONDS, LONG_SHARE = 60.0, 0.01
"""Time slowed down that warns: more than a minute and than 1 % of the machine's time (own)."""


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


def seldom_throttled(snapshot: Snapshot) -> Outcome:
    """Heat or power supply have not slowed a GPU down for long since the driver was loaded.

    Why: a GPU that is idle now may throttle under every load; the driver counts the time.
    Remedy: check fans and air flow, power cables and supplies.
    """
    uptime = snapshot.driver.uptime_seconds
    other, counted = per_gpu(
        snapshot, "throttled_thermal_seconds", "how long it was slowed down", _slowed_for
    )
    if other is not None:
        return other
    if not counted:
        return ok("no GPU was slowed down by heat or power supply")
    if uptime is None:
        return note("; ".join(counted))
    found = [
        f"GPU {gpu.index}: {said}"
        for gpu in snapshot.gpus
        if (said := _slowed_for(gpu)) and _slowed(gpu) > max(LONG_SECONDS, LONG_SHARE * uptime)
    ]
    if found:
        return warn(
            f"{'; '.join(found)}; the machine is up for {seconds(uptime)}",
            "nvidia-smi -q -d PERFORMANCE,TEMPERATURE,POWER",
            "check cooling, power cables and power supplies of the machine",
            confidence="likely",
        )
    return note(f"now and then slowed down: {'; '.join(counted)}")


def _slowed(gpu: Gpu) -> float:
    """The longest of the times; they overlap."""
    times = (
        gpu.throttled_thermal_seconds,
        gpu.throttled_power_brake_seconds,
        gpu.throttled_software_thermal_seconds,
    )
    return max((time for time in times if time is not None), default=0.0)


def _slowed_for(gpu: Gpu) -> str | None:
    parts = (
        ("heat", gpu.throttled_thermal_seconds),
        ("the power brake", gpu.throttled_power_brake_seconds),
        ("heat, by the driver", gpu.throttled_software_thermal_seconds),
    )
    said = [f"{seconds(time)} by {what}" for what, time in parts if time]
    return f"slowed down for {', '.join(said)}" if said else None


def clocks_free(snapshot: Snapshot) -> Outcome:
    """No one set the clocks lower than they are by default.

    Why: applications clocks that were set stay until the driver is reloaded, and cost speed.
    Remedy: sudo nvidia-smi -rac
    """
    other, found = per_gpu(
        snapshot, "clock_graphics_applications_mhz", "its applications clocks", _lowered
    )
    if other is not None:
        return other
    if found:
        return warn("; ".join(found), *on_the_host(snapshot, "sudo nvidia-smi -rac"))
    for model in sorted({gpu.name for gpu in snapshot.gpus if gpu.name}):
        group = [gpu for gpu in snapshot.gpus if gpu.name == model]
        limits = {gpu.clock_graphics_applications_mhz or 0 for gpu in group} - {0}
        if len(limits) > 1:
            return warn(
                "applications clocks differ between GPUs of one model: "
                f"{', '.join(map(str, sorted(limits)))} MHz",
                *on_the_host(snapshot, "sudo nvidia-smi -rac"),
                confidence="possible",
            )
    return ok("applications clocks are the default ones")


def _lowered(gpu: Gpu) -> str | None:
    pairs = (
        ("graphics", gpu.clock_graphics_applications_mhz, gpu.clock_graphics_default_mhz),
        ("memory", gpu.clock_memory_applications_mhz, gpu.clock_memory_default_mhz),
    )
    said = [
        f"{what} clock set to {now} MHz, the default is {default} MHz"
        for what, now, default in pairs
        if now and default and now < default
    ]
    return ", ".join(said) or None


def full_power(snapshot: Snapshot) -> Outcome:
    """The power limit is not below the default.

    Why: a limit someone set costs speed until it is taken back.
    Remedy: sudo nvidia-smi -pl WATTS
    """
    other, found = per_gpu(snapshot, "power_limit_w", "its power limit", _capped)
    if other is not None:
        return other
    if found:
        capped = [gpu for gpu in snapshot.gpus if _capped(gpu)]
        steps = (f"sudo nvidia-smi -i {g.index} -pl {g.power_limit_default_w:.0f}" for g in capped)
        return warn("; ".join(found), *on_the_host(snapshot, *steps))
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
    words = f"persistence mode is off on {count(len(off), 'GPU')}"
    if off and all(CONSUMER.search(gpu.name or "") for gpu in snapshot.gpus):
        return note(f"{words}, as is usual for a desktop")
    if off:
        return warn(
            words,
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
    Check(
        id="clk.throttle_history",
        judge=seldom_throttled,
        cause="gpu-degraded",
        needs=(*_UP, "clk.throttle_now"),
        reference=f"{_NVML}, clocks event reason counters",
    ),
    Check(
        id="clk.limits",
        judge=clocks_free,
        cause="gpu-degraded",
        needs=_UP,
        reference=f"{_NVML}, nvmlDeviceGetApplicationsClock",
    ),
    Check(id="pwr.limit", judge=full_power, cause="gpu-degraded", needs=_UP, reference=_NVML),
    Check(
        id="drv.persistence",
        judge=persistence,
        cause="host-tuning",
        needs=_UP,
        reference="NVIDIA driver persistence documentation",
    ),
)
