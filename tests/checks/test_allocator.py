"""The settings of torch's memory allocator."""

import pytest

from gpubench.checks.outcome import Status
from gpubench.env.snapshot import TorchRun
from tests.checks.healthy import HEALTHY, QUICK, change, judge, results


def configured(value, base=QUICK, name="PYTORCH_CUDA_ALLOC_CONF"):
    return change(base, environment={name: value})


@pytest.mark.parametrize(
    ("value", "status"),
    [
        ("expandable_segments:True", Status.PASS),
        ("max_split_size_mb:128,garbage_collection_threshold:0.8", Status.PASS),
        (" expandable_segments : True ", Status.PASS),
        ("roundup_power2_divisions:[256:1,512:2,>:4],backend:native", Status.PASS),
        ("max_split_size_mb:128,", Status.PASS),
        ("no_such_option:1", Status.NOTE),
        ("max_split_size_mb", Status.FAIL),
        ("max_split_size_mb=128", Status.FAIL),
        ("max_split_size_mb:128;expandable_segments:True", Status.FAIL),
        ("max_split_size_mb:128,,backend:native", Status.PASS),
        ("roundup_power2_divisions:[256:1", Status.FAIL),
        (":", Status.FAIL),
    ],
)
@pytest.mark.parametrize("name", ["PYTORCH_CUDA_ALLOC_CONF", "PYTORCH_ALLOC_CONF"])
def test_settings_are_read_as_torch_reads_them(value, status, name):
    assert judge("env.alloc_conf", configured(value, name=name)).status is status


def test_settings_that_torch_was_seen_to_read_are_a_note():
    assert judge("env.alloc_conf", configured("odd", HEALTHY)).status is Status.NOTE


def test_settings_that_cannot_be_read_explain_a_torch_that_is_not_imported():
    failed = TorchRun(ended="signal", phase="import", problem="was ended by SIGABRT")
    found = results(change(configured("odd", HEALTHY), torch_run=failed))
    assert found["env.alloc_conf"].status is Status.FAIL
    assert found["torch.import"].blocked_by == "env.alloc_conf"


def test_without_settings_there_is_nothing_to_read():
    assert judge("env.alloc_conf", QUICK).status is Status.PASS
    assert judge("env.alloc_conf", change(QUICK, torch=None)).status is Status.SKIP
