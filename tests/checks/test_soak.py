"""GPUs under sustained load, judged."""

import dataclasses

import pytest

from gpubench.checks.outcome import Status
from tests.checks.healthy import HEALTHY, QUICK, change, judge, with_run
from tests.checks.proved import SOAKS
from tests.checks.test_computations import proved


def loaded(index, **fields):
    """Eight healthy H100 under load, one of them changed."""
    soaks = list(SOAKS)
    soaks[index] = dataclasses.replace(soaks[index], **fields)
    return with_run(HEALTHY, soaks=tuple(soaks))


def test_standard_does_not_load_and_says_so():
    proofs = tuple(p for p in HEALTHY.torch_run.proofs if p.what != "soak")
    outcome = judge("fn.soak", with_run(HEALTHY, soaks=(), proofs=proofs))
    assert outcome.status is Status.SKIP
    assert "--level deep" in outcome.reason
    assert judge("fn.soak", QUICK).status is Status.SKIP


def test_a_power_cap_under_load_is_how_a_gpu_runs():
    assert judge("fn.soak", HEALTHY).status is Status.PASS


def test_a_gpu_behind_the_median_of_its_like_is_named():
    outcome = judge("fn.soak", loaded(6, tflops=560.0))
    assert (outcome.status, outcome.cause) == (Status.WARN, "gpu-degraded")
    assert outcome.reason.startswith("cuda:6 is 9.7 % slower")


def test_another_model_is_not_compared():
    devices = list(HEALTHY.torch_run.devices)
    devices[6] = dataclasses.replace(devices[6], name="NVIDIA A100")
    other = with_run(loaded(6, tflops=300.0), devices=tuple(devices))
    assert judge("fn.soak", other).status is Status.PASS


@pytest.mark.parametrize(
    ("throttled", "status"),
    [
        ({"hardware thermal slow-down": 0.4}, Status.FAIL),
        ({"hardware power brake": 0.2}, Status.FAIL),
        ({"hardware slow-down": 0.01}, Status.WARN),
        ({"software thermal slow-down": 0.3}, Status.WARN),
        ({"software power cap": 1.0, "sync boost": 1.0}, Status.PASS),
    ],
)
def test_a_slow_down_by_hardware_is_told_from_a_power_cap(throttled, status):
    outcome = judge("fn.soak", loaded(2, throttled=throttled))
    assert outcome.status is status
    assert not outcome.is_trouble or outcome.cause == "gpu-degraded"


@pytest.mark.parametrize(("codes", "status"), [((79,), Status.FAIL), ((13,), Status.PASS)])
def test_an_xid_of_the_hardware_during_the_load_is_a_fault(codes, status):
    outcome = judge("fn.soak", with_run(HEALTHY, new_xids=codes))
    assert outcome.status is status
    assert not outcome.is_trouble or outcome.cause == "gpu-hardware-fault"


def test_new_memory_errors_are_a_fault():
    assert judge("fn.soak", loaded(1, ecc_uncorrected=2)).cause == "gpu-hardware-fault"


def test_a_load_without_the_driver_is_no_pass():
    assert judge("fn.soak", loaded(0, unavailable="NVML: no")).status is Status.UNKNOWN


def test_a_product_that_was_wrong_in_the_end_is_a_fault():
    assert judge("fn.soak", proved("soak", "cuda:3", error=1.0)).cause == "gpu-hardware-fault"


def test_a_gpu_that_hangs_under_load_is_a_fault():
    hung = {"error": None, "problem": "did not come back", "ended": "timeout", "seconds": 90.0}
    assert judge("fn.soak", proved("soak", "cuda:3", **hung)).status is Status.FAIL
    assert judge("fn.soak", change(HEALTHY, torch_run=None)).status is Status.SKIP
