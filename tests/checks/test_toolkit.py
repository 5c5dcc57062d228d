"""Toolkits and copies of libcuda beside torch."""

import dataclasses

import pytest

from gpubench.checks.outcome import Status
from gpubench.env.snapshot import Toolkit
from tests.checks.healthy import (
    DOCKER,
    HEALTHY,
    QUICK,
    change,
    judge,
    with_driver_version,
    with_gpu,
    with_run,
    with_torch_release,
)


def tools(snapshot=QUICK, **fields):
    return change(snapshot, toolchain=dataclasses.replace(snapshot.toolchain, **fields))


def toolkit(release, named_by="CUDA_HOME", has_nvcc=True):
    return (Toolkit(named_by=named_by, path="/opt/cuda", release=release, has_nvcc=has_nvcc),)


@pytest.mark.parametrize(
    ("fields", "building", "status"),
    [
        ({"toolkits": toolkit("12.8")}, False, Status.PASS),
        ({"toolkits": toolkit("12.4")}, True, Status.NOTE),
        ({"toolkits": toolkit("12.9")}, True, Status.NOTE),
        ({"toolkits": toolkit("11.8")}, False, Status.NOTE),
        ({"toolkits": toolkit("11.8")}, True, Status.WARN),
        ({"toolkits": toolkit(None)}, True, Status.SKIP),
        ({"toolkits": ()}, True, Status.SKIP),
        ({"toolkits": toolkit(None, "PATH"), "nvcc": "11.8"}, True, Status.WARN),
        ({"toolkits": None, "nvcc": "12.8.93"}, False, Status.PASS),
        ({"toolkits": None, "nvcc": "11.5"}, False, Status.NOTE),
        ({"toolkits": None}, False, Status.SKIP),
    ],
)
def test_another_toolkit_is_trouble_only_where_extensions_are_built(fields, building, status):
    variables = {"TORCH_CUDA_ARCH_LIST": "9.0"} if building else {}
    snapshot = change(tools(**fields), environment=variables)
    assert judge("cuda.toolkit", snapshot).status is status


def test_a_toolkit_says_nothing_to_a_torch_without_cuda():
    cpu = with_torch_release(QUICK, "2.8.0", None, None)
    assert judge("cuda.toolkit", tools(cpu, toolkits=toolkit("11.8"))).status is Status.SKIP


def test_two_releases_of_the_runtime_in_one_process_warn():
    libraries = ("/a/libcudart.so.12", "/b/libcudart.so.11.0", "/a/libnvrtc.so.12")
    outcome = judge("cuda.duplicate_rt", with_run(HEALTHY, loaded=libraries))
    assert outcome.status is Status.WARN
    assert "libcudart of CUDA 11 and 12" in outcome.reason
    alike = ("/a/libcudart.so.12", "/b/libcudart-0123abcd.so.12")
    assert judge("cuda.duplicate_rt", with_run(HEALTHY, loaded=alike)).status is Status.PASS
    assert judge("cuda.duplicate_rt", QUICK).status is Status.SKIP


def test_mixed_gpus_without_an_order_warn():
    mixed = with_gpu(QUICK, 3, name="NVIDIA A2")
    assert judge("cuda.order", mixed).status is Status.WARN
    ordered = change(mixed, environment={"CUDA_DEVICE_ORDER": "PCI_BUS_ID"})
    assert judge("cuda.order", ordered).status is Status.PASS
    report = change(mixed, source="nvidia_smi")
    assert judge("cuda.order", report).status is Status.SKIP


@pytest.mark.parametrize(
    ("value", "driver", "status"),
    [
        ("cuda>=12.8 brand=tesla,driver>=535", "580.82.07", Status.PASS),
        ("cuda>=12.8", "550.54.15", Status.WARN),
        ("cuda>=13.0", "470.57.02", Status.PASS),  # too old by all rules: cuda.floor says so
        ("driver>=535", "550.54.15", Status.SKIP),
    ],
)
def test_an_image_that_asks_for_more_than_its_cuda_needs_warns(value, driver, status):
    snapshot = change(
        with_driver_version(QUICK, driver),
        environment={"NVIDIA_REQUIRE_CUDA": value},
        container=DOCKER,
    )
    assert judge("cuda.require_env", snapshot).status is status


def test_a_requirement_that_was_switched_off_is_a_note():
    variables = {"NVIDIA_REQUIRE_CUDA": "cuda>=12.8", "NVIDIA_DISABLE_REQUIRE": "1"}
    snapshot = change(with_driver_version(QUICK, "550.54.15"), environment=variables)
    assert judge("cuda.require_env", snapshot).status is Status.NOTE
