"""Copies, peers and collectives, judged."""

import dataclasses

import pytest

from gpubench.checks.diagnosis import diagnose
from gpubench.checks.outcome import Confidence, Status
from gpubench.checks.running import run_checks
from gpubench.env.snapshot import Proof
from tests.checks.healthy import HEALTHY, NO_GPU, change, judge, results, with_gpus, with_run
from tests.checks.proved import PROOFS
from tests.checks.test_computations import proved


def speed(gb_s, **more):
    return {"host_to_device_gb_s": gb_s, "device_to_host_gb_s": 53.0, **more}


def test_one_gpu_that_copies_slower_than_its_like_is_degraded_and_named():
    outcome = judge("fn.copy", proved("copy", "cuda:5", figures=speed(13.0)))
    assert outcome.status is Status.WARN
    assert outcome.cause == "gpu-degraded"
    assert outcome.reason.startswith("cuda:5: 13.0 GB/s, its link carries 63.0 GB/s")


def test_a_link_below_its_best_while_data_flows_is_degraded():
    slow = proved("copy", figures=speed(12.0, pcie_generation=3.0, pcie_width=16.0))
    assert judge("fn.copy", slow).cause == "gpu-degraded"


def test_all_gpus_slow_alike_is_the_machine_and_makes_it_not_ill():
    slow = proved("copy", figures=speed(30.0, pcie_generation=5.0, pcie_width=16.0))
    outcome = judge("fn.copy", slow)
    assert (outcome.status, outcome.cause) == (Status.WARN, "host-tuning")
    assert diagnose(slow, run_checks(slow)).verdict == "healthy"


def test_the_link_of_an_idle_gpu_is_allowed_to_be_slow():
    assert judge("fn.copy", with_gpus(HEALTHY, pcie_generation=1)).status is Status.PASS


def test_a_link_that_the_driver_does_not_tell_is_not_judged():
    slow = proved("copy", figures=speed(2.0))
    assert judge("fn.copy", with_gpus(slow, pcie_generation_max=None)).status is Status.PASS


def test_what_came_back_wrong_from_one_gpu_is_a_fault_of_it():
    assert judge("fn.copy", proved("copy", "cuda:1", error=5.0)).cause == "gpu-hardware-fault"


def test_a_pair_whose_copy_is_corrupted_fails_and_is_named():
    outcome = judge("fn.p2p", proved("p2p", "cuda:2->cuda:6", error=4096.0))
    assert (outcome.status, outcome.cause) == (Status.FAIL, "p2p-broken")
    assert "cuda:2->cuda:6" in outcome.reason
    assert any("NCCL_P2P_DISABLE=1" in step for step in outcome.remedy)


def test_pairs_that_go_through_the_host_pass_and_are_counted():
    staged = proved("p2p", figures={"gb_s": 12.0, "peer_access": 0.0})
    outcome = judge("fn.p2p", staged)
    assert outcome.status is Status.PASS
    assert "56 pairs right, 0 of them directly" in outcome.reason


def test_one_gpu_has_no_peer():
    alone = with_run(HEALTHY, devices=HEALTHY.torch_run.devices[:1], proofs=())
    assert "no two GPUs" in judge("fn.p2p", alone).reason


def collective(said, **fields):
    return proved("nccl", variant="all_reduce", error=None, problem=said, **fields)


@pytest.mark.parametrize(
    ("said", "words", "cause"),
    [
        ("rank 2: DistBackendError: unhandled cuda error", (), "p2p-broken"),
        ("rank 2: x", ("NCCL WARN No space left on device",), "shm-too-small"),
        ("rank 0: x", ("NCCL WARN Bootstrap : no socket interface found",), "host-resources"),
        ("rank 0: undefined symbol: ncclCommSplit", (), "nccl-mismatch"),
    ],
)
def test_a_collective_that_fails_points_to_what_nccl_said(said, words, cause):
    outcome = judge("fn.nccl", collective(said, last_words=words))
    assert (outcome.status, outcome.cause) == (Status.FAIL, cause)


def test_a_collective_that_hangs_is_a_failure_unless_it_had_no_time():
    hung = {"ended": "timeout", "seconds": 70.0}
    outcome = judge("fn.nccl", collective("did not come back within 180 s", **hung))
    assert (outcome.status, outcome.cause) == (Status.FAIL, "p2p-broken")
    assert outcome.confidence is Confidence.POSSIBLE
    hurried = collective("did not ...", ended="timeout", seconds=2.0)
    assert judge("fn.nccl", hurried).status is Status.UNKNOWN


def test_wrong_values_of_a_collective_are_a_failure():
    outcome = judge("fn.nccl", proved("nccl", variant="all_gather", error=7.0))
    assert outcome.status is Status.FAIL
    assert "all_gather" in outcome.reason


def test_a_broken_pair_explains_a_collective_that_hangs():
    both = proved("nccl", error=None, problem="x", ended="timeout", seconds=70.0)
    broken = Proof(what="p2p", device="cuda:0->cuda:1", error=9.0, limit=0.0)
    found = results(with_run(both, proofs=(*both.torch_run.proofs, broken)))
    assert found["fn.nccl"].blocked_by == "fn.p2p"


def test_bus_bandwidth_and_algorithm_are_told():
    fast = Proof(
        what="nccl",
        device="cuda:0-7",
        variant="all_reduce 1024 MiB",
        error=0.0,
        limit=0.0,
        figures={"bus_gb_s": 460.0},
        detail="RING, SIMPLE",
    )
    outcome = judge("fn.nccl", with_run(HEALTHY, proofs=(*PROOFS, fast)))
    assert "460 GB/s bus bandwidth (RING, SIMPLE)" in outcome.reason


def on_cpu(**fields):
    proof = Proof(what="nccl", device="cpu", dtype="gloo", variant="all_reduce", **fields)
    run = dataclasses.replace(HEALTHY.torch_run, proofs=(proof,), devices=())
    return change(NO_GPU, torch_run=run)


def test_a_sandbox_without_a_loopback_is_not_ill():
    assert judge("fn.nccl", on_cpu(problem="rank 0: Connection refused")).status is Status.NOTE
    assert judge("fn.nccl", on_cpu(problem="late", ended="timeout")).status is Status.UNKNOWN
    assert judge("fn.nccl", on_cpu(error=5.0, limit=0.0)).status is Status.FAIL
