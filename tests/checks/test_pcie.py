"""PCIe: width, generation, replays, errors."""

import dataclasses

import pytest

from gpubench.checks.outcome import Status
from gpubench.env.snapshot import PciLink
from tests.checks.healthy import HEALTHY, QUICK, change, judge, with_driver, with_gpu, with_gpus


def with_device(index, **fields):
    devices = list(QUICK.driver.pci_devices)
    devices[index] = dataclasses.replace(devices[index], **fields)
    return with_driver(QUICK, pci_devices=tuple(devices))


def links(*widths):
    """From the device upwards: (in use, possible) of each end."""
    return tuple(
        PciLink(address=f"0000:{n:02x}:00.0", width=now, width_max=most)
        for n, (now, most) in enumerate(widths)
    )


def test_a_narrow_link_at_rest_warns_even_on_the_last_gpu():
    outcome = judge("pcie.width", with_gpu(HEALTHY, 7, pcie_width=8))
    assert outcome.status is Status.WARN
    assert outcome.reason == "GPU 7: PCIe x8 of x16"


def test_a_link_that_is_narrow_under_load_fails():
    narrow = with_gpu(HEALTHY, 7, pcie_width=16, pcie_width_loaded=4)
    assert judge("pcie.width", narrow).status is Status.FAIL


def test_a_link_that_was_wide_under_load_may_be_narrow_at_rest():
    rested = with_gpu(HEALTHY, 0, pcie_width=8, pcie_width_loaded=16)
    assert judge("pcie.width", rested).status is Status.PASS


@pytest.mark.parametrize(
    ("ends", "status"),
    [
        (links((16, 16), (16, 16)), Status.PASS),
        (links((8, 16), (8, 16)), Status.WARN),
        (links((8, 16), (8, 8)), Status.PASS),  # a slot of eight lanes
        (links((16, 16), (16, 16), (4, 16), (4, 16)), Status.WARN),  # above the switch
        (links((16, 16), (16, 16), (16, 16), (16, 32)), Status.PASS),
        (links((None, 16), (16, 16)), Status.PASS),
        (links((16, 16)), Status.PASS),  # a guest shows no port
        ((), Status.PASS),
    ],
)
def test_the_ports_above_a_gpu_are_judged_by_what_both_ends_can_do(ends, status):
    assert judge("pcie.width", with_device(7, links=ends)).status is status


def test_one_narrow_link_is_said_once():
    seen = with_gpu(with_device(7, links=links((8, 16), (8, 16))), 7, pcie_width=8)
    assert judge("pcie.width", seen).reason.count("x8") == 1


def test_an_idle_link_may_be_slow_and_a_loaded_one_may_not():
    assert judge("pcie.gen_load", with_gpus(HEALTHY, pcie_generation=1)).status is Status.SKIP
    busy = with_gpus(HEALTHY, pcie_generation_loaded=5)
    assert judge("pcie.gen_load", busy).status is Status.PASS
    slow = judge("pcie.gen_load", with_gpu(busy, 7, pcie_generation_loaded=3))
    assert slow.status is Status.FAIL
    assert "generation 3 of 5" in slow.reason


def test_a_slot_of_an_older_generation_is_a_note():
    older = with_gpus(HEALTHY, pcie_generation_max=4)
    assert judge("pcie.gen_max", older).status is Status.NOTE


@pytest.mark.parametrize(
    ("replays", "minutes", "status"),
    [
        (0, 1, Status.PASS),
        (5000, 1, Status.NOTE),  # too short a time for a rate
        (300, 10, Status.NOTE),  # 1.92 * 16 lanes * 10 minutes = 307
        (308, 10, Status.WARN),
        (308, None, Status.NOTE),
    ],
)
def test_replays_are_judged_by_their_rate(replays, minutes, status):
    seconds = None if minutes is None else minutes * 60.0
    snapshot = with_driver(with_gpu(HEALTHY, 7, pcie_replays=replays), uptime_seconds=seconds)
    assert judge("pcie.replay", snapshot).status is status


def test_a_fatal_bus_error_fails_unless_the_gpu_was_seen_to_compute():
    broken = with_device(7, aer_fatal=1)
    assert judge("pcie.aer", broken).status is Status.FAIL
    worked = change(broken, torch_run=HEALTHY.torch_run)
    assert judge("pcie.aer", worked).status is Status.WARN
    assert judge("pcie.aer", with_device(7, aer_correctable=9)).status is Status.NOTE
    assert judge("pcie.aer", with_driver(QUICK, pci_devices=None)).status is Status.SKIP
