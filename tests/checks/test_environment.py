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
    on = change(QUICK, environment={"CUDA_LAUNCH_BLOCKING": "1"})
    off = change(QUICK, environment={"CUDA_LAUNCH_BLOCKING": "0"})
    assert judge("env.debug_vars", on).remedy == ("unset CUDA_LAUNCH_BLOCKING",)
    assert judge("env.debug_vars", off).status is Status.PASS
