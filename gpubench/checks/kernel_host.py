"""What the kernel said of the bus and of the machine: PCIe errors, killed programs."""

from gpubench.checks.facts import pci_gpus
from gpubench.checks.kernel_log import events_known, lines_of, place_of, places_of
from gpubench.checks.outcome import Check, Outcome, fail, note, ok, warn
from gpubench.env.snapshot import KernelEvent, Snapshot
from gpubench.units import count

TROUBLES = {
    "oom": "programs killed for want of memory",
    "machine-check": "hardware errors of the processor or its memory",
    "lockup": "processors stuck in the kernel",
    "nccl-crash": "programs that crashed in libnccl.so",
}


def clean_bus(snapshot: Snapshot) -> Outcome:
    """The kernel log holds no PCIe error of a GPU or of a port above it.

    Why: errors that the link mends cost time; those that it cannot mend take the GPU away.
    Remedy: reseat the card, check riser, cables and slot.
    """
    other, events = events_known(snapshot)
    if other is not None:
        return other
    ours = [event for event in events if _is_above_a_gpu(snapshot, event)]
    by_kind = {
        kind: [event for event in ours if event.kind == f"pcie-{kind}"]
        for kind in ("fatal", "error", "corrected", "limited")
    }
    if by_kind["fatal"]:
        return fail(
            f"fatal PCIe errors at {places_of(by_kind['fatal'])}",
            "reseat the card; check its riser, cables and slot; try it in another slot",
            confidence="likely",
            lines=lines_of(by_kind["fatal"]),
        )
    mended = by_kind["error"] + by_kind["corrected"]
    if mended:
        return warn(
            f"{count(len(mended), 'PCIe error')} at {places_of(mended)}, which did no lasting harm",
            "reseat the card; check its riser, cables and slot",
            cause="gpu-degraded",
            confidence="possible",
            lines=lines_of(mended),
        )
    if by_kind["limited"]:
        return note(
            f"the kernel found less PCIe bandwidth than the GPU could use at "
            f"{places_of(by_kind['limited'])}",
            lines=lines_of(by_kind["limited"]),
        )
    return ok("no PCIe error of a GPU in the kernel log")


def _is_above_a_gpu(snapshot: Snapshot, event: KernelEvent) -> bool:
    """True for a GPU's own address and for the ports on its way to the processor."""
    if not event.kind.startswith("pcie-"):
        return False
    known = {place_of(gpu.pci_address) for gpu in snapshot.gpus}
    for device in pci_gpus(snapshot):
        known |= {place_of(device.address), *(place_of(link.address) for link in device.links)}
    return place_of(event.pci_address) in known - {None}


def calm_machine(snapshot: Snapshot) -> Outcome:
    """The kernel killed no program and reported no fault of the processor or its memory.

    Why: a run that ends without a word was often ended by the kernel.
    Remedy: by the line: more memory or fewer workers, a memory test, a newer kernel.
    """
    other, events = events_known(snapshot)
    if other is not None:
        return other
    found = [event for event in events if event.kind in TROUBLES]
    if not found:
        return ok("nothing of the kind in the kernel log")
    kinds = sorted({event.kind for event in found})
    return warn(
        "; ".join(TROUBLES[kind] for kind in kinds),
        "read the lines and what stands around them: sudo dmesg -T",
        confidence="possible",
        counts={kind: sum(event.kind == kind for event in found) for kind in kinds},
    )


CHECKS = (
    Check(
        id="kmsg.pcie",
        judge=clean_bus,
        cause="gpu-hardware-fault",
        needs=("gpu.handles", "kmsg.fallen_off_bus"),
        reference="Linux kernel documentation, PCI Express Advanced Error Reporting",
    ),
    Check(
        id="kmsg.oom_mce",
        judge=calm_machine,
        cause="host-resources",
        reference="Linux kernel documentation, out-of-memory handling and machine checks",
    ),
)
