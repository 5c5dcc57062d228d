"""Variables that hide GPUs or slow programs down."""

import dataclasses

import pytest

from gpubench.checks.outcome import Status
from tests.checks.healthy import HEALTHY, NO_GPU, QUICK, change, judge, results, with_run


def visible(value, base=QUICK):
    return change(base, environment={"CUDA_VISIBLE_DEVICES": value})


@pytest.mark.parametrize(
    ("value", "status"),
    [
        ("0,1,2,3,4,5,6,7", Status.PASS),
        ("3", Status.NOTE),
        ("GPU-0e4fa8e2-0000-0000-0000-000000000000", Status.NOTE),
        ("GPU-0e4fa8e2", Status.NOTE),
        ("MIG-GPU-0e4fa8e2-0000-0000-0000-000000000000/1/2", Status.NOTE),
        ("MIG-0123456789abcdef/1/2", Status.NOTE),
        ("0123456789abcdef", Status.NOTE),  # what is kept of a UUID
        ("0,1,", Status.NOTE),
        (",", Status.FAIL),
        ("", Status.FAIL),
        ("-1", Status.FAIL),
        ("none", Status.FAIL),
        ("8", Status.FAIL),
        ("0,0", Status.FAIL),
        ("0,1,9,2", Status.WARN),
        ("0,-1,2", Status.WARN),
    ],
)
def test_the_list_of_visible_devices_is_read_as_cuda_reads_it(value, status):
    assert judge("env.masking", visible(value)).status is status


def test_hidden_gpus_explain_that_cuda_finds_none():
    none = dataclasses.replace(HEALTHY.cuda_init, code=100, device_count=None)
    found = results(change(visible("", HEALTHY), cuda_init=none, torch_run=None))
    assert [k for k, r in found.items() if r.status is Status.FAIL] == ["env.masking"]
    assert found["env.masking"].cause == "devices-hidden"
    assert found["cuda.init"].blocked_by == "env.masking"


@pytest.mark.parametrize("value", ["oddly-named", "", "0,0"])
def test_gpus_that_cuda_sees_are_not_hidden(value):
    assert judge("env.masking", visible(value, HEALTHY)).status is Status.NOTE
    ran = change(visible(value), torch_run=HEALTHY.torch_run)
    assert judge("env.masking", ran).status is Status.NOTE


@pytest.mark.parametrize("value", ["", "-1"])
def test_what_hides_everything_is_named_although_a_driver_counted_gpus(value):
    """CUDA cannot count a GPU then: such a count is of something that is no CUDA."""
    snapshot = with_run(visible(value, HEALTHY), proofs=())
    assert judge("env.masking", snapshot).status is Status.FAIL


def test_without_gpus_there_is_nothing_to_hide():
    assert judge("env.masking", visible("", NO_GPU)).status is Status.SKIP


def test_debugging_variables_warn_unless_they_are_off():
    on = change(QUICK, environment={"CUDA_AUTO_BOOST": "1"})
    off = change(QUICK, environment={"CUDA_AUTO_BOOST": "0"})
    assert judge("env.debug_vars", on).remedy == ("unset CUDA_AUTO_BOOST",)
    assert judge("env.debug_vars", off).status is Status.PASS


@pytest.mark.parametrize(
    ("environment", "status"),
    [
        ({}, Status.PASS),
        ({"CUDA_LAUNCH_BLOCKING": "1"}, Status.WARN),
        ({"CUDA_LAUNCH_BLOCKING": "0"}, Status.PASS),
        ({"NCCL_DEBUG": "TRACE"}, Status.WARN),
        ({"NCCL_DEBUG": "INFO"}, Status.PASS),
        ({"TORCH_DISTRIBUTED_DEBUG": "detail"}, Status.WARN),
        ({"PYTORCH_NO_CUDA_MEMORY_CACHING": "1"}, Status.WARN),
    ],
)
def test_variables_that_slow_every_step_warn(environment, status):
    assert judge("env.slow_vars", change(QUICK, environment=environment)).status is status


@pytest.mark.parametrize(
    ("environment", "words"),
    [
        ({"NVIDIA_TF32_OVERRIDE": "0"}, "forces TF32 off"),
        ({"NVIDIA_TF32_OVERRIDE": "1"}, "forces TF32 on"),
        ({"HIP_VISIBLE_DEVICES": "0"}, "does nothing to NVIDIA GPUs"),
    ],
)
def test_what_changes_results_or_is_meant_for_others_is_a_note(environment, words):
    outcome = judge("env.overrides", change(QUICK, environment=environment))
    assert outcome.status is Status.NOTE
    assert words in outcome.reason


@pytest.mark.parametrize("check", ["env.slow_vars", "env.overrides", "env.nccl", "env.alloc_conf"])
def test_a_report_without_variables_says_nothing_of_them(check):
    assert judge(check, change(QUICK, source="nvidia_smi")).status is Status.SKIP


def test_a_launcher_that_was_told_to_use_the_cpu_hides_the_gpus():
    told = change(QUICK, environment={"ACCELERATE_USE_CPU": "True"})
    outcome = judge("env.overrides", told)
    assert (outcome.status, outcome.cause) == (Status.WARN, "devices-hidden")
    off = change(QUICK, environment={"ACCELERATE_USE_CPU": "false"})
    assert judge("env.overrides", off).status is Status.PASS
    assert judge("env.overrides", change(told, gpus=NO_GPU.gpus, driver=NO_GPU.driver)).status is (
        Status.SKIP
    )
