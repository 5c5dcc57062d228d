"""Two nodes on loopback: one measures, the other takes part and ends with it."""

import dataclasses
import socket
import threading

import pytest

from gpubench.bench import nodes
from gpubench.bench.job import Job, Workload
from gpubench.bench.modes import mode_named
from gpubench.bench.protocol import SMOKE
from gpubench.bench.runner import run_job
from gpubench.bench.strategy import RankProblem, Strategy
from gpubench.errors import BadUsage

pytestmark = [pytest.mark.torch, pytest.mark.timeout(300)]

QUICK = dataclasses.replace(
    SMOKE, window_min_seconds=0.05, warmup_max_steps=12, process_limit_seconds=120.0
)
STRATEGY = Strategy(name="ddp", nodes=2, processes_per_node=1)


@pytest.fixture
def endpoint():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{probe.getsockname()[1]}"


def job(tmp_path, endpoint, model=None):
    return Job(
        kind="measure-ranks", suite_module="tests.fakes.ranks", mode=mode_named("fp32"),
        workload=Workload(preset="smoke", strategy=STRATEGY, model=model), protocol=QUICK,
        device="cpu", scratch=str(tmp_path), rendezvous=endpoint,
    )  # fmt: skip


def other_node(endpoint, faults):
    faults += nodes.take_part(
        Workload(preset="smoke", strategy=STRATEGY), module="tests.fakes.ranks", protocol=QUICK,
        device="cpu", endpoint=endpoint, progress=lambda *told: None,
    )  # fmt: skip


def test_two_nodes_measure_together_and_a_rank_killed_on_either_is_named(tmp_path, endpoint):
    faults = []
    with nodes.is_first(endpoint) as first:
        assert first
        other = threading.Thread(target=other_node, args=(endpoint, faults))
        other.start()
        with nodes.is_first(endpoint) as second:
            assert not second, "the port is taken, so the first node is another"
        fine = run_job(job(tmp_path, endpoint), cache=tmp_path).result
        broke = run_job(job(tmp_path, endpoint, "killed@1"), cache=tmp_path).result
    other.join(timeout=60)
    assert not other.is_alive(), "the other node ends with the first"
    assert fine["state"] in ("ok", "unstable"), fine["reason"]
    assert sorted(each["node"] for each in fine["ranks"]["each"]) == [0, 1]
    assert broke["state"] == "failed"
    assert broke["reason"].startswith("rank 1 was killed by SIGKILL")
    assert len(faults) == 1


def test_a_node_is_first_only_where_the_endpoint_is_its_own(monkeypatch):
    assert nodes.is_here("127.0.0.1:1")
    assert nodes.is_here("localhost:1")
    assert not nodes.is_here("192.0.2.7:1")  # TEST-NET-1, nobody's address
    with nodes.is_first("192.0.2.7:1") as first:
        assert not first
    monkeypatch.setenv("NODE_RANK", "1")
    with nodes.is_first("127.0.0.1:1") as first:
        assert not first


def test_an_endpoint_that_has_no_address_is_one_line():
    with pytest.raises(BadUsage, match=r"--rdzv-endpoint nowhere\.invalid:1"):
        nodes.is_here("nowhere.invalid:1")


@pytest.mark.parametrize("said", ["{}", '{"kind": "measure-ranks", "newer": 1}', "[]", "no JSON"])
def test_a_job_of_another_gpubench_is_said_to_be_one(said):
    from gpubench.bench.ranks.meeting import _job_in

    with pytest.raises(RankProblem, match="different versions of gpubench"):
        _job_in(said)
