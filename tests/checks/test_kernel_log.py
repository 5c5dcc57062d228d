"""What the kernel log says of switches, buses and the machine; and whether it was read."""

import dataclasses

import pytest

from gpubench.checks.outcome import Status
from gpubench.checks.registry import CHECKS
from gpubench.env.snapshot import Gpu, KernelEvent, PciLink, Snapshot
from tests.checks.healthy import (
    DOCKER,
    HEALTHY,
    NO_GPU,
    change,
    judge,
    results,
    with_driver,
    with_gpus,
)

KMSG = [check.id for check in CHECKS if check.subject == "kmsg"]


def saying(kind, address=None, code=None):
    event = KernelEvent(kind=kind, code=code, pci_address=address, line=f"{kind} at {address}")
    return change(HEALTHY, kernel_events=(event,))


@pytest.mark.parametrize("check", KMSG)
def test_a_closed_log_is_unknown_for_every_check_of_it(check):
    closed = change(HEALTHY, kernel_events=None, unread={"kernel_events": "/dev/kmsg: no"})
    outcome = judge(check, closed)
    assert outcome.status is Status.UNKNOWN
    assert check == "kmsg.access" or "kmsg.access" in outcome.reason


@pytest.mark.parametrize("check", KMSG)
def test_a_log_that_was_not_pasted_and_a_machine_without_gpus_are_skipped(check):
    assert judge(check, change(HEALTHY, kernel_events=None, source="paste")).status is Status.SKIP
    assert judge(check, change(NO_GPU, kernel_events=())).status is Status.SKIP


def test_a_fatal_sxid_fails_and_another_is_a_note():
    assert judge("kmsg.sxid", saying("sxid-fatal", "0000:c3:00.0", 24007)).status is Status.FAIL
    assert judge("kmsg.sxid", saying("sxid", "0000:c3:00.0", 20009)).status is Status.NOTE


def test_a_gpu_that_did_not_start_has_fallen_off_the_bus_or_near_it():
    assert judge("kmsg.fallen_off_bus", saying("init-failed", "0000:08:00.0")).status is Status.FAIL
    assert judge("kmsg.fallen_off_bus", saying("init-failed")).status is Status.FAIL


@pytest.mark.parametrize(
    ("kind", "status"),
    [
        ("pcie-fatal", Status.FAIL),
        ("pcie-error", Status.WARN),
        ("pcie-corrected", Status.WARN),
        ("pcie-limited", Status.NOTE),
    ],
)
@pytest.mark.parametrize("address", ["0000:08:00.0", "0000:00:08.0"])
def test_pcie_errors_of_a_gpu_and_of_the_port_above_it_are_judged(kind, status, address):
    assert judge("kmsg.pcie", saying(kind, address)).status is status


@pytest.mark.parametrize("kind", ["pcie-fatal", "pcie-corrected"])
def test_pcie_errors_of_another_device_are_none_of_ours(kind):
    assert judge("kmsg.pcie", saying(kind, "0000:d8:00.0")).status is Status.PASS


def test_mended_pcie_errors_point_at_a_slow_gpu_and_fatal_ones_at_a_broken_one():
    assert results(saying("pcie-corrected", "0000:08:00.0"))["kmsg.pcie"].cause == "gpu-degraded"
    assert results(saying("pcie-fatal", "0000:08:00.0"))["kmsg.pcie"].cause == "gpu-hardware-fault"


@pytest.mark.parametrize("kind", ["oom", "machine-check", "lockup", "nccl-crash"])
def test_what_ends_programs_warns_and_makes_no_server_ill(kind):
    found = results(saying(kind))["kmsg.oom_mce"]
    assert (found.status, found.cause) == (Status.WARN, "host-resources")


def test_an_xid_not_on_record_warns_with_its_line():
    line = "NVRM: Xid (PCI:0000:08:00): 9999, something new"
    event = KernelEvent(kind="xid", code=9999, pci_address="0000:08:00", line=line)
    outcome = judge("kmsg.xid", change(HEALTHY, kernel_events=(event,)))
    assert outcome.status is Status.WARN
    assert "something new" in outcome.reason


def test_an_xid_without_a_place_is_still_one():
    outcome = judge("kmsg.xid", saying("xid", None, 79))
    assert outcome.status is Status.FAIL
    assert "a GPU that is not named" in outcome.reason


