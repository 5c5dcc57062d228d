"""What the kernel said about the GPUs since it started."""

import re

from gpubench.checks.facts import NO_GPU, has_no_gpu, is_shared_out, pci_gpus
from gpubench.checks.outcome import Check, Outcome, fail, note, ok, skip, unknown, warn
from gpubench.env.snapshot import KernelEvent, Snapshot
from gpubench.knowledge.tables import xid
from gpubench.units import count

_ADDRESS = re.compile(r"^(?:([0-9a-fA-F]{1,8}):)?([0-9a-fA-F]{1,2}):([0-9a-fA-F]{1,2})(?:\.\d)?:?$")


def _events(snapshot: Snapshot) -> tuple[Outcome | None, tuple[KernelEvent, ...]]:
    if has_no_gpu(snapshot):
        return skip(NO_GPU), ()
    if snapshot.kernel_events is None:
        reason = snapshot.why_unread("kernel_events")
        return (unknown(reason) if reason else skip("the kernel log is not described here")), ()
    return None, snapshot.kernel_events


def _ours(
    snapshot: Snapshot, events: list[KernelEvent]
) -> tuple[list[KernelEvent], list[KernelEvent]]:
    """Events of GPUs that are ours to judge, and those of other GPUs of the machine.

    The log is the whole machine's, a container or a job has some of its GPUs, and a GPU that is
    bound to another driver is a guest's. On a machine of our own a GPU that NVML does not show
    stays ours: the log may be all that is left of a card that fell off the bus.
    """
    seen = {_place(gpu.pci_address) for gpu in snapshot.gpus}
    away = {
        _place(device.address)
        for device in pci_gpus(snapshot)
        if device.driver not in (None, "nvidia")
    } - {None}
    only_seen = is_shared_out(snapshot) and bool(seen) and None not in seen
    foreign = [
        event
        for event in events
        if (place := _place(event.pci_address)) is not None
        and place not in seen
        and (only_seen or place in away)
    ]
    return [event for event in events if event not in foreign], foreign


def _place(address: str | None) -> tuple[int, int, int] | None:
    """Domain, bus and device, however they are written: 0000:05:00, 00000000:05:00.0."""
    found = _ADDRESS.search(address or "")
    if found is None:
        return None
    return int(found[1] or "0", 16), int(found[2], 16), int(found[3], 16)


def _elsewhere(events: list[KernelEvent]) -> Outcome:
    places = sorted({event.pci_address or "" for event in events})
    return note(f"in the kernel log, of GPUs that are not given to us: {', '.join(places)}")


def no_xid(snapshot: Snapshot) -> Outcome:
    """The kernel log holds no Xid that tells of failing hardware.

    Why: Xid lines are the driver's own error codes; most name what failed and what to do.
    Remedy: by the code; a code of the hardware class that comes back means a replacement.
    """
    other, events = _events(snapshot)
    if other is not None:
        return other
    found, foreign = _ours(snapshot, [event for event in events if event.kind == "xid"])
    if not found and foreign:
        return _elsewhere(foreign)
    if not found:
        return ok("no Xid in the kernel log")
    by_class = {name: [e for e in found if _class(e) == name] for name in ("hardware", "warning")}
    if by_class["hardware"]:
        return _trouble(by_class["hardware"], fatal=True)
    if by_class["warning"]:
        return _trouble(by_class["warning"], fatal=False)
    codes = sorted({event.code or 0 for event in found})
    return note(
        f"{count(len(found), 'Xid')} of programs, not of the hardware: "
        + ", ".join(f"{code} ({_meaning(code)})" for code in codes)
    )


def _class(event: KernelEvent) -> str:
    """An Xid not on record is worth a warning."""
    row = xid(event.code or 0)
    return str(row["class"]) if row else "warning"


def _meaning(code: int) -> str:
    row = xid(code)
    return str(row["meaning"]) if row else "not on record"


def _trouble(events: list[KernelEvent], *, fatal: bool) -> Outcome:
    last = events[-1]
    row = xid(last.code or 0)
    codes = sorted({event.code or 0 for event in events})
    words = ", ".join(f"Xid {code} ({_meaning(code)})" for code in codes)
    places = sorted({event.pci_address for event in events if event.pci_address})
    return (fail if fatal else warn)(
        f"{words} in the kernel log, on {', '.join(places)}",
        row["action"] if row else "look the code up in NVIDIA's Xid catalogue",
        confidence="likely",
        lines=[event.line for event in events[-5:]],
    )


def none_fell_off(snapshot: Snapshot) -> Outcome:
    """No GPU has fallen off the bus.

    Why: some lost cards leave this line and no Xid.
    Remedy: power cycle the machine; where it comes back, reseat or replace the card.
    """
    other, events = _events(snapshot)
    if other is not None:
        return other
    fallen = [event for event in events if event.kind == "fallen-off-bus"]
    found, foreign = _ours(snapshot, fallen)
    if not found and foreign:
        return _elsewhere(foreign)
    if not found:
        return ok("no GPU has fallen off the bus")
    return fail(
        found[-1].line,
        "power cycle the machine; where it comes back, reseat or replace the card",
        lines=[event.line for event in found[-5:]],
    )


_CATALOGUE = "NVIDIA GPU deployment guides, Xid errors"

CHECKS = (
    Check(
        id="kmsg.fallen_off_bus",
        judge=none_fell_off,
        cause="gpu-hardware-fault",
        needs=("gpu.handles",),
        reference=_CATALOGUE,
    ),
    Check(
        id="kmsg.xid",
        judge=no_xid,
        cause="gpu-hardware-fault",
        needs=("gpu.handles", "rows.failure", "rows.pending", "ecc.uncorrected"),
        reference=_CATALOGUE,
    ),
)
