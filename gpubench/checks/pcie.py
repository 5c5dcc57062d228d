"""The PCIe links of the GPUs: width, generation, errors."""

from gpubench.checks.facts import gpu_computed, gpus_known, pci_gpus, per_gpu
from gpubench.checks.kernel_log import place_of
from gpubench.checks.outcome import Check, Outcome, fail, note, ok, skip, unknown, warn
from gpubench.env.snapshot import Gpu, PciDevice, Snapshot
from gpubench.units import count

RESEAT = "reseat the card; check the riser, the slot's wiring and its bifurcation setting"
REPLAYS_PER_MINUTE = {1: 0.15, 2: 0.3, 3: 0.48, 4: 0.96, 5: 1.92, 6: 3.84}
"""Replays per lane and minute that a link of each generation may have (NVIDIA DCGM)."""
LEAST_MINUTES = 10
"""A rate over less time than this says nothing (own choice)."""


def full_width(snapshot: Snapshot) -> Outcome:
    """Every GPU, and every port above it, uses the PCIe width both ends of the link have.

    Why: a card that sits badly runs on half its lanes. The width seldom falls when a GPU is
    idle, so at rest it is a warning, and under load it is certain.
    Remedy: reseat the card, check riser and slot.
    """
    missing = gpus_known(snapshot)
    loaded = [said for gpu in snapshot.gpus if (said := _narrow_under_load(gpu))]
    if loaded:
        return fail("; ".join(loaded), RESEAT)
    idle = [said for gpu in snapshot.gpus if (said := _narrow(gpu))]
    above = [said for device in pci_gpus(snapshot) if (said := _narrow_links(snapshot, device))]
    if idle or above:
        return warn("; ".join([*idle, *above]), RESEAT, confidence="likely")
    if missing is not None:
        return missing
    reason = snapshot.why_unread(*(f"gpus.{gpu.index}.pcie_width" for gpu in snapshot.gpus))
    if reason:
        return unknown(reason)
    if not any(gpu.pcie_width for gpu in snapshot.gpus):
        return skip("no GPU here tells its PCIe width")
    return ok("every GPU uses its full PCIe width")


def _narrow_under_load(gpu: Gpu) -> str | None:
    if not _below(gpu.pcie_width_loaded, gpu.pcie_width_max):
        return None
    words = f"PCIe x{gpu.pcie_width_loaded} of x{gpu.pcie_width_max}"
    return f"GPU {gpu.index}: {words} while data was copied"


def _narrow(gpu: Gpu) -> str | None:
    if gpu.pcie_width_loaded is not None or not _below(gpu.pcie_width, gpu.pcie_width_max):
        return None
    return f"GPU {gpu.index}: PCIe x{gpu.pcie_width} of x{gpu.pcie_width_max}"


def _below(now: int | None, most: int | None) -> bool:
    return bool(now and most and now < most)


def _narrow_links(snapshot: Snapshot, device: PciDevice) -> str | None:
    """A link between a device or switch and the port above it, narrower than both can do.

    ``links`` goes up from the device: every second one is the port at the link's other end.
    """
    gpu = next(
        (g for g in snapshot.gpus if place_of(g.pci_address) == place_of(device.address)), None
    )
    if gpu is not None and (gpu.pcie_width_loaded is not None or _narrow(gpu)):
        return None  # it was measured, or NVML has said so already
    for lower, upper in zip(device.links[0::2], device.links[1::2], strict=False):
        most = min(lower.width_max or 0, upper.width_max or 0)
        if _below(lower.width, most):
            whose = f"GPU {gpu.index}" if gpu is not None else device.address
            return (
                f"{whose}: the link from {lower.address} to {upper.address} is "
                f"x{lower.width} of x{most}"
            )
    return None


def best_generation(snapshot: Snapshot) -> Outcome:
    """Every GPU sits in a slot of its own PCIe generation.

    Why: in an older slot, copies to the GPU take twice as long per generation.
    Remedy: none is needed; a newer slot or board would be faster.
    """
    other, found = per_gpu(snapshot, "pcie_generation_max", "its PCIe generation", _slot_limited)
    if other is not None:
        return other
    return note("; ".join(found)) if found else ok("every GPU can use its own PCIe generation")


def _slot_limited(gpu: Gpu) -> str | None:
    if not _below(gpu.pcie_generation_max, gpu.pcie_generation_device_max):
        return None
    return (
        f"PCIe generation {gpu.pcie_generation_max} in this slot, "
        f"{gpu.pcie_generation_device_max} in a newer one"
    )


