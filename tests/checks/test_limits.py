"""What the system grants."""

import dataclasses

import pytest

from gpubench.checks.diagnosis import diagnose
from gpubench.checks.outcome import Status
from gpubench.checks.running import run_checks
from tests.checks.healthy import DOCKER, HEALTHY, NO_GPU, QUICK, change, judge
from tests.checks.healthy_host import LIMITS, TOPOLOGY

GIB = 2**30


def host(snapshot=QUICK, **fields):
    return change(snapshot, host=dataclasses.replace(snapshot.host, **fields))


def limits(**fields):
    return host(limits=dataclasses.replace(LIMITS, **fields))


NO_ADAPTERS = dataclasses.replace(TOPOLOGY, infiniband=())


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({"memlock_bytes": -1}, Status.PASS),
        ({"memlock_bytes": 8 * 2**20}, Status.WARN),
        ({"memlock_bytes": 8 * 2**20, "topology": NO_ADAPTERS}, Status.SKIP),
        ({"memlock_bytes": None}, Status.SKIP),
    ],
)
def test_locked_memory_is_limited_only_where_no_adapter_needs_it(fields, status):
    assert judge("host.memlock", host(**fields)).status is status


def test_the_remedy_for_locked_memory_is_that_of_the_container():
    inside = change(host(memlock_bytes=65536), container=DOCKER)
    assert judge("host.memlock", inside).remedy == ("docker run --ulimit memlock=-1 ...",)


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({"open_files": -1}, Status.PASS),
        ({"open_files": 4096}, Status.PASS),
        ({"open_files": 1024}, Status.WARN),
        ({"open_files": None}, Status.SKIP),
        ({"processes": 100, "processes_used": 79}, Status.PASS),
        ({"processes": 100, "processes_used": 80}, Status.WARN),
        ({"processes": 100, "processes_used": 95}, Status.FAIL),
    ],
)
def test_files_and_processes_are_enough_or_named(fields, status):
    assert judge("host.nofile_pids", limits(**fields)).status is status


@pytest.mark.parametrize(
    ("fields", "status", "words"),
    [
        ({"cpus": 16.0}, Status.PASS, "16.0 CPUs for 8 GPUs"),
        ({"cpus": 15.5}, Status.WARN, "15.5 CPUs for 8 GPUs"),
        ({"memory_bytes": 64 * GIB}, Status.WARN, "64.0 GiB for 637 GiB of GPU memory"),
        ({"memory_bytes": 1024 * GIB}, Status.PASS, "CPUs"),
    ],
)
def test_a_control_group_grants_enough_for_its_gpus_or_warns(fields, status, words):
    outcome = judge("host.cgroup", limits(**fields))
    assert outcome.status is status
    assert words in outcome.reason


def test_a_small_machine_that_withholds_nothing_is_no_control_group():
    small = dataclasses.replace(LIMITS, machine_cpus=8)
    assert judge("host.cgroup", host(cpu_count=8, limits=small)).status is Status.PASS


def test_memory_that_is_in_use_warns_below_what_a_gpu_holds():
    assert judge("host.memory", host(memory_available_bytes=8 * GIB)).status is Status.WARN
    smaller = host(memory_available_bytes=8 * GIB, memory_bytes=16 * GIB)
    assert judge("host.memory", smaller).status is Status.NOTE
    assert judge("host.memory", host(memory_available_bytes=None)).status is Status.SKIP
    unread = change(host(memory_available_bytes=None), unread={"host.memory_bytes": "no MemTotal"})
    assert judge("host.memory", unread).status is Status.UNKNOWN


@pytest.mark.parametrize("check", ["host.nofile_pids", "host.cgroup"])
def test_limits_that_could_not_be_read_are_unknown(check):
    assert judge(check, host(limits=None)).status is Status.SKIP
    unread = change(host(limits=None), unread={"host.limits": "not permitted"})
    assert judge(check, unread).status is Status.UNKNOWN


@pytest.mark.parametrize("check", ["host.memlock", "host.nofile_pids", "host.cgroup"])
def test_without_a_gpu_nobody_asks(check):
    assert judge(check, NO_GPU).status is Status.SKIP


def test_warnings_of_the_host_make_no_server_ill():
    poor = host(
        HEALTHY,
        memlock_bytes=65536,
        memory_available_bytes=GIB,
        limits=dataclasses.replace(LIMITS, open_files=256, cpus=1.0),
        topology=dataclasses.replace(
            TOPOLOGY,
            iommu="DMA-FQ",
            redirecting_bridges=("0000:00:01.0",),
            allowed_numa_nodes=(0,),
            peer_modules=(),
        ),
        tuning=dataclasses.replace(
            HEALTHY.host.tuning,
            governors=("powersave",),
            clocksource="hpet",
            is_clock_synchronised=False,
            stuck=("nvidia-smi",),
        ),
    )
    slow = change(poor, environment={"CUDA_LAUNCH_BLOCKING": "1", "NCCL_P2P_DISABLE": "1"})
    results = run_checks(slow)
    assert sum(result.status is Status.WARN for result in results) >= 10
    assert diagnose(slow, results).verdict == "healthy"
