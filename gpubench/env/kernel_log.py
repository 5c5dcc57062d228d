"""What the kernel said about GPUs since it started: Xid lines, cards fallen off the bus."""

import os
import re

from gpubench.env.redact import clean
from gpubench.env.snapshot import KernelEvent
from gpubench.env.sources import Sources

MAX_LOG_BYTES = 8 * 2**20
_XID = re.compile(r"NVRM: Xid \((?:PCI:)?([0-9a-fA-F:.]+)\): (\d+)")
_FALLEN = re.compile(r"NVRM:.*?([0-9a-fA-F:.]{7,})?.*fallen off the bus")
_KEPT = 200
"""Events kept; a GPU in trouble can say the same line thousands of times."""


def read_kernel_log(sources: Sources, unread: dict[str, str]) -> tuple[KernelEvent, ...] | None:
    """GPU events of the kernel log; None, with the reason, where it may not be read."""
    try:
        return parse(_records(sources))
    except OSError as problem:
        unread["kernel_events"] = f"/dev/kmsg: {problem.strerror}"
        return None


def _records(sources: Sources) -> str:
    """The whole ring buffer: every read gives one record, until there is none left."""
    handle = os.open(sources.path("/dev/kmsg"), os.O_RDONLY | os.O_NONBLOCK)
    try:
        kept: list[bytes] = []
        size = 0
        while size < MAX_LOG_BYTES:
            try:
                record = os.read(handle, 65536)
            except BlockingIOError:
                break
            except BrokenPipeError:  # overwritten while it was read: go on with the next
                continue
            if not record:
                break
            kept.append(record)
            size += len(record)
        return b"".join(kept).decode("utf-8", "replace")
    finally:
        os.close(handle)


def parse(text: str) -> tuple[KernelEvent, ...]:
    """The GPU events in lines of /dev/kmsg, dmesg or journalctl."""
    events = []
    for line in text.splitlines():
        if "NVRM" not in line:
            continue
        event = _xid(line) or _fallen(line)
        if event is not None:
            events.append(event)
    return tuple(events[-_KEPT:])


def _xid(line: str) -> KernelEvent | None:
    found = _XID.search(line)
    if found is None:
        return None
    return KernelEvent(
        kind="xid",
        code=int(found[2]),
        pci_address=found[1],
        seconds_since_boot=_stamp(line),
        line=_message(line),
    )


def _fallen(line: str) -> KernelEvent | None:
    found = _FALLEN.search(line)
    if found is None:
        return None
    return KernelEvent(
        kind="fallen-off-bus",
        pci_address=found[1],
        seconds_since_boot=_stamp(line),
        line=_message(line),
    )


def _stamp(line: str) -> float | None:
    """Monotonic seconds: microseconds in /dev/kmsg, bracketed seconds in dmesg."""
    found = re.match(r"\d+,\d+,(\d+),", line)
    if found:
        return int(found[1]) / 1e6
    found = re.match(r"\[\s*(\d+\.\d+)\]", line)
    return float(found[1]) if found else None


def _message(line: str) -> str:
    return clean(line[line.index("NVRM") :])[:300]