def full_speed_under_load(snapshot: Snapshot) -> Outcome:
    """While data is copied, every GPU's link runs at its highest generation.

    Why: an idle link may rest at generation 1; one that stays there under load is slow.
    Remedy: look for power saving of links (ASPM) in the firmware; reseat the card.
    """
    other, found = per_gpu(
        snapshot,
        "pcie_generation_loaded",
        "its link's speed while data was copied; an idle link may be slow",
        _slow_under_load,
    )
    if other is not None:
        return other
    if found:
        return fail(
            "; ".join(found),
            "reseat the card; check the riser; look for a limited link speed in the firmware",
        )
    return ok("links run at their highest generation while data is copied")


def _slow_under_load(gpu: Gpu) -> str | None:
    if not _below(gpu.pcie_generation_loaded, gpu.pcie_generation_max):
        return None
    return (
        f"PCIe generation {gpu.pcie_generation_loaded} of {gpu.pcie_generation_max} "
        "while data was copied"
    )


def few_replays(snapshot: Snapshot) -> Outcome:
    """Few packets had to be sent again over PCIe.

    Why: a link with a bad signal mends itself by sending again, and is slower for it.
    Remedy: reseat the card, check riser and cables.
    """
    seconds = snapshot.driver.uptime_seconds
    other, counted = per_gpu(
        snapshot,
        "pcie_replays",
        "its PCIe replays",
        lambda gpu: str(gpu.pcie_replays or "") or None,
    )
    if other is not None:
        return other
    if not counted:
        return ok("no packet was sent again over PCIe")
    if seconds is None or seconds / 60 < LEAST_MINUTES:
        return note(f"packets sent again over PCIe: {'; '.join(counted)}")
    found = [
        f"GPU {gpu.index}: {count(gpu.pcie_replays or 0, 'PCIe replay')} in "
        f"{seconds / 60:.0f} minutes or less"
        for gpu in snapshot.gpus
        if (gpu.pcie_replays or 0) > _allowed(gpu) * seconds / 60
    ]
    if found:
        return warn("; ".join(found), RESEAT, confidence="possible")
    return note(f"packets sent again over PCIe, within what is normal: {'; '.join(counted)}")


def _allowed(gpu: Gpu) -> float:
    """Replays per minute that this link may have."""
    rate = REPLAYS_PER_MINUTE.get(gpu.pcie_generation_max or 0, max(REPLAYS_PER_MINUTE.values()))
    return rate * (gpu.pcie_width_max or 16)


def no_bus_errors(snapshot: Snapshot) -> Outcome:
    """No GPU has had a PCIe error that the link could not mend.

    Why: the kernel counts them per device, also where its log has long been overwritten.
    Remedy: reseat the card, check riser and slot.
    """
    devices = [device for device in pci_gpus(snapshot) if device.aer_fatal is not None]
    if not devices:
        return skip("no device here counts its PCIe errors")
    fatal = [device for device in devices if device.aer_fatal]
    rest = [device for device in devices if device.aer_nonfatal or device.aer_correctable]
    if fatal:
        words = "; ".join(f"{d.address}: {count(d.aer_fatal or 0, 'fatal error')}" for d in fatal)
        if gpu_computed(snapshot):
            return warn(f"{words}; a GPU computes all the same", RESEAT, confidence="possible")
        return fail(words, RESEAT, confidence="likely")
    if rest:
        return note(
            "; ".join(
                f"{d.address}: {d.aer_nonfatal or 0} errors that were survived, "
                f"{d.aer_correctable or 0} that were mended"
                for d in rest
            )
        )
    return ok("no PCIe error was counted")


_NVML = "NVIDIA Management Library API reference"
_UP = ("nvml.load",)

CHECKS = (
    Check(id="pcie.width", judge=full_width, cause="gpu-degraded", needs=_UP, reference=_NVML),
    Check(
        id="pcie.gen_max", judge=best_generation, cause="gpu-degraded", needs=_UP, reference=_NVML
    ),
    Check(
        id="pcie.gen_load",
        judge=full_speed_under_load,
        cause="gpu-degraded",
        needs=_UP,
        reference=_NVML,
    ),
    Check(
        id="pcie.replay",
        judge=few_replays,
        cause="gpu-degraded",
        needs=_UP,
        reference="NVIDIA DCGM, health watch of PCIe replays",
    ),
    Check(
        id="pcie.aer",
        judge=no_bus_errors,
        cause="gpu-hardware-fault",
        needs=("gpu.handles", "kmsg.fallen_off_bus", "kmsg.pcie"),
        reference="Linux kernel documentation, sysfs-bus-pci-devices-aer_stats",
    ),
)
