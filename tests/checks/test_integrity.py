"""The files of the wheels."""

import pytest

from gpubench.checks.outcome import Status
from tests.checks.healthy import (
    HEALTHY,
    QUICK,
    judge,
    results,
    with_distribution,
    with_run,
    with_torch,
)


def damaged(name="torch", **fields):
    return with_distribution(
        QUICK,
        name,
        damaged=("torch/lib/libtorch_cpu.so is missing",),
        damaged_count=3,
        record_read=True,
        **fields,
    )


def test_missing_files_fail_and_name_the_distribution_to_reinstall():
    outcome = judge("torch.record", damaged())
    assert outcome.status is Status.FAIL
    assert "libtorch_cpu.so is missing" in outcome.reason
    assert outcome.remedy == ("pip install --force-reinstall --no-deps torch==2.8.0",)
    assert results(damaged())["torch.record"].cause == "torch-install-damaged"


def test_without_any_record_there_is_nothing_to_hold_against():
    assert judge("torch.record", with_distribution(QUICK, "torch", record_read=False)).status is (
        Status.SKIP
    )


def test_a_library_overwritten_by_another_is_named_by_the_library():
    overwritten = with_distribution(
        damaged("nvidia-cudnn-cu12"), "nvidia-cudnn-cu13", version="9.13.0.50"
    )
    found = results(overwritten)
    assert found["torch.record"].blocked_by == "torch.cuda_mix"


def touched(snapshot, *damaged, name="torch"):
    return with_distribution(
        snapshot, name, damaged=damaged, damaged_count=len(damaged), record_read=True
    )


@pytest.mark.parametrize(
    "words", ["torch/optim/adam.py has 90 bytes, not 80", "torch/_meta.py has other content"]
)
@pytest.mark.parametrize("snapshot", [HEALTHY, QUICK], ids=["torch works", "quick"])
def test_an_edited_python_file_is_a_warning_for_what_was_tried_is_not_all(snapshot, words):
    assert judge("torch.record", touched(snapshot, words)).status is Status.WARN


def test_a_python_file_of_which_nothing_is_left_fails():
    words = "torch/optim/adam.py has 0 bytes, not 80"
    assert judge("torch.record", touched(QUICK, words)).status is Status.FAIL


def test_a_torch_of_which_only_metadata_is_left_fails():
    gone = with_torch(QUICK, from_metadata=True)
    assert judge("torch.record", gone).status is Status.FAIL


def test_who_lists_the_same_files_is_named():
    other = touched(QUICK, "torch/lib/libtorch.so has 4 bytes, not 80")
    other = with_distribution(other, "torch", overlaps=("torch-nightly 2.9",))
    assert "torch-nightly 2.9" in judge("torch.record", other).reason


def test_whether_contents_or_sizes_were_compared_is_said():
    assert "by sizes" in judge("torch.record", QUICK).reason
    hashed = with_distribution(QUICK, "torch", hashed=True)
    assert "by contents of 1, sizes of 0" in judge("torch.record", hashed).reason


@pytest.mark.parametrize(
    "words",
    [
        "nvidia/cublas/lib/libcublas.so.12 is missing",
        "torch/lib/libtorch.so has 4 bytes, not 80",
        "torch/lib/libtorch.so is cut short: 4 bytes, not 80",
        "torch/lib/libtorch.so has other content",
    ],
)
def test_a_library_that_is_not_the_wheels_fails(words):
    assert judge("torch.record", touched(QUICK, words)).status is Status.FAIL
    assert judge("torch.record", touched(HEALTHY, words)).status is Status.FAIL


def test_a_python_file_that_torch_lacks_fails_unless_torch_imports():
    words = "torch/optim/adam.py is missing"
    assert judge("torch.record", touched(QUICK, words)).status is Status.FAIL
    assert judge("torch.record", touched(HEALTHY, words)).status is Status.WARN
    died = with_run(HEALTHY, ended="signal")
    assert judge("torch.record", touched(died, words)).status is Status.WARN
