"""The files of the wheels."""

from gpubench.checks.outcome import Status
from tests.checks.healthy import QUICK, judge, results, with_distribution


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
