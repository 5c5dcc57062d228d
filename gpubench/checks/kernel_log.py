"""What the kernel said about the GPUs since it started."""

import re
from collections.abc import Sequence

from gpubench.checks.facts import NO_GPU, has_no_gpu, is_shared_out, on_the_host, pci_gpus
from gpubench.checks.outcome import Check, Outcome, fail, note, ok, skip, unknown, warn
from gpubench.env.snapshot import KernelEvent, Snapshot
from gpubench.knowledge.tables import xid
from gpubench.units import count

_ADDRESS = re.compile(r"^(?:([0-9a-fA-F]{1,8}):)?([0-9a-fA-F]{1,2}):([0-9a-fA-F]{1,2})(?:\.\d)?:?$")


def events_known(snapshot: Snapshot) -> tuple[Outcome | None, tuple[KernelEvent, ...]]:
    """The events of the kernel log, or the outcome that says why there are none to judge."""
    if has_no_gpu(snapshot):
        return skip(NO_GPU), ()
    if snapshot.kernel_events is None:
        reason = snapshot.why_unread("kernel_events")
        if reason:
            return unknown(f"the kernel log may not be read (kmsg.access): {reason}"), ()
        return skip("the kernel log is not described here"), ()
    return None, snapshot.kernel_events


def _ours(
    snapshot: Snapshot, events: Sequence[KernelEvent]
) -> tuple[list[KernelEvent], list[KernelEvent]]:
    """Events of GPUs that are ours to judge, and those of other GPUs of the machine.

    The log is the whole machine's, a container or a job has some of its GPUs, and a GPU that is
    bound to another driver is a guest's. On a machine of our own a GPU that NVML does not show
    stays ours: the log may be all that is left of a card that fell off the bus.
    """
    seen = {place_of(gpu.pci_address) for gpu in snapshot.gpus}
    away = {
        place_of(device.address)
        for device in pci_gpus(snapshot)
        if device.driver not in (None, "nvidia")
    } - {None}
    only_seen = is_shared_out(snapshot) and bool(seen) and None not in seen
    foreign = [
        event
        for event in events
        if (place := place_of(event.pci_address)) is not None
        and place not in seen
        and (only_seen or place in away)
    ]
    return [event for event in events if event not in foreign], foreign


def place_of(address: str | None) -> tuple[int, int, int] | None:
    """Domain, bus and device, however they are written: 0000:05:00, 00000000:05:00.0."""
    found = _ADDRESS.search(address or "")
    if found is None:
        return None
    return int(found[1] or "0", 16), int(found[2], 16), int(found[3], 16)


def lines_of(events: Sequence[KernelEvent]) -> list[str]:
    """The last few lines, as evidence."""
    return [event.line for event in events[-5:]]


def places_of(events: Sequence[KernelEvent]) -> str:
    """The addresses they name, or words where they name none."""
    places = sorted({event.pci_address for event in events if event.pci_address})
    return ", ".join(places) or "a GPU that is not named"


def _elsewhere(events: list[KernelEvent]) -> Outcome:
    return note(
        f"in the kernel log, of GPUs that are not given to us: {places_of(events)}",
        lines=lines_of(events),
    )


def log_readable(snapshot: Snapshot) -> Outcome:
    """The kernel log can be read.

    Why: Xid codes, lost cards and PCIe errors stand there and nowhere else; a log that cannot
    be read is no log without errors.
    Remedy: run as root, join the group adm, or: sudo sysctl kernel.dmesg_restrict=0
    """
    if has_no_gpu(snapshot):
        return skip(NO_GPU)
    if snapshot.kernel_events is not None:
        return ok("the kernel log was read")
    reason = snapshot.why_unread("kernel_events")
    if reason is None:
        return skip("the kernel log is not described here")
    return unknown(f"{reason}; neither journalctl nor dmesg shows it to this user")


def no_xid(snapshot: Snapshot) -> Outcome:
    """The kernel log holds no Xid that tells of failing hardware.

    Why: Xid lines are the driver's own error codes; most name what failed and what to do.
    Remedy: by the code; a code of the hardware class that comes back means a replacement.
    """
    other, events = events_known(snapshot)
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
        + ", ".join(f"{code} ({_meaning(code)})" for code in codes),
        lines=lines_of(found),
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
    unknown_lines = [event.line for event in events if xid(event.code or 0) is None]
    said = f"; it says: {unknown_lines[-1]}" if unknown_lines else ""
    return (fail if fatal else warn)(
        f"{words} in the kernel log, on {places_of(events)}{said}",
        row["action"] if row else "look the code up in NVIDIA's Xid catalogue",
        confidence="likely",
        codes=codes,
        lines=lines_of(events),
    )


def no_switch_error(snapshot: Snapshot) -> Outcome:
    """The kernel log holds no SXid, the error code of an NVSwitch, that is fatal.

    Why: a fatal one takes NVLink traffic down until the switch and its GPUs are reset.
    Remedy: read the fabric manager's log, reset the GPUs, restart the fabric manager.
    """
    other, events = events_known(snapshot)
    if other is not None:
        return other
    fatal = [event for event in events if event.kind == "sxid-fatal"]
    if fatal:
        return fail(
            f"fatal SXid {', '.join(_codes(fatal))} of the NVSwitch at {places_of(fatal)}",
            "read /var/log/fabricmanager.log",
            "end every program on the GPUs",
            *on_the_host(
                snapshot,
                "sudo nvidia-smi --gpu-reset",
                "sudo systemctl restart nvidia-fabricmanager",
            ),
            confidence="likely",
            lines=lines_of(fatal),
        )
    mild = [event for event in events if event.kind == "sxid"]
    if mild:
        return note(f"SXid {', '.join(_codes(mild))}, not fatal", lines=lines_of(mild))
    return ok("no SXid in the kernel log")


def _codes(events: Sequence[KernelEvent]) -> list[str]:
    return [str(code) for code in sorted({event.code or 0 for event in events})]


def none_fell_off(snapshot: Snapshot) -> Outcome:
    """No GPU has fallen off the bus or failed to start.

    Why: some lost cards leave this line and no Xid.
    Remedy: power cycle the machine; where it comes back, reseat or replace the card.
    """
    other, events = events_known(snapshot)
    if other is not None:
        return other
    fallen = [event for event in events if event.kind in ("fallen-off-bus", "init-failed")]
    found, foreign = _ours(snapshot, fallen)
    if not found and foreign:
        return _elsewhere(foreign)
    if not found:
        return ok("no GPU has fallen off the bus")
    return fail(
        found[-1].line,
        "power cycle the machine; where it comes back, reseat or replace the card",
        confidence="certain" if any(e.kind == "fallen-off-bus" for e in found) else "likely",
        lines=lines_of(found),
    )


_CATALOGUE = "NVIDIA GPU deployment guides, Xid errors"

CHECKS = (
    Check(
        id="kmsg.access",
        judge=log_readable,
        cause="host-tuning",
        reference="Linux kernel documentation, dmesg_restrict",
    ),
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
    Check(
        id="kmsg.sxid",
        judge=no_switch_error,
        cause="gpu-hardware-fault",
        reference="NVIDIA Fabric Manager user guide, SXid errors",
    ),
)
