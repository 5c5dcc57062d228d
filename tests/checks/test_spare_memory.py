"""Spare rows and retired pages."""

import pytest

from gpubench.checks.outcome import Status
from tests.checks.healthy import HEALTHY, judge, results, with_gpu, with_gpus

OLD = {"rows_pending": None, "rows_failed": None, "rows_remapped_uncorrected": None}
V100 = with_gpus(
    HEALTHY, **OLD, pages_retired_single_bit=0, pages_retired_double_bit=0, pages_pending=False
)


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
