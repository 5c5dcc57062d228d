"""NCCL's variables."""

import dataclasses

import pytest

from gpubench.checks.nccl_variables import selects
from gpubench.checks.outcome import Status
from tests.checks.healthy import NO_GPU, QUICK, change, judge
from tests.checks.healthy_host import TOPOLOGY


def variables(base=QUICK, **environment):
    return change(base, environment=environment)


ONE_GPU = change(QUICK, gpus=QUICK.gpus[:1])


@pytest.mark.parametrize(
    ("value", "name", "taken"),
    [
        ("eno", "eno1", True),
        ("=eno", "eno1", False),
        ("=eno1,ibs0", "ibs0", True),
        ("^lo,docker", "eno1", True),
        ("^lo,docker", "docker0", False),
        ("^=lo", "lo1", True),
        ("=mlx5_0:1,mlx5_1:1", "mlx5_1", True),
        ("mlx5", "mlx5_7", True),
    ],
)
def test_a_list_of_devices_is_read_as_nccl_reads_it(value, name, taken):
    assert selects(value, name) is taken


@pytest.mark.parametrize(
    ("environment", "status"),
    [
        ({}, Status.PASS),
        ({"NCCL_P2P_DISABLE": "0"}, Status.PASS),
        ({"NCCL_P2P_DISABLE": "1"}, Status.WARN),
        ({"NCCL_SHM_DISABLE": "1"}, Status.WARN),
        ({"NCCL_IB_DISABLE": "1"}, Status.WARN),
        ({"NCCL_SOCKET_IFNAME": "eth0"}, Status.FAIL),
        ({"NCCL_SOCKET_IFNAME": "eno,eth"}, Status.PASS),
        ({"NCCL_SOCKET_IFNAME": "^docker,lo"}, Status.PASS),
        ({"NCCL_IB_HCA": "mlx5_9"}, Status.WARN),
        ({"NCCL_IB_HCA": "=mlx5_0:1"}, Status.PASS),
    ],
)
def test_what_holds_nccl_back_is_named(environment, status):
    assert judge("env.nccl", variables(**environment)).status is status


def test_one_gpu_talks_to_nobody():
    assert judge("env.nccl", variables(ONE_GPU, NCCL_P2P_DISABLE="1")).status is Status.NOTE
    named = variables(ONE_GPU, NCCL_SOCKET_IFNAME="eth0")
    assert judge("env.nccl", named).status is Status.WARN
    assert judge("env.nccl", variables(NO_GPU, NCCL_P2P_DISABLE="1")).status is Status.SKIP


def test_infiniband_that_is_not_here_is_rightly_switched_off():
    without = dataclasses.replace(TOPOLOGY, infiniband=())
    host = dataclasses.replace(QUICK.host, topology=without)
    off = variables(change(QUICK, host=host), NCCL_IB_DISABLE="1")
    assert judge("env.nccl", off).status is Status.NOTE


def test_names_are_no_pass_where_the_devices_are_not_known():
    host = dataclasses.replace(QUICK.host, topology=None)
    unseen = variables(change(QUICK, host=host), NCCL_SOCKET_IFNAME="eth0", NCCL_IB_HCA="x")
    assert judge("env.nccl", unseen).status is Status.SKIP
