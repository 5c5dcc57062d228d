"""torchrun through launch.sh: on one node and on two, and what is refused."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.docker.stacks import ROOT

LAUNCH = ROOT / "docker" / "distributed" / "launch.sh"
SCRIPT = ROOT / "docker" / "distributed" / "allreduce.py"
RIGHT = "rank 0 of 2: gloo all-reduce is right"


@pytest.fixture
def words(tmp_path):
    """Answers what torchrun is called with, by a torchrun that only says so."""
    fake = tmp_path / "torchrun"
    fake.write_text('#!/bin/sh\necho "$@"\n')
    fake.chmod(0o755)

    def ask(*arguments, **variables):
        settings = {"PATH": f"{tmp_path}:{os.environ['PATH']}", **variables}
        return subprocess.run([LAUNCH, *arguments], capture_output=True, text=True, env=settings)

    return ask


def test_one_node_finds_itself_by_number(words):
    said = words("train.py", "--epochs", "3").stdout
    assert said == "--nproc-per-node auto --standalone --local-addr 127.0.0.1 train.py --epochs 3\n"


def test_two_nodes_meet_at_the_endpoint(words):
    node = {"NNODES": "2", "RDZV_ENDPOINT": "node0:29500", "NODE_ADDRESS": "10.0.0.2"}
    said = words("train.py", **node, NODE_RANK="1", MAX_RESTARTS="3").stdout
    assert "--nnodes 2 --rdzv-backend c10d --rdzv-endpoint node0:29500" in said
    assert "--max-restarts 3" in said
    assert "--rdzv-conf is_host=0 --local-addr 10.0.0.2 train.py" in said
    assert "is_host=1" in words("train.py", **node, NODE_RANK="0").stdout


@pytest.mark.parametrize(
    ("arguments", "variables", "told"),
    [([], {}, "name the script"), (["train.py"], {"NNODES": "2"}, "RDZV_ENDPOINT=host:port")],
)
def test_what_is_missing_is_said(words, arguments, variables, told):
    done = words(*arguments, **variables)
    assert done.returncode == 2
    assert told in done.stderr


def test_a_node_whose_name_cannot_be_looked_up_is_told_so(words, tmp_path):
    fake = tmp_path / "hostname"
    fake.write_text("#!/bin/sh\necho no-such-node.invalid\n")
    fake.chmod(0o755)
    done = words("train.py", NNODES="2", RDZV_ENDPOINT="node0:29500")
    assert done.returncode == 2
    assert "give its NODE_ADDRESS" in done.stderr


def started(**variables):
    settings = {
        **os.environ,
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "OMP_NUM_THREADS": "1",
        **variables,
    }
    return subprocess.Popen(
        [LAUNCH, SCRIPT], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=settings
    )


@pytest.mark.torch
def test_two_ranks_of_one_node_agree():
    node = started(NPROC_PER_NODE="2", CUDA_VISIBLE_DEVICES="")
    assert RIGHT in node.communicate(timeout=200)[0]
    assert node.returncode == 0


@pytest.mark.torch
def test_two_nodes_agree():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        endpoint = f"127.0.0.1:{free.getsockname()[1]}"
    settings = {
        "NNODES": "2",
        "NPROC_PER_NODE": "1",
        "RDZV_ENDPOINT": endpoint,
        "NODE_ADDRESS": "127.0.0.1",
        "CUDA_VISIBLE_DEVICES": "",
    }
    nodes = [started(**settings, NODE_RANK=str(rank)) for rank in range(2)]
    said = "".join(node.communicate(timeout=200)[0] for node in nodes)
    assert RIGHT in said
    assert [node.returncode for node in nodes] == [0, 0]
