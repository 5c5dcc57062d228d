"""The machine around the GPUs."""

import pytest

from gpubench.env.host import read_environment, read_host
from gpubench.env.redact import anonymous
from tests.env.machine import tree


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


UUID = "GPU-0e4fa8e2-1111-2222-3333-444444444444"


@pytest.mark.parametrize(
    ("value", "kept"),
    [
        (UUID, anonymous(UUID)),
        (f"{UUID.replace('e4f', 'E4F')},1", f"{anonymous(UUID)},1"),
        (f"MIG-{UUID}/1/2", f"MIG-{anonymous(UUID)}/1/2"),
        (UUID.replace("GPU", "MIG"), f"MIG-{anonymous(UUID.replace('GPU', 'MIG'))}"),
        ("0,1", "0,1"),
        ("all", "all"),
    ],
)
@pytest.mark.parametrize("name", ["CUDA_VISIBLE_DEVICES", "NVIDIA_VISIBLE_DEVICES"])
def test_a_uuid_in_a_variable_is_a_hash_unless_asked_for(name, value, kept):
    assert read_environment({name: value}) == {name: kept}
    assert read_environment({name: value}, identify=True) == {name: value}


def test_of_a_job_it_is_kept_that_there_is_one():
    assert read_environment({"SLURM_JOB_ID": "4711"}) == {"SLURM_JOB_ID": "set"}


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
