"""What was really loaded with torch."""

import dataclasses

import pytest

from gpubench.checks.outcome import Status
from tests.checks.healthy import (
    HEALTHY,
    NO_GPU,
    QUICK,
    SITE,
    change,
    judge,
    results,
    with_run,
    with_torch,
    without_distribution,
)

OWN = f"{SITE}/nvidia/cudnn/lib/libcudnn.so.9"
SYSTEM = "/usr/lib/x86_64-linux-gnu"
CPU_RUN = dataclasses.replace(HEALTHY.torch_run, proofs=(), devices=(), cuda_available=False)


def loaded(*names, snapshot=NO_GPU):
    run = dataclasses.replace(CPU_RUN, loaded=names)
    return change(snapshot, level="standard", torch_run=run)


@pytest.mark.parametrize("check", ["torch.loaded_libs", "torch.cudnn_sublibs"])
def test_own_libraries_pass(check):
    assert judge(check, loaded(OWN)).status is Status.PASS


@pytest.mark.parametrize("check", ["torch.loaded_libs", "torch.cudnn_sublibs"])
@pytest.mark.parametrize(
    "snapshot",
    [QUICK, loaded(), with_torch(loaded(OWN), cuda=None), change(QUICK, torch=None)],
    ids=["quick", "nothing loaded", "CPU build", "no torch"],
)
def test_where_nothing_was_loaded_there_is_no_question(check, snapshot):
    assert judge(check, snapshot).status is Status.SKIP


@pytest.mark.parametrize("check", ["torch.loaded_libs", "torch.cudnn_sublibs"])
def test_a_torch_that_could_not_be_read_is_unknown(check):
    unread = change(loaded(OWN), torch=None, unread={"torch": "PermissionError"})
    assert judge(check, unread).status is Status.UNKNOWN


def test_a_system_library_in_the_place_of_a_wheels_is_named_with_its_file():
    outcome = judge("torch.loaded_libs", loaded(OWN, f"{SYSTEM}/libnccl.so.2"))
    assert outcome.status is Status.WARN
    assert f"{SYSTEM}/libnccl.so.2" in outcome.reason


def test_a_variable_that_may_lead_there_is_named():
    snapshot = change(
        loaded(f"{SYSTEM}/libcublas.so.12"), environment={"LD_LIBRARY_PATH": "/usr/lib"}
    )
    assert judge("torch.loaded_libs", snapshot).remedy == ("unset LD_LIBRARY_PATH",)


def test_a_system_library_no_wheel_brings_is_the_environments_own():
    without = without_distribution(loaded(f"{SYSTEM}/libnccl.so.2"), "nvidia-nccl-cu12")
    assert judge("torch.loaded_libs", without).status is Status.PASS


@pytest.mark.parametrize(
    "path",
    [
        "/opt/venv/lib/libcudart.so.12",
        f"{SITE}/torchvision.libs/libcudart.41118559.so.12",
        f"{SYSTEM}/libcuda.so.535.104.05",
    ],
)
def test_libraries_of_the_environment_and_of_the_driver_are_no_strangers(path):
    assert judge("torch.loaded_libs", loaded(path)).status is Status.PASS


def test_what_computes_right_on_a_gpu_is_a_note():
    works = with_run(HEALTHY, loaded=(f"{SYSTEM}/libnccl.so.2",))
    assert judge("torch.loaded_libs", works).status is Status.NOTE


def test_parts_of_cudnn_from_two_folders_fail_and_are_warned_of_where_they_work():
    parts = (OWN, f"{SYSTEM}/libcudnn_graph.so.9")
    assert judge("torch.cudnn_sublibs", loaded(*parts)).status is Status.FAIL
    assert judge("torch.cudnn_sublibs", with_run(HEALTHY, loaded=parts)).status is Status.WARN


def test_two_folders_of_cudnn_are_said_once():
    found = results(loaded(OWN, f"{SYSTEM}/libcudnn_graph.so.9"))
    assert found["torch.cudnn_sublibs"].cause == "library-path-shadowing"
    assert found["torch.loaded_libs"].blocked_by == "torch.cudnn_sublibs"
