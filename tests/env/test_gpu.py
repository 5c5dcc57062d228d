"""What only a GPU can show of the proofs; run by `nox -s gpu`."""

import sys

import pytest

torch = pytest.importorskip("torch")

from gpubench.env import loading  # noqa: E402
from gpubench.env.probe import take_snapshot  # noqa: E402
from tests.checks.healthy import results  # noqa: E402

pytestmark = [pytest.mark.torch, pytest.mark.gpu]
ON_EVERY_GPU = ("alloc", "gemm", "conv", "sdpa", "linalg_fft", "train_step", "graph", "copy")


@pytest.fixture(scope="module")
def standard():
    return take_snapshot(level="standard", python=sys.executable, timeout=120)


def wrong(run):
    return [(p.name, p.error, p.problem) for p in run.proofs if p.is_supported and not p.agrees]


def test_every_gpu_proves_everything_at_standard(standard):
    run = standard.torch_run
    assert (run.ended, wrong(run)) == ("done", [])
    names = {f"cuda:{n}" for n in range(torch.cuda.device_count())}
    for what in ON_EVERY_GPU:
        assert {proof.device for proof in run.of(what)} == names, what
    assert {proof.dtype for proof in run.of("nccl")} == {"nccl"}
    assert any(proof.is_supported for proof in run.of("compile"))


def test_the_driver_saw_the_link_under_load(standard):
    seen = [gpu for gpu in standard.gpus if gpu.pcie_generation_loaded is not None]
    assert seen
    assert all(gpu.pcie_generation_loaded >= gpu.pcie_generation for gpu in seen)


def test_a_gpu_that_proves_everything_gives_no_finding_of_the_proofs(standard):
    found = results(standard, only=["fn", "torch"])
    assert {k: r.outcome.reason for k, r in found.items() if r.status.value == "fail"} == {}


def test_deep_repeats_soaks_and_measures(monkeypatch):
    monkeypatch.setitem(loading.SOAK_SECONDS, "cuda", 5.0)
    run = take_snapshot(level="deep", python=sys.executable, timeout=120).torch_run
    assert wrong(run) == []
    assert {proof.variant for proof in run.of("compile")} == {"default", "max-autotune"}
    assert all(soak.sm_clock_mhz is not None for soak in run.soaks)
    assert any("bus_gb_s" in proof.figures for proof in run.of("nccl"))
