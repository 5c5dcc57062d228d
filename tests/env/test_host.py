"""The machine around the GPUs."""

import pytest

from gpubench.env.host import find_container, read_environment, read_host
from gpubench.env.sources import Sources
from tests.env.machine import tree


@pytest.mark.parametrize(
    ("files", "variables", "runtime"),
    [
        ({"/.dockerenv": ""}, {}, "docker"),
        ({"/run/.containerenv": ""}, {}, "podman"),
        ({"/.dockerenv": ""}, {"KUBERNETES_SERVICE_HOST": "10.0.0.1"}, "kubernetes"),
        ({}, {"APPTAINER_CONTAINER": "/x.sif"}, "apptainer"),
        ({}, {"container": "lxc"}, "lxc"),
        ({"/proc/1/cgroup": "0::/kubepods/burstable/pod1"}, {}, "kubernetes"),
        ({"/proc/1/cgroup": "12:pids:/docker/0123"}, {}, "docker"),
    ],
)
def test_a_container_is_known_by_the_marks_of_its_runtime(tmp_path, files, variables, runtime):
    tree(tmp_path, files)
    container = find_container(Sources(root=tmp_path, variables=variables))
    assert container.runtime == runtime
    assert container.evidence


def test_a_plain_machine_is_no_container(tmp_path):
    tree(tmp_path, {"/proc/1/cgroup": "0::/init.scope\n"})
    assert find_container(Sources(root=tmp_path, variables={})) is None


def test_variables_are_kept_by_an_allow_list():
    kept = read_environment(
        {
            "CUDA_VISIBLE_DEVICES": "0",
            "NCCL_DEBUG": "INFO",
            "HF_TOKEN": "hf_secret",
            "AWS_SECRET_ACCESS_KEY": "x",
            "HOSTNAME": "node7",
            "LD_LIBRARY_PATH": "/home/alice/lib",
        }
    )
    assert kept == {"CUDA_VISIBLE_DEVICES": "0", "NCCL_DEBUG": "INFO", "LD_LIBRARY_PATH": "~/lib"}


def test_the_host_is_described_from_its_files(tmp_path):
    sources = tree(
        tmp_path,
        {
            "/etc/os-release": 'NAME="X"\nPRETTY_NAME="Ubuntu 24.04 LTS"\n',
            "/proc/cpuinfo": "processor : 0\nmodel name\t: AMD EPYC 9654\n",
            "/proc/meminfo": "MemTotal:       1048576 kB\n",
            "/dev/shm/x": "",
        },
    )
    unread = {}
    host = read_host(sources, unread)
    assert (host.system, host.cpu_model) == ("Ubuntu 24.04 LTS", "AMD EPYC 9654")
    assert host.memory_bytes == 2**30
    assert host.shm_bytes > 0
    assert unread == {}


def test_the_host_is_named_only_where_that_is_asked_for(tmp_path):
    assert read_host(tree(tmp_path), {}).name is None
    assert read_host(tree(tmp_path), {}, identify=True).name


def test_what_the_host_does_not_tell_is_unread(tmp_path):
    unread = {}
    host = read_host(tree(tmp_path), unread)
    assert host.memory_bytes is None
    assert "host.memory_bytes" in unread
    assert host.shm_bytes is None
