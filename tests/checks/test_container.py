"""The container check."""

import dataclasses

import pytest

from gpubench.checks.outcome import Status
from gpubench.env.snapshot import Container, CudaInit
from tests.checks.healthy import (
    DOCKER,
    HEALTHY,
    NO_GPU,
    QUICK,
    change,
    judge,
    results,
    with_driver,
    with_nvml,
)

NOT_HANDED_IN = change(
    with_driver(
        with_nvml(
            QUICK, code=12, message="Library Not Found", device_count=None, driver_version=None
        ),
        device_nodes=(),
    ),
    gpus=(),
    container=DOCKER,
)


def test_a_container_without_the_gpus_of_its_host_names_the_flag():
    found = results(NOT_HANDED_IN)
    failed = {key: result for key, result in found.items() if result.status is Status.FAIL}
    assert list(failed) == ["ctr.injection"]
    assert "--gpus all" in failed["ctr.injection"].outcome.remedy[0]
    assert failed["ctr.injection"].cause == "container-no-gpu"


@pytest.mark.parametrize("pci", [(), None])
def test_a_loaded_driver_is_sign_enough_of_a_host_with_gpus(pci):
    assert judge("ctr.injection", with_driver(NOT_HANDED_IN, pci_devices=pci)).status is Status.FAIL


def test_gpus_on_the_bus_are_sign_enough_too():
    hidden = with_driver(NOT_HANDED_IN, module_loaded=False, version=None)
    assert judge("ctr.injection", hidden).status is Status.FAIL


def test_a_container_on_a_host_without_gpus_is_fine():
    assert judge("ctr.injection", change(NO_GPU, container=DOCKER)).status is Status.SKIP


def test_outside_a_container_the_question_does_not_arise():
    assert judge("ctr.injection", HEALTHY).status is Status.SKIP


def test_gpus_that_answer_are_believed():
    assert judge("ctr.injection", change(HEALTHY, container=DOCKER)).status is Status.PASS


def test_a_variable_that_hides_the_gpus_is_shown():
    hidden = change(NOT_HANDED_IN, environment={"NVIDIA_VISIBLE_DEVICES": "void"})
    assert "NVIDIA_VISIBLE_DEVICES=void" in judge("ctr.injection", hidden).reason


def test_capabilities_without_compute_fail_unless_cuda_starts():
    inside = change(QUICK, container=DOCKER, environment={"NVIDIA_DRIVER_CAPABILITIES": "utility"})
    missing = CudaInit(problem="libcuda.so.1: cannot open shared object file")
    assert judge("ctr.injection", change(inside, cuda_init=missing)).status is Status.FAIL
    assert judge("ctr.injection", inside).status is Status.NOTE  # CUDA was not tried
    started = change(inside, cuda_init=HEALTHY.cuda_init)
    assert judge("ctr.injection", started).status is Status.NOTE


@pytest.mark.parametrize(
    ("runtime", "word"),
    [("kubernetes", "nvidia.com/gpu: 1"), ("podman", "--device"), ("apptainer", "--nv")],
)
def test_every_runtime_gets_its_own_words(runtime, word):
    inside = change(NOT_HANDED_IN, container=Container(runtime=runtime, evidence="a test"))
    remedy = judge("ctr.injection", inside).remedy
    assert word in remedy[0]
    assert any("--gpus all" in step for step in remedy)


def test_whether_this_is_a_container_is_told_with_its_mark():
    assert "docker (by /.dockerenv)" in judge("ctr.detect", NOT_HANDED_IN).reason
    assert judge("ctr.detect", HEALTHY).status is Status.PASS
    assert judge("ctr.detect", change(HEALTHY, source="collect_env")).status is Status.SKIP


def inside(**libcuda):
    """Device nodes were handed in, NVML is not there."""
    tools = dataclasses.replace(QUICK.toolchain, **libcuda)
    absent = with_nvml(QUICK, code=12, message="Library Not Found", device_count=None)
    return change(absent, gpus=(), container=DOCKER, toolchain=tools)


def test_device_nodes_without_the_drivers_libraries_are_not_enough():
    outcome = judge("ctr.injection", inside(libcuda_in_cache=(), libcuda_on_path=()))
    assert outcome.status is Status.FAIL
    assert "libraries are not" in outcome.reason
    assert "--gpus all" in outcome.remedy[0]


@pytest.mark.parametrize(
    "libcuda",
    [{}, {"libcuda_in_cache": None}, {"libcuda_in_cache": (), "libcuda_on_path": ("/x",)}],
)
def test_a_libcuda_that_is_here_was_handed_in(libcuda):
    assert judge("ctr.injection", inside(**libcuda)).status is Status.PASS


def lost(snapshot=QUICK):
    return change(
        with_nvml(snapshot, code=999, message="Unknown Error", device_count=None),
        gpus=(),
        container=DOCKER,
    )


def test_a_container_that_lost_its_gpus_is_told_so_once():
    found = results(lost())
    failed = [key for key, result in found.items() if result.status is Status.FAIL]
    assert failed == ["ctr.lost_access"]
    assert found["ctr.lost_access"].cause == "device-access"
    assert found["nvml.load"].blocked_by == "ctr.lost_access"
    assert "start the container again" in found["ctr.lost_access"].outcome.remedy[0]


def test_access_is_lost_only_where_nothing_works_any_more():
    assert judge("ctr.lost_access", lost(HEALTHY)).status is Status.PASS  # CUDA starts
    assert judge("ctr.lost_access", change(lost(), container=None)).status is Status.SKIP
    assert judge("ctr.lost_access", with_driver(lost(), device_nodes=())).status is Status.SKIP
