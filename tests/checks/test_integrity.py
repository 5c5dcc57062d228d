"""The files of the wheels."""

import pytest

from gpubench.checks.outcome import Status
from tests.checks.healthy import HEALTHY, QUICK, judge, results, with_distribution, with_run


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


def test_an_edited_python_file_is_a_note_where_torch_works_and_else_a_warning():
    words = "torch/optim/adam.py has 90 bytes, not 80"
    assert judge("torch.record", touched(HEALTHY, words)).status is Status.NOTE
    assert judge("torch.record", touched(QUICK, words)).status is Status.WARN


@pytest.mark.parametrize(
    "words",
    ["nvidia/cudnn/lib/libcudnn.so.9 is missing", "torch/lib/libtorch.so has 4 bytes, not 80"],
)
def test_a_library_that_is_not_the_wheels_fails(words):
    assert judge("torch.record", touched(QUICK, words)).status is Status.FAIL
    assert judge("torch.record", touched(HEALTHY, words)).status is Status.FAIL


def test_a_python_file_that_torch_lacks_fails_unless_torch_imports():
    words = "torch/optim/adam.py is missing"
    assert judge("torch.record", touched(QUICK, words)).status is Status.FAIL
    assert judge("torch.record", touched(HEALTHY, words)).status is Status.NOTE
    died = with_run(HEALTHY, ended="signal")
    assert judge("torch.record", touched(died, words)).status is Status.WARN
