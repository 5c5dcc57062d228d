"""Memory is counted against the tightest of machine, control groups and address space."""

import pytest

from gpubench.bench.hostmemory import forget_peak, host_memory, killed_for_memory

MIB = 2**20


@pytest.fixture
def machine(tmp_path):
    """16 GiB, 8 available, in no group; ``put`` adds files."""

    def put(path, text):
        place = tmp_path / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text)
        return tmp_path

    put("proc/meminfo", "MemTotal:  16777216 kB\nMemAvailable:  8388608 kB\nHugePages_Total: 0\n")
    put("proc/self/status", "Name:\tpython\nVmHWM:\t 3072 kB\nVmRSS:\t 2048 kB\n")
    return put


def test_without_groups_the_machine_is_what_counts(machine):
    found = host_memory(machine("proc/self/cgroup", "0::/\n"))
    assert found.total_bytes == 16384 * MIB
    assert found.available_bytes == 8192 * MIB
    assert (found.resident_bytes, found.peak_bytes) == (2 * MIB, 3 * MIB)
    assert found.limit_bytes is None


def test_a_group_of_version_2_and_those_above_it_hold(machine):
    machine("proc/self/cgroup", "0::/pod/one\n")
    machine("sys/fs/cgroup/pod/one/memory.max", "max\n")
    machine("sys/fs/cgroup/pod/memory.max", str(1024 * MIB))
    machine("sys/fs/cgroup/pod/memory.current", str(900 * MIB))
    root = machine("sys/fs/cgroup/pod/memory.stat", f"anon 7\ninactive_file {100 * MIB}\n")
    found = host_memory(root)
    assert found.limit_bytes == 1024 * MIB
    assert found.available_bytes == (1024 - 800) * MIB


def test_a_group_of_version_1_holds(machine):
    machine("proc/self/cgroup", "9:cpu:/x\n4:memory:/job\n0::/\n")
    machine("sys/fs/cgroup/memory/job/memory.limit_in_bytes", str(512 * MIB))
    machine("sys/fs/cgroup/memory/job/memory.usage_in_bytes", str(500 * MIB))
    root = machine("sys/fs/cgroup/memory/job/memory.stat", f"total_inactive_file {50 * MIB}\n")
    assert host_memory(root).available_bytes == 62 * MIB


def test_in_a_container_the_mount_is_the_group(machine):
    machine("proc/self/cgroup", "0::/../../host/path\n")
    machine("sys/fs/cgroup/memory.max", str(256 * MIB))
    root = machine("sys/fs/cgroup/memory.current", str(56 * MIB))
    assert host_memory(root).available_bytes == 200 * MIB


def test_no_limit_of_version_1_is_none(machine):
    machine("proc/self/cgroup", "4:memory:/\n")
    machine("sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712")
    root = machine("sys/fs/cgroup/memory/memory.usage_in_bytes", "1")
    assert host_memory(root).limit_bytes is None


def test_a_system_that_says_nothing_gives_nothing(tmp_path):
    found = host_memory(tmp_path)
    assert (found.total_bytes, found.available_bytes, found.limit_bytes) == (None, None, None)
    assert killed_for_memory(tmp_path) is None


def test_the_kernel_s_count_of_ended_processes_is_read(machine):
    assert killed_for_memory(machine("proc/vmstat", "pgfault 3\noom_kill 7\n")) == 7


def test_a_peak_that_cannot_be_forgotten_is_said(tmp_path):
    assert not forget_peak(tmp_path / "no" / "clear_refs")
