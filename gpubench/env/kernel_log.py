"""What the kernel said since it started: Xid lines, lost cards, PCIe errors, killed programs."""

import os
import re
import shutil
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path

from gpubench.env.redact import clean
from gpubench.env.snapshot import KernelEvent
from gpubench.env.sources import Sources, run_child

MAX_LOG_BYTES = 8 * 2**20
MAX_LINE = 1024
"""Characters of a line that are looked at; the kernel's own lines are shorter."""
PROGRAM_SECONDS = 5.0
PROGRAMS = (
    ("journalctl", "-k", "-b", "-q", "--no-pager", "-o", "short-monotonic", "-n", "50000"),
    ("dmesg",),
)
"""Asked in this order where /dev/kmsg may not be read."""
_KEPT = 200
"""Events kept of a kind; a GPU in trouble can say the same line thousands of times."""
_ADDRESS = r"[0-9a-fA-F]{4,8}:[0-9a-fA-F]{2}:[0-9a-fA-F]{2}(?:\.[0-7])?"
_AT = rf"(?P<at>{_ADDRESS}): (?:AER: )?"
_FIRST_ADDRESS = re.compile(rf"(?<![0-9a-fA-F:]){_ADDRESS}")
_DRIVERS = re.compile(r"NVRM|\bnvidia (?=[0-9a-fA-F]{4,8}:)|\bnvidia: ")
_OF_THE_DRIVER = frozenset({"fallen-off-bus", "init-failed"})
"""Kinds whose line must be the NVIDIA driver's, and may name a GPU anywhere in it."""

_FORMS: tuple[tuple[str, re.Pattern[str]], ...] = tuple(
    (kind, re.compile(pattern))
    for kind, pattern in (
        ("xid", r"NVRM: Xid \((?:PCI:)?(?P<at>[0-9a-fA-F:.]+)\): (?P<code>\d{1,6})"),
        (
            "sxid-fatal",
            r"SXid \((?:PCI:)?(?P<at>[0-9a-fA-F:.]+)\): (?P<code>\d{1,6}),? Fatal",
        ),
        ("sxid", r"SXid \((?:PCI:)?(?P<at>[0-9a-fA-F:.]+)\): (?P<code>\d{1,6})"),
        ("fallen-off-bus", r"fallen off the bus"),
        ("init-failed", r"RmInitAdapter failed|rm_init_adapter failed"),
        (
            "pcie-fatal",
            rf"{_AT}(?:PCIe Bus Error: severity=Uncorrect\w+ \(Fatal\)|DPC: containment event)",
        ),
        (
            "pcie-error",
            rf"{_AT}PCIe Bus Error: severity=Uncorrect\w+ \(Non-Fatal\)",
        ),
        (
            "pcie-corrected",
            rf"{_AT}PCIe Bus Error: severity=Correct",
        ),
        ("pcie-limited", rf"(?P<at>{_ADDRESS}): .*available PCIe bandwidth, limited by"),
        (
            "module-rejected",
            r"nvidia\S*: .*(?:Key was rejected by service|Required key not available)",
        ),
        ("module-rejected", r"Loading of .*module.* is rejected|unsigned module loading is restr"),
        ("module-unverified", r"nvidia\w*: module verification failed"),
        ("oom", r"Out of memory: Kill|Memory cgroup out of memory: Kill"),
        ("machine-check", r"\[Hardware Error\]|mce: .*(?:Machine check|MCE)"),
        ("lockup", r"BUG: soft lockup|Watchdog detected hard LOCKUP|rcu_sched self-detected stall"),
        ("nccl-crash", r"segfault at .* in libnccl\.so"),
    )
)
_HINT = re.compile(
    r"NVRM|SXid|fallen off|AER|DPC:|severity=|limited by|rejected|restricted|verification failed"
    r"|not available|ut of memory|Hardware Error|mce:|lockup|LOCKUP|stall|libnccl"
)
"""What every line that matters holds: a quick look before the patterns."""
_PRIVATE = re.compile(r",? *(?:pid|name)=(?:'[^']*'|\"[^\"]*\"|[^,]*)")
"""Which program met an Xid is nobody's business."""
_SAID = {
    "oom": "the kernel killed a program: out of memory",
    "machine-check": "the processor reported a hardware error",
    "lockup": "a processor was stuck in the kernel",
    "nccl-crash": "a program crashed in libnccl.so",
}
"""Kinds whose lines name programs: said in words of our own."""


