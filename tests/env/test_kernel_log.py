"""GPU events in the kernel log."""

import time

import pytest

from gpubench.env import kernel_log
from gpubench.env.kernel_log import events_in, read_kernel_log
from gpubench.env.sources import Sources
from tests.env.machine import tree


@pytest.mark.parametrize(
    ("line", "code", "address", "seconds"),
    [
        ("4,1,5000000,-;NVRM: Xid (PCI:0000:05:00): 79, GPU has fallen", 79, "0000:05:00", 5.0),
        ("[   12.5] NVRM: Xid (0000:05:00): 31, Ch 00000010", 31, "0000:05:00", 12.5),
        (
            "Nov 21 03:00:00 node kernel: NVRM: Xid (PCI:0000:b1:00): 119, pid=1",
            119,
            "0000:b1:00",
            None,
        ),
    ],
)
def test_xids_are_read_in_every_form(line, code, address, seconds):
    (event,) = events_in([line])
    assert (event.kind, event.code, event.pci_address) == ("xid", code, address)
    assert event.seconds_since_boot == seconds
    assert event.line.startswith("NVRM: Xid")


def test_a_card_off_the_bus_without_an_xid_is_an_event():
    (event,) = events_in(["[1.0] NVRM: GPU 0000:05:00.0: GPU has fallen off the bus."])
    assert event.kind == "fallen-off-bus"


def test_other_lines_are_no_events():
    assert events_in(["[1.0] NVRM: loading NVIDIA UNIX x86_64", "[2.0] usb 1-1: new device"]) == ()


def test_the_last_events_of_a_flood_are_kept():
    events = events_in(f"[{n}.0] NVRM: Xid (PCI:0000:05:00): 31, x" for n in range(5000))
    assert len(events) == 200
    assert events[-1].seconds_since_boot == 4999.0


def test_a_log_is_read_to_its_end(tmp_path):
    sources = tree(tmp_path, {"/dev/kmsg": "4,1,1000000,-;NVRM: Xid (PCI:0000:05:00): 48, x\n"})
    unread = {}
    assert [event.code for event in read_kernel_log(sources, unread)] == [48]
    assert unread == {}


def test_a_log_that_is_not_there_is_unread(tmp_path):
    unread = {}
    assert read_kernel_log(tree(tmp_path), unread) is None
    assert "/dev/kmsg" in unread["kernel_events"]


XID = "NVRM: Xid (PCI:0000:05:00): 79, pid='<unknown>', name=<unknown>, GPU has fallen off the bus."


@pytest.mark.parametrize(
    ("line", "kind", "address"),
    [
        (XID, "xid", "0000:05:00"),
        ("NVRM: GPU at 0000:07:00.0: RmInitAdapter failed! (0x24)", "init-failed", "0000:07:00.0"),
        ("NVRM: rm_init_adapter failed, device minor number 3", "init-failed", None),
        (
            "nvidia-nvswitch0: SXid (PCI:0000:c3:00.0): 24007, Fatal, x",
            "sxid-fatal",
            "0000:c3:00.0",
        ),
        ("nvidia-nvswitch0: SXid (PCI:0000:c3:00.0): 20009, Non-fatal, x", "sxid", "0000:c3:00.0"),
        (
            "nvidia 0000:01:00.0: AER: PCIe Bus Error: severity=Uncorrectable (Fatal), type=x",
            "pcie-fatal",
            "0000:01:00.0",
        ),
        ("pcieport 0000:00:01.0: DPC: containment event", "pcie-fatal", "0000:00:01.0"),
        (
            "nvidia 0000:01:00.0: PCIe Bus Error: severity=Uncorrected (Non-Fatal), type=x",
            "pcie-error",
            "0000:01:00.0",
        ),
        (
            "nvidia 0000:01:00.0: PCIe Bus Error: severity=Corrected, type=Physical Layer",
            "pcie-corrected",
            "0000:01:00.0",
        ),
        (
            "pci 0000:01:00.0: 63.008 Gb/s available PCIe bandwidth, limited by 8.0 GT/s PCIe x8",
            "pcie-limited",
            "0000:01:00.0",
        ),
        (
            "nvidia: module verification failed: signature and/or required key missing",
            "module-unverified",
            None,
        ),
        ("Loading of unsigned module is rejected", "module-rejected", None),
        ("Out of memory: Killed process 7 (secret-name) total-vm:1kB", "oom", None),
        ("Memory cgroup out of memory: Killed process 7 (secret-name)", "oom", None),
        ("mce: [Hardware Error]: Machine check events logged", "machine-check", None),
        ("watchdog: BUG: soft lockup - CPU#1 stuck for 22s! [secret-name:7]", "lockup", None),
        (
            "secret-name[7]: segfault at 0 ip 1 sp 2 error 4 in libnccl.so.2[7f+3]",
            "nccl-crash",
            None,
        ),
    ],
)
def test_every_kind_of_line_is_told_apart(line, kind, address):
    for prefix in ("", "[  123.4] ", "<3>[  123.4] ", "Nov 20 12:00:01 secret-host kernel: "):
        (event,) = events_in([prefix + line])
        assert (event.kind, event.pci_address) == (kind, address)
        assert "secret" not in event.line


