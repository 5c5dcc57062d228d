"""Shared memory and the compiler."""

import dataclasses

import pytest

from gpubench.checks.outcome import Status
from gpubench.env.snapshot import Toolchain
from tests.checks.healthy import DOCKER, NO_GPU, QUICK, change, judge, with_torch


def shm(size, **fields):
    return change(QUICK, host=dataclasses.replace(QUICK.host, shm_bytes=size), **fields)


def test_the_docker_default_for_eight_gpus_fails_and_names_the_flag():
    outcome = judge("host.shm", shm(64 * 2**20, container=DOCKER))
    assert outcome.status is Status.FAIL
    assert "--shm-size=8g" in outcome.remedy[0]


@pytest.mark.parametrize(
    ("size", "status"),
    [(64 * 2**20, Status.WARN), (511 * 2**20, Status.WARN), (512 * 2**20, Status.PASS)],
)
def test_little_shared_memory_warns_outside_a_container(size, status):
    assert judge("host.shm", shm(size)).status is status


def tools(**fields):
    return change(QUICK, toolchain=dataclasses.replace(QUICK.toolchain, **fields))


def test_no_compiler_warns_and_names_the_package():
    outcome = judge("tc.cc", tools(cc=None, cxx=None))
    assert outcome.status is Status.WARN
    assert "build-essential" in outcome.remedy[0]


def test_a_cxx_compiler_is_missed_where_the_cpu_computes():
    assert judge("tc.cc", tools(cxx=None)).status is Status.NOTE
    on_cpu = change(NO_GPU, toolchain=Toolchain(cc="/usr/bin/gcc"))
    assert judge("tc.cc", on_cpu).status is Status.WARN


def test_no_header_warns_with_the_package_of_this_python():
    assert judge("tc.python_h", tools(python_h=None)).remedy == (
        "apt-get install -y python3.11-dev",
    )


def test_torch_before_2_compiles_nothing():
    old = with_torch(tools(cc=None, cxx=None), version="1.13.1")
    assert judge("tc.cc", old).status is Status.SKIP
