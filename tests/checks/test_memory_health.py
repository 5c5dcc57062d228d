"""SRAM and DRAM errors, spare rows, retired pages."""

import pytest

from gpubench.checks.outcome import Status
from tests.checks.healthy import DOCKER, HEALTHY, change, judge, results, with_gpu, with_gpus

OLD = {"rows_pending": None, "rows_failed": None, "rows_remapped_uncorrected": None}
V100 = with_gpus(
    HEALTHY, **OLD, pages_retired_single_bit=0, pages_retired_double_bit=0, pages_pending=False
)


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


def test_a_bank_without_spare_rows_warns():
    assert judge("rows.count", with_gpu(HEALTHY, 7, rows_banks_none=1)).status is Status.WARN


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({}, Status.PASS),
        ({"pages_pending": True}, Status.FAIL),
        ({"pages_retired_single_bit": 40, "pages_retired_double_bit": 22}, Status.WARN),
        ({"pages_retired_single_bit": 41, "pages_retired_double_bit": 22}, Status.FAIL),
        ({"pages_retired_double_bit": 14}, Status.PASS),
        ({"pages_retired_double_bit": 15}, Status.WARN),
        ({"pages_retired_double_bit": None, "pages_pending": True}, Status.FAIL),
    ],
)
def test_retired_pages_are_judged_before_ampere(fields, status):
    assert judge("pages.retired", with_gpu(V100, 7, **fields)).status is status


def test_a_gpu_that_retires_pages_is_not_asked_for_rows():
    found = results(V100)
    assert [found[name].status for name in ("rows.pending", "rows.failure", "rows.count")] == [
        Status.SKIP
    ] * 3