@pytest.mark.parametrize("source", ["collect_env", "nvidia_smi"])
def test_a_pasted_gpu_of_which_only_the_name_is_known_has_no_trouble(source):
    gpus = tuple(Gpu(index=n, name="NVIDIA H100 80GB HBM3") for n in range(8))
    found = results(Snapshot(source=source, gpus=gpus))
    assert [key for key, result in found.items() if result.outcome.is_trouble] == []


def test_links_of_a_gpu_in_a_container_are_still_its_own():
    devices = list(HEALTHY.driver.pci_devices)
    above = PciLink(address="0000:e0:00.0", width=16, width_max=16)
    devices[0] = dataclasses.replace(devices[0], links=(*devices[0].links, above))
    inside = change(with_driver(HEALTHY, pci_devices=tuple(devices)), container=DOCKER)
    event = KernelEvent(kind="pcie-fatal", pci_address="0000:e0:00.0", line="x")
    assert judge("kmsg.pcie", change(inside, kernel_events=(event,))).status is Status.FAIL


def xid(code):
    line = f"NVRM: Xid (PCI:0000:05:00): {code}, pid=1"
    return KernelEvent(kind="xid", code=code, pci_address="0000:05:00", line=line)


@pytest.mark.parametrize(
    ("codes", "status"),
    [
        ([79], Status.FAIL),
        ([13, 31, 79, 13], Status.FAIL),
        ([63], Status.WARN),
        ([999], Status.WARN),  # not on record
        ([13, 31, 43, 45], Status.NOTE),  # programs, not hardware
        ([], Status.PASS),
    ],
)
def test_xids_are_judged_by_their_class(codes, status):
    snapshot = change(HEALTHY, kernel_events=tuple(map(xid, codes)))
    assert judge("kmsg.xid", snapshot).status is status


def test_a_kernel_log_that_may_not_be_read_is_unknown():
    closed = change(
        HEALTHY, kernel_events=None, unread={"kernel_events": "/dev/kmsg: not permitted"}
    )
    assert judge("kmsg.xid", closed).status is Status.UNKNOWN
    assert judge("kmsg.fallen_off_bus", closed).status is Status.UNKNOWN


def test_a_card_off_the_bus_without_an_xid_fails():
    line = "NVRM: GPU 0000:05:00.0: GPU has fallen off the bus."
    event = KernelEvent(kind="fallen-off-bus", pci_address="0000:05:00.0", line=line)
    assert judge("kmsg.fallen_off_bus", change(HEALTHY, kernel_events=(event,))).status is (
        Status.FAIL
    )


def at(kind, address):
    return KernelEvent(kind=kind, code=79, pci_address=address, line="NVRM: fallen off the bus")


@pytest.mark.parametrize(
    ("kind", "check"),
    [
        ("xid", "kmsg.xid"),
        ("fallen-off-bus", "kmsg.fallen_off_bus"),
    ],
)
def test_in_a_container_the_trouble_of_another_gpu_is_a_note(kind, check):
    one = change(HEALTHY, gpus=HEALTHY.gpus[:1], container=DOCKER)  # at 00000000:01:00.0
    other = change(one, kernel_events=(at(kind, "0000:05:00"),))
    assert judge(check, other).status is Status.NOTE
    for address in ("0000:01:00", "0000:01:00.0", "01:00.0", None):
        assert judge(check, change(one, kernel_events=(at(kind, address),))).status is Status.FAIL
    unknown_place = with_gpus(other, pci_address=None)
    assert judge(check, unknown_place).status is Status.FAIL
    lost = change(other, container=None)  # on a machine of our own, the card may be gone
    assert judge(check, lost).status is Status.FAIL


def test_the_trouble_of_a_guests_gpu_is_a_note():
    devices = list(HEALTHY.driver.pci_devices)
    devices[4] = dataclasses.replace(devices[4], driver="vfio-pci")  # 0000:05:00.0
    ours = tuple(gpu for gpu in HEALTHY.gpus if gpu.index != 4)
    guest = with_driver(HEALTHY, pci_devices=tuple(devices))
    guest = change(guest, gpus=ours, kernel_events=(xid(79),))
    assert judge("kmsg.xid", guest).status is Status.NOTE
