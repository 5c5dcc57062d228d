"""GPU events in the kernel log."""

import pytest

from gpubench.env.kernel_log import events_in, read_kernel_log
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
