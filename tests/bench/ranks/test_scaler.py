"""A gradient that overflows on one rank makes all ranks skip the step."""

import json
import os
import socket
import subprocess
import sys

import pytest

pytestmark = pytest.mark.torch


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def test_a_gradient_that_overflows_in_one_rank_s_shard_makes_all_skip_the_step():
    """DDP averages the gradients themselves; of a shard only one rank knows."""
    port = free_port()
    children = [
        subprocess.Popen(
            [sys.executable, "-m", "tests.bench.ranks.scaled", "fsdp"],
            stdout=subprocess.PIPE, text=True,
            env={
                **os.environ, "RANK": str(rank), "LOCAL_RANK": str(rank), "GROUP_RANK": "0",
                "WORLD_SIZE": "2", "LOCAL_WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1",
                "MASTER_PORT": str(port), "GLOO_SOCKET_IFNAME": "lo",
            },
        )
        for rank in range(2)
    ]  # fmt: skip
    said = [child.communicate(timeout=120)[0] for child in children]
    first, second = json.loads(said[0].splitlines()[-1])
    assert first["skipped"] == second["skipped"] == 1
    assert first["parameters"] == second["parameters"]
