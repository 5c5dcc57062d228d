"""SRAM and DRAM errors, spare rows, retired pages."""

import pytest

from gpubench.checks.outcome import Status
from tests.checks.healthy import DOCKER, HEALTHY, change, judge, results, with_gpu, with_gpus


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"ecc_uncorrected_volatile": 2}, "2 uncorrectable ECC errors"),
        (
            {"ecc_uncorrected_volatile": 3, "ecc_sram_uncorrected_volatile": 3},
            "3 uncorrectable ECC errors (3 in SRAM)",
        ),
        (
            {"ecc_uncorrected_volatile": None, "ecc_dram_uncorrected_volatile": 1},
            "1 uncorrectable ECC error (1 in DRAM)",
        ),
    ],
)
def test_uncorrectable_errors_fail_and_say_where_they_were(fields, words):
    outcome = judge("ecc.uncorrected", with_gpu(HEALTHY, 7, **fields))
    assert outcome.status is Status.FAIL
    assert outcome.reason == f"GPU 7: {words}"


def test_in_a_container_a_reset_is_for_the_host():
    inside = change(with_gpu(HEALTHY, 7, ecc_uncorrected_volatile=1), container=DOCKER)
    assert judge("ecc.uncorrected", inside).remedy[0] == "on the host: nvidia-smi --gpu-reset -i 7"


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({"ecc_sram_threshold_exceeded": True}, Status.FAIL),
        ({"ecc_sram_uncorrected_aggregate": 4}, Status.PASS),
        ({"ecc_sram_uncorrected_aggregate": 5}, Status.WARN),
        (
            {"ecc_sram_threshold_exceeded": None, "ecc_sram_uncorrected_aggregate": 5},
            Status.WARN,
        ),
    ],
)
def test_a_gpu_whose_caches_failed_too_often_is_to_be_replaced(fields, status):
    assert judge("ecc.sram_threshold", with_gpu(HEALTHY, 7, **fields)).status is status


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({"ecc_corrected_volatile": 20_000_000}, Status.PASS),
        ({"ecc_corrected_volatile": 20_000_001}, Status.WARN),
        ({"ecc_dram_corrected_volatile": 20_000_001}, Status.WARN),
        ({"ecc_sram_corrected_volatile": 10_000}, Status.PASS),
        ({"ecc_sram_corrected_volatile": 10_001}, Status.WARN),
    ],
)
def test_very_many_corrected_errors_warn(fields, status):
    assert judge("ecc.corrected", with_gpu(HEALTHY, 7, **fields)).status is status


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
