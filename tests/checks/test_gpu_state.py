"""What GPUs ask for, and whether they are alike."""

import pytest

from gpubench.checks.outcome import Status
from tests.checks.healthy import (
    DOCKER,
    HEALTHY,
    QUICK,
    change,
    judge,
    results,
    with_gpu,
    with_gpus,
    with_nvml,
)


@pytest.mark.parametrize(
    ("action", "step"),
    [
        ("reset", "sudo nvidia-smi --gpu-reset -i 7"),
        ("drain-and-reset", "sudo nvidia-smi --gpu-reset -i 7"),
        ("reboot", "sudo reboot"),
    ],
)
def test_a_recovery_action_fails_and_names_the_step(action, step):
    outcome = judge("gpu.recovery_action", with_gpu(HEALTHY, 7, recovery_action=action))
    assert outcome.status is Status.FAIL
    assert step in outcome.remedy
    inside = change(with_gpu(HEALTHY, 7, recovery_action=action), container=DOCKER)
    assert not any("sudo" in line for line in judge("gpu.recovery_action", inside).remedy)


def test_a_recovery_action_of_a_later_driver_fails_with_its_name():
    outcome = judge("gpu.recovery_action", with_gpu(HEALTHY, 0, recovery_action="unknown (9)"))
    assert outcome.status is Status.FAIL
    assert "unknown (9)" in outcome.reason


def test_an_action_that_a_known_fault_explains_is_said_once():
    both = with_gpu(QUICK, 0, rows_pending=True, recovery_action="reset")
    assert results(both)["gpu.recovery_action"].blocked_by == "rows.pending"


def test_a_corrupted_inforom_fails():
    assert judge("gpu.inforom", with_gpu(HEALTHY, 7, inforom_valid=False)).status is Status.FAIL


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({"cc_enabled": True, "cc_ready": False}, Status.FAIL),
        ({"cc_enabled": True, "cc_ready": True}, Status.NOTE),
        ({"cc_enabled": None}, Status.SKIP),
    ],
)
def test_confidential_computing_must_be_ready(fields, status):
    assert judge("gpu.cc_mode", with_nvml(HEALTHY, **fields)).status is status


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"vbios": "1.2.3"}, "VBIOS differs: GPU 7: 1.2.3"),
        ({"power_limit_w": 500.0}, "power limit differs: GPU 7: 500"),
        ({"pcie_generation_max": 4}, "highest PCIe generation differs: GPU 7: 4"),
        ({"memory_bytes": 1}, "memory differs: GPU 7: 1"),
    ],
)
def test_an_odd_gpu_warns_and_makes_no_server_ill(fields, words):
    found = results(with_gpu(QUICK, 7, **fields))["gpu.homogeneous"]
    assert (found.status, found.cause) == (Status.WARN, "host-tuning")
    assert words in found.outcome.reason


def test_different_models_are_a_note_and_one_gpu_is_alike():
    mixed = with_gpu(HEALTHY, 7, name="NVIDIA A100-PCIE-40GB", memory_bytes=42949672960)
    assert judge("gpu.homogeneous", mixed).status is Status.NOTE
    alone = change(HEALTHY, gpus=HEALTHY.gpus[:1])
    assert judge("gpu.homogeneous", alone).status is Status.SKIP
    unnamed = with_gpus(HEALTHY, name=None)
    assert judge("gpu.homogeneous", unnamed).status is Status.SKIP
