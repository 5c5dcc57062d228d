"""Whole child processes that measure ceilings; one that fails leaves the others alone."""

import dataclasses

import pytest

from gpubench.bench import ceilings
from gpubench.bench.job import Job, Workload
from gpubench.bench.modes import REFERENCE
from gpubench.bench.protocol import SMOKE
from gpubench.bench.runner import run_job
from gpubench.errors import BadData

pytestmark = pytest.mark.torch


def job(tmp_path, *names, device="cpu", seconds=0.05):
    return Job(
        kind="ceilings",
        suite_module=ceilings.__name__,
        workload=Workload(preset="smoke"),
        mode=REFERENCE,
        protocol=dataclasses.replace(SMOKE, window_min_seconds=seconds, process_limit_seconds=120),
        device=device,
        scratch=str(tmp_path),
        ceilings=names,
    )


def test_a_process_answers_each_ceiling_for_itself(tmp_path):
    names = ("gemm-float32", "gemm-tf32", "launch", "all-reduce")
    answer = run_job(job(tmp_path, *names), cache=tmp_path).result
    states = {line["name"]: line["state"] for line in answer["ceilings"]}
    assert states == {
        "gemm-float32": "ok",
        "gemm-tf32": "not-supported",
        "launch": "ok",
        "all-reduce": "not-supported",
    }
    product = answer["ceilings"][0]["samples"][0]
    assert product["amount"] * product["repetitions"] / min(product["seconds"]) > 1e8
    assert answer["device"]["type"] == "cpu"


def test_a_leak_of_a_lower_precision_makes_float32_invalid(tmp_path, monkeypatch):
    from gpubench.bench.ceilings import measuring, works

    monkeypatch.setattr(works, "mismatches", lambda *_: ["float32 products ran as tf32"])
    answer = measuring.measure(job(tmp_path, "gemm-float32"), None, lambda *_: None)
    (line,) = answer["ceilings"]
    assert (line["state"], line["reason"]) == ("invalid", "float32 products ran as tf32")


def test_clocks_that_disagree_are_a_disturbance_and_no_verdict(tmp_path, monkeypatch):
    from gpubench.bench.ceilings import measuring
    from gpubench.bench.ceilings.windows import ClocksDisagree

    def disagree(*_):
        raise ClocksDisagree("1 s is 2 s")

    monkeypatch.setattr(measuring, "_samples", lambda name: disagree)
    (line,) = measuring.measure(job(tmp_path, "launch"), None, lambda *_: None)["ceilings"]
    assert (line["state"], line["disturbed"]) == ("invalid", True)


@pytest.mark.parametrize(
    ("problem", "state"),
    [
        (MemoryError("no memory"), "out-of-memory"),
        (RuntimeError("\"addmm_impl_cpu_\" not implemented for 'Half'"), "not-supported"),
        (RuntimeError("CUDA error: unspecified launch failure\nand more"), "failed"),
    ],
)
def test_what_goes_wrong_in_one_has_a_state_of_its_own(tmp_path, monkeypatch, problem, state):
    from gpubench.bench.ceilings import measuring, works

    def broken(*_):
        raise problem

    monkeypatch.setattr(works, "memory", broken)
    asked = job(tmp_path, "memory-copy", "launch", seconds=0.01)
    copy, launch = measuring.measure(asked, None, lambda *_: None)["ceilings"]
    assert (copy["state"], copy["samples"], launch["state"]) == (state, [], "ok")
    assert "and more" not in copy["reason"]


def test_a_gpu_that_torch_does_not_see_is_a_user_s_error(tmp_path):
    torch = pytest.importorskip("torch")
    if torch.cuda.is_available():
        pytest.skip("there is a GPU")
    with pytest.raises(BadData, match="--device cpu"):
        run_job(job(tmp_path, "launch", device="cuda"), cache=tmp_path)
