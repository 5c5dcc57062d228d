"""CUDA against the driver."""

import dataclasses

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gpubench.checks.outcome import Status
from gpubench.env.snapshot import CudaInit, Snapshot
from tests.checks.healthy import (
    DOCKER,
    HEALTHY,
    NO_GPU,
    QUICK,
    change,
    judge,
    results,
    with_driver_version,
    with_gpu,
    with_torch,
)


def stack(driver, cuda):
    return with_torch(with_driver_version(QUICK, driver), cuda=cuda)


@pytest.mark.parametrize(
    ("driver", "cuda", "floor", "minor"),
    [
        ("580.82.07", "12.8", Status.PASS, Status.PASS),
        ("535.104.05", "12.4", Status.PASS, Status.NOTE),  # minor-version compatibility
        ("525.60.13", "12.8", Status.PASS, Status.NOTE),
        ("525.60.12", "12.8", Status.FAIL, Status.SKIP),
        ("470.57.02", "12.1", Status.FAIL, Status.SKIP),
        ("470.57.02", "11.8", Status.PASS, Status.NOTE),
        ("580.65.06", "13.2", Status.PASS, Status.NOTE),
        ("575.57.08", "13.0", Status.FAIL, Status.SKIP),
        ("700.1", "12.10", Status.PASS, Status.SKIP),  # 12.10 is not on record
        ("700.1", "14.0", Status.SKIP, Status.SKIP),
    ],
)
def test_driver_and_cuda_are_judged_by_the_rules_of_compatibility(driver, cuda, floor, minor):
    snapshot = stack(driver, cuda)
    assert judge("cuda.floor", snapshot).status is floor
    assert judge("cuda.minor_compat", snapshot).status is minor


def test_a_patch_number_counts_as_a_number_and_not_as_text():
    assert judge("cuda.floor", stack("525.105.17", "12.1")).status is Status.PASS


@settings(deadline=None)
@given(
    driver=st.tuples(st.integers(400, 700), st.integers(0, 200), st.integers(0, 99)),
    newer=st.integers(1, 50),
    cuda=st.sampled_from(["11.8", "12.1", "12.8", "13.0"]),
)
def test_a_newer_driver_never_runs_less(driver, newer, cuda):
    here = stack(".".join(map(str, driver)), cuda)
    later = stack(f"{driver[0] + newer}.{driver[1]}", cuda)
    if judge("cuda.floor", here).status is Status.PASS:
        assert judge("cuda.floor", later).status is Status.PASS


def test_what_was_seen_to_work_goes_before_the_table():
    old = with_torch(with_driver_version(HEALTHY, "470.57.02"), cuda="12.8")
    assert judge("cuda.floor", old).status is Status.NOTE


def test_a_driver_too_old_explains_that_cuda_does_not_start():
    old = with_driver_version(QUICK, "470.57.02")
    stuck = change(
        old,
        torch_run=dataclasses.replace(
            HEALTHY.torch_run,
            cuda_available=False,
            devices=(),
            proofs=(dataclasses.replace(HEALTHY.torch_run.proofs[0], device="cpu"),),
            cuda_problem="The NVIDIA driver on your system is too old (found version 11040)",
        ),
    )
    found = results(stuck)
    assert [k for k, r in found.items() if r.status is Status.FAIL] == ["cuda.floor"]
    assert found["fn.gemm"].blocked_by == "cuda.floor"


def test_the_remedy_names_a_driver_and_a_torch():
    ampere = with_gpu(stack("470.57.02", "12.8"), 0, compute_capability="8.0", name="A100")
    remedy = judge("cuda.floor", change(ampere, gpus=ampere.gpus[:1])).remedy
    assert remedy[0] == "update the driver to 570.26 or later"
    assert "pip install torch==" in remedy[1]
    assert "/cu118" in remedy[1]


@pytest.mark.parametrize(
    ("code", "cause"),
    [
        (34, "library-path-shadowing"),
        (802, "fabric-manager"),
        (803, "driver-library-mismatch"),
        (804, "driver-too-old"),
        (999, "device-access"),
    ],
)
def test_what_cuda_answers_points_to_its_cause(code, cause):
    broken = change(QUICK, cuda_init=CudaInit(code=code, name="CUDA_ERROR"))
    outcome = judge("cuda.init", broken)
    assert outcome.status is Status.FAIL
    assert outcome.cause == cause
    assert outcome.remedy


def test_804_names_both_ways_out():
    (remedy,) = judge("cuda.init", change(QUICK, cuda_init=CudaInit(code=804))).remedy
    assert "update the driver" in remedy
    assert "LD_LIBRARY_PATH" in remedy


def test_a_code_that_is_not_on_record_fails_with_its_number():
    outcome = judge("cuda.init", change(QUICK, cuda_init=CudaInit(code=12345)))
    assert outcome.status is Status.FAIL
    assert "12345" in outcome.reason


def test_a_cuinit_that_hangs_fails():
    hung = change(QUICK, cuda_init=CudaInit(problem="cuInit did not come back within 30 s"))
    assert judge("cuda.init", hung).status is Status.FAIL


def test_a_missing_libcuda_in_a_container_names_the_capabilities():
    words = "libcuda.so.1: cannot open shared object file"
    inside = change(QUICK, container=DOCKER, cuda_init=CudaInit(problem=words))
    outcome = judge("cuda.init", inside)
    assert outcome.cause == "container-no-gpu"
    assert "compute,utility" in outcome.remedy[0]


def test_cuda_is_not_started_at_quick_or_without_gpus():
    assert judge("cuda.init", QUICK).status is Status.SKIP
    assert judge("cuda.init", NO_GPU).status is Status.SKIP


def test_fewer_devices_in_cuda_than_in_nvml_fail_unless_hidden():
    fewer = change(HEALTHY, cuda_init=dataclasses.replace(HEALTHY.cuda_init, device_count=7))
    assert judge("cuda.count_match", fewer).status is Status.FAIL
    hidden = change(fewer, environment={"CUDA_VISIBLE_DEVICES": "0,1,2,3,4,5,6"})
    assert judge("cuda.count_match", hidden).status is Status.NOTE


def test_an_unknown_driver_in_a_paste_is_skipped_and_not_passed():
    paste = Snapshot(source="collect_env", torch=HEALTHY.torch, python=HEALTHY.python)
    assert judge("cuda.floor", paste).status is Status.SKIP
