"""Limits of control groups, versions 1 and 2."""

from gpubench.env.limits import read_limits
from tests.env.machine import tree

ROOT = "/sys/fs/cgroup"
V2 = {
    "/proc/self/cgroup": "0::/job.slice/step\n",
    f"{ROOT}/cgroup.controllers": "cpu memory pids\n",
}
ONLINE = {"/sys/devices/system/cpu/online": "0-63,128-191\n"}


def limits(tmp_path, files):
    unread = {}
    return read_limits(tree(tmp_path, {**ONLINE, **files}), unread), unread


def test_the_smallest_limit_of_the_groups_above_holds(tmp_path):
    found, unread = limits(
        tmp_path,
        {
            **V2,
            f"{ROOT}/job.slice/cpu.max": "400000 100000\n",
            f"{ROOT}/job.slice/step/cpu.max": "max 100000\n",
            f"{ROOT}/job.slice/memory.max": "8589934592\n",
            f"{ROOT}/job.slice/memory.current": "4294967296\n",
            f"{ROOT}/job.slice/step/memory.max": "max\n",
            f"{ROOT}/job.slice/step/pids.max": "512\n",
            f"{ROOT}/job.slice/step/pids.current": "17\n",
        },
    )
    assert unread == {}
    assert (found.cpus, found.machine_cpus) == (4.0, 128)
    assert (found.memory_bytes, found.memory_used_bytes) == (8589934592, 4294967296)
    assert (found.processes, found.processes_used) == (512, 17)


def test_in_a_container_the_mount_itself_is_the_group(tmp_path):
    found, _ = limits(
        tmp_path,
        {**V2, "/proc/self/cgroup": "0::/\n", f"{ROOT}/cpu.max": "150000 100000\n"},
    )
    assert found.cpus == 1.5


def test_version_1_has_a_folder_for_every_controller(tmp_path):
    found, _ = limits(
        tmp_path,
        {
            "/proc/self/cgroup": "4:memory:/docker/01\n3:cpu,cpuacct:/docker/01\n2:pids:/x\n0::/\n",
            f"{ROOT}/cpu/cpu.cfs_quota_us": "200000\n",
            f"{ROOT}/cpu/cpu.cfs_period_us": "100000\n",
            f"{ROOT}/memory/memory.limit_in_bytes": "9223372036854771712\n",
            f"{ROOT}/pids/pids.max": "max\n",
        },
    )
    assert found.cpus == 2.0
    assert found.memory_bytes is None  # so large a number stands for none
    assert found.processes is None


def test_no_limit_is_none(tmp_path):
    found, unread = limits(
        tmp_path,
        {**V2, f"{ROOT}/cpu.max": "max 100000\n", f"{ROOT}/memory.max": "max\n"},
    )
    assert (found.cpus, found.memory_bytes, found.processes) == (None, None, None)
    assert unread == {}


def test_groups_that_cannot_be_read_are_unread(tmp_path):
    found, unread = limits(tmp_path, {"/proc/self/cgroup": "0::/job.slice\n"})
    assert found.cpus is None
    assert "host.limits.cpus" in unread


def test_a_machine_without_control_groups_has_no_limits(tmp_path):
    found, unread = limits(tmp_path, {})
    assert (found.cpus, unread) == (None, {})


def test_nonsense_is_no_limit(tmp_path):
    files = {**V2, f"{ROOT}/cpu.max": "1 0\n", f"{ROOT}/memory.max": "x" * 5000}
    found, _ = limits(tmp_path, {**files, f"{ROOT}/pids.max": "-\n"})
    assert (found.cpus, found.memory_bytes, found.processes) == (None, None, None)
