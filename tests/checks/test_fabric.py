"""The fabric manager and the fabric."""

import pytest

from gpubench.checks.outcome import Status
from tests.checks.healthy import (
    DOCKER,
    HEALTHY,
    QUICK,
    change,
    judge,
    results,
    with_driver,
    with_gpu,
    with_gpus,
)

WAITING = with_gpus(QUICK, fabric_state="in-progress")


def test_switches_without_a_manager_fail_and_name_its_release():
    gone = with_driver(WAITING, fabric_manager_running=False, fabric_manager_version=None)
    outcome = judge("fab.manager", gone)
    assert outcome.status is Status.FAIL
    assert "nvidia-fabricmanager 580.82.07" in outcome.remedy[0]
    assert results(gone)["fab.state"].blocked_by == "fab.manager"


def test_a_manager_of_another_release_fails():
    other = with_driver(WAITING, fabric_manager_version="570.86.15")
    outcome = judge("fab.manager", other)
    assert outcome.status is Status.FAIL
    assert "570.86.15" in outcome.reason


@pytest.mark.parametrize(
    "fields", [{"fabric_manager_running": False}, {"fabric_manager_version": "570.86.15"}]
)
def test_a_fabric_that_was_seen_to_work_outweighs_its_manager(fields):
    assert judge("fab.manager", with_driver(QUICK, **fields)).status is Status.NOTE
    worked = change(with_driver(WAITING, **fields), cuda_init=HEALTHY.cuda_init)
    assert judge("fab.manager", worked).status is Status.NOTE


def test_services_that_are_not_shown_and_a_machine_without_switches_are_skipped():
    hidden = with_driver(QUICK, fabric_manager_running=None, fabric_manager_version=None)
    assert judge("fab.manager", change(hidden, container=DOCKER)).status is Status.SKIP
    assert judge("fab.manager", with_driver(QUICK, pci_devices=())).status is Status.SKIP


def test_in_a_container_the_remedy_is_for_the_host():
    remedy = judge("fab.state", change(WAITING, container=DOCKER)).remedy
    assert remedy[0] == "on the host: systemctl restart nvidia-fabricmanager"


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({"fabric_state": "not-started"}, Status.FAIL),
        ({"fabric_state": "in-progress"}, Status.FAIL),
        ({"fabric_status": 999}, Status.FAIL),
        ({"fabric_problems": ("route unhealthy",)}, Status.FAIL),
        ({"fabric_problems": ("degraded bandwidth",)}, Status.WARN),
        ({"fabric_state": "not-supported"}, Status.PASS),
        ({"fabric_state": "unknown (9)"}, Status.PASS),
    ],
)
def test_one_gpu_outside_the_fabric_is_found_on_the_last_too(fields, status):
    assert judge("fab.state", with_gpu(QUICK, 7, **fields)).status is status


def test_cuda_that_starts_outweighs_the_state_of_the_fabric():
    worked = change(WAITING, cuda_init=HEALTHY.cuda_init)
    assert judge("fab.state", worked).status is Status.NOTE


def test_a_gpu_alone_may_need_no_fabric():
    assert judge("fab.state", change(WAITING, gpus=WAITING.gpus[:1])).status is Status.NOTE


def test_gpus_of_no_fabric_are_skipped():
    assert judge("fab.state", with_gpus(QUICK, fabric_state="not-supported")).status is Status.SKIP
