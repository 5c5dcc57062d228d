"""The installed driver: what waits for a reboot, what kept it from loading."""

import pytest

from gpubench.checks.outcome import Status
from gpubench.env.snapshot import KernelEvent
from tests.checks.healthy import (
    HEALTHY,
    NO_GPU,
    QUICK,
    change,
    judge,
    results,
    with_driver,
)
from tests.checks.test_driver import NOT_LOADED

REJECTED = KernelEvent(kind="module-rejected", line="Loading of unsigned module is rejected")
UNVERIFIED = KernelEvent(kind="module-unverified", line="nvidia: module verification failed")


def test_an_update_that_waits_for_a_reboot_warns_as_tuning():
    waiting = results(with_driver(HEALTHY, version_on_disk="590.44.01"))["drv.disk_vs_running"]
    assert (waiting.status, waiting.cause) == (Status.WARN, "host-tuning")
    unknown = with_driver(HEALTHY, version_on_disk=None)
    assert judge("drv.disk_vs_running", unknown).status is Status.SKIP


def test_a_module_that_was_refused_explains_that_it_is_not_loaded():
    refused = change(NOT_LOADED, kernel_events=(REJECTED,))
    found = results(refused)
    assert found["drv.signature"].status is Status.FAIL
    assert found["drv.module"].blocked_by == "drv.signature"


@pytest.mark.parametrize(
    ("snapshot", "status"),
    [
        (change(HEALTHY, kernel_events=(REJECTED,)), Status.PASS),  # it is loaded all the same
        (change(HEALTHY, kernel_events=(UNVERIFIED,)), Status.NOTE),
        (change(HEALTHY, kernel_events=None, unread={"kernel_events": "no"}), Status.PASS),
        (change(NOT_LOADED, kernel_events=None, unread={"kernel_events": "no"}), Status.UNKNOWN),
        (change(NOT_LOADED, kernel_events=None), Status.SKIP),
        (change(NO_GPU, kernel_events=(REJECTED,)), Status.SKIP),
    ],
)
def test_a_refusal_matters_only_where_nothing_is_loaded(snapshot, status):
    assert judge("drv.signature", snapshot).status is status


def test_missing_firmware_fails_only_where_nothing_answers():
    bare = with_driver(QUICK, firmware_files=())
    assert judge("drv.firmware", bare).status is Status.SKIP
    silent = change(with_driver(bare, nvml=None), gpus=())
    assert judge("drv.firmware", silent).status is Status.FAIL
    assert judge("drv.firmware", with_driver(QUICK, firmware_files=None)).status is Status.SKIP
