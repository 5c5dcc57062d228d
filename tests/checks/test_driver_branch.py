"""Branches that do not know a card yet, or any more."""

import pytest

from gpubench.checks.outcome import Status
from gpubench.env.snapshot import Driver, Gpu, Paste, Snapshot
from tests.checks.healthy import HEALTHY, judge, with_driver, with_gpu


@pytest.mark.parametrize(
    ("driver", "capability", "cause"),
    [
        ("590.44.01", "6.1", "driver-absent"),
        ("535.104.05", "12.0", "driver-too-old"),
        ("580.65.06", "7.0", None),
        ("550.54.14", "9.0", None),
    ],
)
def test_a_branch_that_does_not_serve_the_card_is_named(driver, capability, cause):
    report = Snapshot(
        source="collect_env",
        driver=Driver(version=driver),
        gpus=(Gpu(index=0, compute_capability=capability),),
        paste=Paste(cuda_available=False),
    )
    outcome = judge("drv.branch", report)
    assert outcome.status is (Status.FAIL if cause else Status.PASS)
    assert outcome.cause == cause


def test_a_driver_that_answers_for_its_gpus_serves_them():
    newer = with_driver(HEALTHY, version="590.44.01")
    assert judge("drv.branch", with_gpu(newer, 0, compute_capability="6.1")).status is Status.NOTE
