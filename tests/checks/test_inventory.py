"""NVML and what it counts."""

import dataclasses

import pytest

from gpubench.checks.outcome import Status
from gpubench.env.driver_files import is_gpu_node
from tests.checks.healthy import (
    DOCKER,
    HEALTHY,
    QUICK,
    change,
    judge,
    results,
    with_driver,
    with_gpu,
    with_nvml,
    with_run,
)


def test_fewer_gpus_than_the_bus_shows_fail():
    seven = change(with_nvml(HEALTHY, device_count=7), gpus=HEALTHY.gpus[:7])
    assert judge("gpu.count", seven).status is Status.NOTE  # CUDA sees all eight
    seven = change(seven, cuda_init=None, torch_run=None)
    outcome = judge("gpu.count", seven)
    assert outcome.status is Status.FAIL
    assert "7 GPUs, the PCI bus shows 8" in outcome.reason


def test_a_job_may_be_given_some_of_the_gpus():
    two = change(with_nvml(QUICK, device_count=2), gpus=QUICK.gpus[:2])
    assert judge("gpu.count", two).status is Status.FAIL
    job = change(two, environment={"SLURM_JOB_ID": "set"})
    assert judge("gpu.count", job).status is Status.NOTE
    nodes = tuple(
        dataclasses.replace(node, accessible=not node.path.endswith(tuple("234567")))
        for node in two.driver.device_nodes
    )
    assert judge("gpu.count", with_driver(two, device_nodes=nodes)).status is Status.NOTE


def test_gpus_without_a_device_node_are_out_of_reach_and_not_broken():
    two = change(with_nvml(QUICK, device_count=2), gpus=QUICK.gpus[:2])
    nodes = tuple(
        node
        for node in two.driver.device_nodes
        if not (is_gpu_node(node) and node.path[-1] in "234567")
    )
    outcome = judge("gpu.count", with_driver(two, device_nodes=nodes))
    assert (outcome.status, outcome.cause) == (Status.FAIL, "device-access")
    assert "/dev has nodes for 2" in outcome.reason


def test_gpus_of_guests_are_not_missed():
    devices = tuple(
        dataclasses.replace(device, driver="vfio-pci" if n < 4 else "nvidia")
        for n, device in enumerate(QUICK.driver.pci_devices)
    )
    four = change(with_nvml(QUICK, device_count=4), gpus=QUICK.gpus[:4])
    assert judge("gpu.count", with_driver(four, pci_devices=devices)).status is Status.PASS


@pytest.mark.parametrize("code", [4, 17])
def test_a_gpu_that_may_not_be_opened_is_not_lost(code):
    outcome = judge("gpu.handles", with_gpu(QUICK, 7, error_code=code))
    assert (outcome.status, outcome.cause) == (Status.FAIL, "device-access")
    assert not any("reset" in step for step in outcome.remedy)
    assert judge("gpu.handles", with_gpu(HEALTHY, 7, error_code=code)).status is Status.NOTE
    job = change(with_gpu(QUICK, 7, error_code=code), environment={"SLURM_JOB_ID": "set"})
    assert judge("gpu.handles", job).status is Status.NOTE


def test_a_gpu_that_fails_for_another_reason_is_not_reset():
    broken = change(with_gpu(QUICK, 7, error_code=999), container=DOCKER)
    outcome = judge("gpu.handles", broken)
    assert outcome.status is Status.FAIL
    assert not any("reset" in step for step in outcome.remedy)


def test_a_container_may_be_given_some_of_the_gpus():
    some = change(with_nvml(HEALTHY, device_count=2), gpus=HEALTHY.gpus[:2], container=DOCKER)
    assert judge("gpu.count", some).status is Status.NOTE


def test_a_lost_gpu_fails_even_if_it_is_the_last():
    outcome = judge("gpu.handles", with_gpu(QUICK, 7, error_code=15))
    assert outcome.status is Status.FAIL
    assert "GPU 7 is lost" in outcome.reason
    assert "idle" in outcome.remedy[0]
    assert "--gpu-reset -i 7" in outcome.remedy[1]