def read_kernel_log(sources: Sources, unread: dict[str, str]) -> tuple[KernelEvent, ...] | None:
    """Events of the kernel log; None, with the reason, where it may not be read at all."""
    try:
        return events_in(_records(sources).splitlines())
    except OSError as problem:
        reason = f"/dev/kmsg: {problem.strerror}"
    said = _from_programs(sources) if sources.root == Path("/") else None
    if said is not None:
        return events_in(said.splitlines())
    unread["kernel_events"] = reason
    return None


def _records(sources: Sources) -> str:
    """The whole ring buffer: every read gives one record, until there is none left."""
    handle = os.open(sources.path("/dev/kmsg"), os.O_RDONLY | os.O_NONBLOCK)
    try:
        kept: list[bytes] = []
        size = 0
        for record in records_in(handle):
            kept.append(record)
            size += len(record)
            if size >= MAX_LOG_BYTES:
                break
        return b"".join(kept).decode("utf-8", "replace")
    finally:
        os.close(handle)


def records_in(handle: int) -> Iterator[bytes]:
    """The records that an opened ``/dev/kmsg`` still has; it does not wait for new ones."""
    while True:
        try:
            record = os.read(handle, 65_536)
        except BlockingIOError:
            return
        except BrokenPipeError:  # overwritten while it was read: go on with the next
            continue
        if not record:
            return
        yield record


def _from_programs(sources: Sources) -> str | None:
    """The log as journalctl or dmesg prints it, None where neither may."""
    for name, *arguments in PROGRAMS:
        program = shutil.which(name, path=sources.variables.get("PATH", ""))
        if program is None:
            continue
        completed = run_child(
            [program, *arguments], timeout=PROGRAM_SECONDS, variables=sources.variables
        )
        if completed.ending is None and completed.output.strip():
            return completed.output
    return None


def events_in(lines: Iterable[str]) -> tuple[KernelEvent, ...]:
    """The events in lines of /dev/kmsg, dmesg or journalctl, or pasted from one of them.

    In the order of the lines; of each kind the last ``_KEPT``.
    """
    found: dict[str, list[tuple[int, KernelEvent]]] = defaultdict(list)
    for place, line in enumerate(lines):
        event = _event(line)
        if event is not None:
            kept = found[event.kind]
            kept.append((place, event))
            del kept[:-_KEPT]
    every = sorted((entry for kept in found.values() for entry in kept), key=lambda entry: entry[0])
    return tuple(event for _, event in every)


def _event(line: str) -> KernelEvent | None:
    """What one line tells, by the first form it has."""
    line = line[:MAX_LINE]
    if not _HINT.search(line):
        return None
    for kind, form in _FORMS:
        found = form.search(line)
        if found is None:
            continue
        start, address = found.start(), found.groupdict().get("at")
        if kind in _OF_THE_DRIVER:
            driver, place = _DRIVERS.search(line), _FIRST_ADDRESS.search(line)
            if driver is None:
                continue
            start, address = driver.start(), place[0] if place else None
        code = found.groupdict().get("code")
        return KernelEvent(
            kind=kind,
            code=int(code) if code else None,
            pci_address=address,
            seconds_since_boot=_stamp(line),
            line=_SAID.get(kind) or _message(line, start),
        )
    return None


def _stamp(line: str) -> float | None:
    """Monotonic seconds: microseconds in /dev/kmsg, bracketed seconds in dmesg."""
    found = re.match(r"\d+,\d+,(\d{1,18}),", line)
    if found:
        return int(found[1]) / 1e6
    found = re.match(r"(?:<\d+>)?\[\s*(\d{1,12}\.\d+)\]", line)
    return float(found[1]) if found else None


def _message(line: str, start: int) -> str:
    """The line from where the event begins, without the programs it names."""
    return _PRIVATE.sub("", clean(line[start:]))[:300].rstrip()
