"""Memory, clocks, kernel log."""

import dataclasses

import pytest

from gpubench.checks.outcome import Status
from gpubench.env.snapshot import KernelEvent
from tests.checks.healthy import (
    DOCKER,
    HEALTHY,
    change,
    judge,
    results,
    with_driver,
    with_gpu,
    with_gpus,
)


def test_one_uncorrectable_error_on_the_last_gpu_fails():
    outcome = judge("ecc.uncorrected", with_gpu(HEALTHY, 7, ecc_uncorrected_volatile=1))
    assert outcome.status is Status.FAIL
    assert outcome.reason == "GPU 7: 1 uncorrectable ECC error"
    assert outcome.remedy[0] == "sudo nvidia-smi --gpu-reset -i 7"


def test_errors_of_the_past_are_a_note():
    past = with_gpu(HEALTHY, 2, ecc_uncorrected_aggregate=4)
    assert judge("ecc.uncorrected", past).status is Status.NOTE


def test_ecc_that_is_off_warns_on_a_server_card_and_is_a_note_on_a_workstation():
    off = with_gpu(HEALTHY, 7, ecc_enabled=False, ecc_pending=False)
    found = results(off)["ecc.mode"]
    assert (found.status, found.cause) == (Status.WARN, "host-tuning")
    desk = with_gpus(HEALTHY, name="NVIDIA RTX A6000", ecc_enabled=False, ecc_pending=False)
    assert judge("ecc.mode", desk).status is Status.NOTE
    assert judge("ecc.mode", with_gpu(HEALTHY, 0, ecc_pending=False)).status is Status.NOTE


def test_a_row_that_waits_fails_and_one_that_failed_goes_before_it():
    waiting = with_gpu(HEALTHY, 1, rows_pending=True)
    assert judge("rows.pending", waiting).status is Status.FAIL
    both = with_gpu(waiting, 1, rows_failed=True)
    found = results(both)
    assert found["rows.failure"].status is Status.FAIL
    assert found["rows.pending"].blocked_by == "rows.failure"


@pytest.mark.parametrize(
    ("rows", "status"), [(0, Status.PASS), (1, Status.NOTE), (512, Status.NOTE), (513, Status.FAIL)]
)
def test_more_than_512_remapped_rows_fail(rows, status):
    worn = with_gpu(HEALTHY, 7, rows_remapped_uncorrected=rows)
    assert judge("rows.count", worn).status is status


@pytest.mark.parametrize(
    ("mask", "status"),
    [
        (0x0, Status.PASS),
        (0x1, Status.PASS),  # idle
        (0x4, Status.PASS),  # software power cap
        (0x5, Status.PASS),  # both, which an equality test would flag
        (0x112, Status.PASS),
        (0x8, Status.FAIL),
        (0x40, Status.FAIL),
        (0x80, Status.FAIL),
        (0x49, Status.FAIL),
        (0x20, Status.WARN),
    ],
)
def test_throttle_reasons_are_read_bit_by_bit(mask, status):
    assert judge("clk.throttle_now", with_gpu(HEALTHY, 6, throttle_reasons=mask)).status is status


@pytest.mark.parametrize(
    ("temperature", "status"),
    [(60, Status.PASS), (84, Status.PASS), (86, Status.WARN), (89, Status.FAIL)],
)
def test_heat_is_judged_by_the_gpus_own_threshold(temperature, status):
    assert judge("tmp.core", with_gpus(HEALTHY, temperature_c=temperature)).status is status


@pytest.mark.parametrize("threshold", [0, -1, 39, None])
def test_a_threshold_that_is_no_answer_is_not_believed(threshold):
    odd = with_gpus(HEALTHY, temperature_slowdown_c=threshold)
    assert judge("tmp.core", odd).status is Status.PASS


def test_a_power_cap_warns_as_degraded_and_a_cold_driver_as_tuning():
    capped = results(with_gpu(HEALTHY, 7, power_limit_w=350.0))["pwr.limit"]
    assert (capped.status, capped.cause) == (Status.WARN, "gpu-degraded")
    assert capped.outcome.remedy == ("sudo nvidia-smi -i 7 -pl 700",)
    cold = results(with_gpus(HEALTHY, persistence=False))["drv.persistence"]
    assert (cold.status, cold.cause) == (Status.WARN, "host-tuning")


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