@pytest.mark.parametrize("code", [15, 16])
def test_a_gpu_that_was_seen_to_compute_is_not_lost(code):
    silent_gpu = with_gpu(HEALTHY, 7, error_code=code)
    assert judge("gpu.handles", silent_gpu).status is Status.NOTE
    seven = tuple(p for p in HEALTHY.torch_run.proofs if p.device != "cuda:7")
    assert judge("gpu.handles", with_run(silent_gpu, proofs=seven)).status is Status.FAIL


def test_gpus_that_were_never_asked_are_not_a_pass():
    five = change(HEALTHY, gpus=HEALTHY.gpus[:5])
    assert judge("gpu.handles", five).status is Status.UNKNOWN


def test_a_prohibited_compute_mode_fails():
    assert judge("gpu.compute_mode", with_gpu(HEALTHY, 1, compute_mode="prohibited")).status is (
        Status.FAIL
    )
    exclusive = with_gpu(HEALTHY, 1, compute_mode="exclusive-process")
    assert judge("gpu.compute_mode", exclusive).status is Status.NOTE


def test_mig_without_instances_fails_and_with_them_is_a_note():
    empty = with_gpu(HEALTHY, 0, mig_enabled=True, mig_pending=True, mig_instances=0)
    used = with_gpu(HEALTHY, 0, mig_enabled=True, mig_pending=True, mig_instances=2)
    assert judge("gpu.mig", empty).status is Status.FAIL
    assert judge("gpu.mig", used).status is Status.NOTE


def test_a_mig_change_that_waits_is_a_note():
    assert judge("gpu.mig", with_gpu(HEALTHY, 0, mig_pending=True)).status is Status.NOTE


def test_a_program_on_the_gpus_is_a_note():
    outcome = judge("gpu.busy", with_gpu(HEALTHY, 2, process_count=1))
    assert outcome.status is Status.NOTE
    assert "GPU 2: 1 process" in outcome.reason


def test_a_hang_explains_what_was_not_read():
    hung = with_nvml(QUICK, hung_in="reading name, GPU 5", message="did not come back")
    hung = change(hung, gpus=QUICK.gpus[:5], unread={"driver.nvml": "did not come back"})
    found = results(hung)
    assert found["gpu.handles"].blocked_by == "nvml.load"
    assert [k for k, r in found.items() if r.status is Status.FAIL] == ["nvml.load"]


def test_a_gpu_that_is_described_by_its_error_alone_breaks_nothing():
    lost = change(
        QUICK,
        gpus=(
            *HEALTHY.gpus[:7],
            dataclasses.replace(type(HEALTHY.gpus[0])(index=7), error_code=15),
        ),
    )
    found = results(lost)
    assert [k for k, r in found.items() if r.status is Status.FAIL] == ["gpu.handles"]


def test_a_lost_gpu_does_not_hide_what_ails_another():
    both = with_gpu(with_gpu(QUICK, 3, error_code=15), 1, throttle_reasons=0x48)
    failed = [k for k, r in results(both).items() if r.status is Status.FAIL]
    assert failed == ["gpu.handles", "clk.throttle_now"]


def test_memory_held_by_a_program_that_is_not_shown_is_a_note():
    held = with_gpu(HEALTHY, 7, memory_used_bytes=2**30)
    assert "GPU 7: 1024 MiB" in judge("gpu.busy", held).reason
    with_the_drivers_own = with_gpu(held, 7, memory_reserved_bytes=None)
    assert judge("gpu.busy", with_the_drivers_own).status is Status.PASS


def test_a_remedy_touches_no_other_gpu():
    sliced = with_gpu(with_gpu(HEALTHY, 2, mig_enabled=True, mig_instances=0), 3, mig_enabled=True,
                      mig_instances=7)  # fmt: skip
    closed = with_gpu(HEALTHY, 1, compute_mode="prohibited")
    for check, snapshot, index in (("gpu.mig", sliced, 2), ("gpu.compute_mode", closed, 1)):
        for line in judge(check, snapshot).remedy:
            assert f"-i {index}" in line
