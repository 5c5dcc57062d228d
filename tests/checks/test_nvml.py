"""NVML: does it start, and through which binding."""

import pytest

from gpubench.checks.diagnosis import diagnose
from gpubench.checks.outcome import Status
from gpubench.checks.running import run_checks
from tests.checks.healthy import (
    HEALTHY,
    NO_GPU,
    QUICK,
    change,
    judge,
    results,
    with_distribution,
    with_nvml,
)


def silent(code, message="said no"):
    return change(
        with_nvml(QUICK, code=code, message=message, device_count=None, driver_version=None),
        gpus=(),
    )


@pytest.mark.parametrize(
    ("code", "cause"),
    [(9, "driver-absent"), (12, "driver-absent"), (17, "device-access"), (999, "device-access")],
)
def test_an_nvml_that_does_not_start_fails_by_its_code(code, cause):
    outcome = judge("nvml.load", silent(code))
    assert outcome.status is Status.FAIL
    assert outcome.cause == cause
    assert outcome.remedy


def test_no_nvml_on_a_machine_without_gpus_is_skipped():
    assert judge("nvml.load", NO_GPU).status is Status.SKIP


def test_an_nvml_that_hangs_fails_and_names_the_call():
    hung = with_nvml(
        QUICK,
        hung_in="reading temperature_c, GPU 3",
        message="did not come back within 30 s in reading temperature_c, GPU 3",
    )
    outcome = judge("nvml.load", hung)
    assert outcome.status is Status.FAIL
    assert outcome.cause == "gpu-hardware-fault"
    assert "GPU 3" in outcome.reason
    worked = change(hung, cuda_init=HEALTHY.cuda_init)
    assert judge("nvml.load", worked).status is Status.NOTE


@pytest.mark.parametrize("code", [9, 12, 17, 18, 999])
def test_an_nvml_that_fails_is_a_note_where_a_gpu_computed(code):
    for seen in ({"cuda_init": HEALTHY.cuda_init}, {"torch_run": HEALTHY.torch_run}):
        found = results(change(silent(code), **seen))
        assert found["nvml.load"].status is Status.NOTE
        assert [k for k, r in found.items() if r.status is Status.FAIL] == []


def test_an_nvml_that_broke_is_unknown_with_its_last_words():
    words = "ended with exit status 1 in start: ImportError: no"
    broke = change(
        with_nvml(QUICK, code=-1, message=words, device_count=None),
        gpus=(),
        unread={"driver.nvml": words},
    )
    outcome = judge("nvml.load", broke)
    assert outcome.status is Status.UNKNOWN
    assert "ImportError" in outcome.reason
    later = change(with_nvml(QUICK, message=words), unread={"driver.nvml": words})
    assert judge("nvml.load", later).status is Status.UNKNOWN


@pytest.mark.parametrize("hung_in", ["nvmlInit", None])
def test_an_nvml_that_broke_on_a_machine_without_gpus_is_skipped(hung_in):
    words = "did not come back within 30 s in nvmlInit"
    broke = with_nvml(NO_GPU, code=-1, message=words, hung_in=hung_in)
    broke = change(broke, unread={"driver.nvml": words})
    assert judge("nvml.load", broke).status is Status.SKIP
    assert diagnose(broke, run_checks(broke)).verdict == "no-gpu"


@pytest.mark.parametrize(
    ("installed", "status"),
    [
        ({"pynvml": "11.5.3", "nvidia-ml-py": "13.580.82"}, Status.WARN),
        ({"pynvml": "11.5.3"}, Status.NOTE),
        ({"pynvml": "13.0.1", "nvidia-ml-py": "13.580.82"}, Status.PASS),
        ({"nvidia-ml-py": "13.580.82"}, Status.PASS),
    ],
)
def test_two_owners_of_one_module_warn(installed, status):
    snapshot = HEALTHY
    for name, version in installed.items():
        snapshot = with_distribution(snapshot, name, version=version)
    assert judge("nvml.binding", snapshot).status is status