@pytest.mark.parametrize(
    "fields",
    ["pid=77, name=secret-name, ", "pid='<unknown>', name=<unknown>, ", "pid=77, ", ""],
)
def test_an_xid_says_nothing_of_the_program_that_met_it(fields):
    (event,) = events_in([f"NVRM: Xid (PCI:0000:05:00): 31, {fields}Ch 00000010"])
    assert event.line == "NVRM: Xid (PCI:0000:05:00): 31, Ch 00000010"


@pytest.mark.parametrize(
    "line",
    [
        "usb 1-1: device has fallen off the bus",  # no GPU
        "[1.0] systemd[1]: Started NVIDIA Fabric Manager",
        "NVRM: Xid (PCI:0000:05:00): many",
        "",
    ],
)
def test_lines_of_others_are_no_events(line):
    assert events_in([line]) == ()


def test_a_flood_of_one_kind_keeps_the_others():
    corrected = "nvidia 0000:01:00.0: PCIe Bus Error: severity=Corrected"
    events = events_in([XID, *[corrected] * 3000])
    assert [event.kind for event in events] == ["xid", *["pcie-corrected"] * 200]


def test_a_long_line_costs_no_time():
    lines = ["NVRM: " + "0000:05:00.0 " * 5000, "NVRM: Xid (PCI:" + "0" * 50000] * 50
    started = time.monotonic()
    assert events_in(lines) == ()
    assert time.monotonic() - started < 10


@pytest.fixture
def closed(tmp_path, monkeypatch):
    """A kernel log that may not be opened, and programs of our own that print it or not."""

    def refuse(_sources):
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(kernel_log, "_records", refuse)

    def put(**scripts):
        for name, script in scripts.items():
            (tmp_path / name).write_text(f"#!/bin/sh\n{script}\n")
            (tmp_path / name).chmod(0o755)
        return Sources(variables={"PATH": str(tmp_path)})

    return put


@pytest.mark.parametrize(
    "scripts",
    [
        {"journalctl": f'echo "{XID}"'},
        {"journalctl": "exit 1", "dmesg": f'echo "{XID}"'},
        {"journalctl": "exit 0", "dmesg": f'echo "{XID}"'},  # an empty journal is no answer
    ],
)
def test_a_log_that_is_closed_to_us_is_asked_of_programs(closed, scripts):
    unread = {}
    (event,) = read_kernel_log(closed(**scripts), unread)
    assert (event.code, unread) == (79, {})


def test_a_log_that_nobody_shows_is_unread(closed):
    unread = {}
    sources = closed(dmesg="echo 'dmesg: read kernel buffer failed' >&2; exit 1")
    assert read_kernel_log(sources, unread) is None
    assert unread == {"kernel_events": "/dev/kmsg: Operation not permitted"}
