"""Whole child processes, on a suite of sixteen weights."""

import dataclasses
import json
import math
import os
import subprocess
import sys

import pytest

from gpubench import codec
from gpubench.bench.job import Job, Workload
from gpubench.bench.modes import mode_named
from gpubench.bench.protocol import SMOKE
from gpubench.bench.runner import WORKER, run_job
from gpubench.bench.worker import told
from gpubench.errors import BadData

pytestmark = pytest.mark.torch

QUICK = dataclasses.replace(
    SMOKE, window_min_seconds=0.05, soak_seconds=0.05, parity_steps=3, process_limit_seconds=120.0
)


def job(tmp_path, kind="measure", mode="fp32", protocol=QUICK, **workload):
    return Job(
        kind=kind,
        suite_module="tests.fakes.tiny",
        workload=Workload(preset="smoke", **workload),
        mode=mode_named(mode),
        protocol=protocol,
        device="cpu",
        scratch=str(tmp_path),
        parity_roundings=("float32", "bfloat16"),
    )


def ask(tmp_path, kind="measure", mode="fp32", **workload):
    return run_job(job(tmp_path, kind, mode, **workload), cache=tmp_path).result


def test_a_measurement_has_a_window_of_enough_steps_and_its_losses(tmp_path):
    result = ask(tmp_path)
    assert result["state"] in ("ok", "unstable")
    assert len(result["step_seconds"]) >= QUICK.window_min_steps
    assert math.isclose(sum(result["step_seconds"]), result["window_seconds"], rel_tol=0.2)
    assert sum(result["losses"][-8:]) < sum(result["losses"][:8])  # the same eight batches
    assert result["effective"]["optimizer"].startswith("AdamW")
    assert result["data"] == {"rows_read": 4}


def test_what_a_library_prints_does_not_disturb_the_answer(tmp_path):
    assert ask(tmp_path, tier="end-to-end")["state"] in ("ok", "unstable")


def test_autocast_is_read_back_as_bfloat16(tmp_path):
    assert ask(tmp_path, mode="amp-bf16")["effective"]["autocast"] == "bfloat16"


@pytest.mark.parametrize(
    ("mode", "why"), [("tf32", "8.0"), ("amp-fp16", "amp-bf16"), ("fp32+compile-overhead", "GPU")]
)
def test_what_a_cpu_cannot_do_is_said_and_not_replaced(tmp_path, mode, why):
    result = ask(tmp_path, mode=mode)
    assert result["state"] == "not-supported"
    assert why in result["reason"]


def test_a_loss_that_is_not_a_number_makes_the_measurement_invalid(tmp_path):
    result = ask(tmp_path, model="nan")
    assert result["state"] == "invalid"
    assert result["reason"].startswith("the loss became NaN at step 1; of")
    assert result["loss_faults"]["infinite"] == 0
    assert result["loss_faults"]["nan"] == result["loss_faults"]["steps"]


def test_the_step_at_which_a_loss_became_infinite_is_said(tmp_path):
    result = ask(tmp_path, model="infinite-late")
    assert result["state"] == "invalid"
    assert "infinite at step 12" in result["reason"]
    assert result["loss_faults"]["nan"] >= 0


def test_a_child_killed_in_the_middle_is_a_failure(tmp_path):
    assert "SIGKILL" in ask(tmp_path, model="killed")["reason"]


def test_memory_that_runs_out_is_a_state_of_its_own(tmp_path):
    result = ask(tmp_path, model="memory")
    assert result["state"] == "out-of-memory"
    assert result["memory"]["peak_bytes"] > 0
    assert result["shortage"]["device"] == "cpu"
    assert 0 < result["shortage"]["resident_bytes"] < result["shortage"]["total_bytes"]


def test_broken_data_is_a_user_s_error_with_its_line(tmp_path):
    with pytest.raises(BadData, match=r"rows.txt, line 3"):
        ask(tmp_path, kind="describe", data="broken")


def test_a_gpu_that_torch_cannot_use_is_said(tmp_path, monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    job = Job(
        kind="describe",
        suite_module="tests.fakes.tiny",
        workload=Workload(preset="smoke"),
        mode=mode_named("fp32"),
        protocol=QUICK,
        device="cuda",
        scratch=str(tmp_path),
    )
    with pytest.raises(BadData, match="gpubench doctor"):
        run_job(job, cache=tmp_path)


def test_a_description_counts_parameters_and_operations(tmp_path):
    result = ask(tmp_path, kind="describe")
    assert result["parameters"] == 17
    # forward and the weights' gradient: two products of (4, 16) and (16, 1); x needs no gradient
    assert result["step_flops"] == 2 * 2 * 4 * 16
    assert result["workload"]["labels"] == ["row"]
    assert "tf32" in result["unsupported"]
    assert result["soak_steps"] >= 2


def test_the_reference_comes_with_repeats_and_disturbed_runs(tmp_path):
    result = ask(tmp_path, kind="parity")
    assert len(result["losses"]) == QUICK.parity_steps
    assert result["repeats"] == [result["losses"]]
    apart = {
        name: max(abs(run[0] - result["losses"][0]) for run in runs)
        for name, runs in result["disturbed"].items()
    }
    assert 0 <= apart["float32"] < apart["bfloat16"]


def test_a_soak_that_runs_out_of_memory_leaves_the_modes_to_their_own_processes(tmp_path):
    result = ask(tmp_path, kind="describe", model="memory")
    assert result["parameters"] == 17
    assert result["soak_steps"] == 0


def test_reading_the_data_is_no_part_of_the_first_step(tmp_path):
    result = ask(tmp_path, tier="end-to-end", model="slow-start")
    assert result["warmup"]["start_seconds"][0] < 0.5


def test_a_compiled_mode_compiles_and_says_how_long(tmp_path):
    result = ask(tmp_path, mode="fp32+compile")
    assert result["state"] in ("ok", "unstable"), result["reason"]
    assert result["effective"]["graphs_compiled"] >= 1
    phases = result["effective"]["compile_phases"]
    assert 0 < phases["backward"] < sum(result["warmup"]["start_seconds"])
    assert phases["forward"] + phases["backward"] < result["compile_seconds"]


@pytest.mark.parametrize("cause", ["environment", "library", "library, late"])
def test_a_leak_of_precision_is_invalid_and_names_its_cause(tmp_path, monkeypatch, cause):
    torch = pytest.importorskip("torch")
    if not torch.ops.mkldnn._is_mkldnn_bf16_supported():
        pytest.skip("this CPU has no bfloat16 units, so oneDNN stays exact")
    if cause == "environment":
        monkeypatch.setenv("ONEDNN_DEFAULT_FPMATH_MODE", "BF16")
        result = ask(tmp_path)
        culprit = "ONEDNN_DEFAULT_FPMATH_MODE=BF16 in the environment"
        assert "convolutions ran as bfloat16" in result["reason"]
    else:
        result = ask(tmp_path, model="leak" if cause == "library" else "leak-late")
        culprit = "torch.get_float32_matmul_precision() is medium"
        assert "products ran as bfloat16" in result["reason"]
        assert result["reason"].startswith("after the window") is (cause == "library, late")
    assert result["state"] == "invalid"
    assert culprit in result["reason"]


def test_a_tf32_leak_by_the_environment_is_invalid_and_named(tmp_path, monkeypatch):
    assert ask(tmp_path, model="gpu")["state"] in ("ok", "unstable")
    monkeypatch.setenv("NVIDIA_TF32_OVERRIDE", "1")
    result = ask(tmp_path, model="gpu")
    assert result["state"] == "invalid"
    assert "float32 products ran as tf32" in result["reason"]
    assert result["reason"].endswith("NVIDIA_TF32_OVERRIDE=1 in the environment")
    assert "step_seconds" not in result


@pytest.mark.parametrize("fault", ["reads", "lists"])
@pytest.mark.parametrize("mode", ["fp32", "fp32+compile"])
def test_a_model_that_reads_back_is_invalid_and_the_line_is_named(tmp_path, fault, mode):
    result = ask(tmp_path, mode=mode, model=fault)
    assert result["state"] == "invalid"
    assert "item()" in result["reason"] or "tolist()" in result["reason"]
    assert "fakes/tiny.py:" in result["reason"]
    assert "step_seconds" not in result
    assert result["effective"]["read_backs"][0]["owner"] == "model"


def test_a_step_that_reads_nothing_back_says_so(tmp_path):
    effective = ask(tmp_path)["effective"]
    assert effective["read_backs"] == []
    assert effective["read_backs_unwatched"] is None
    assert not effective["scaler_synchronises"]


def test_a_recompilation_in_the_window_is_invalid_with_its_reason(tmp_path):
    long = dataclasses.replace(QUICK, window_min_steps=60)
    result = ask(tmp_path, mode="fp32+compile", protocol=long, model="grows", tier="end-to-end")
    assert result["state"] == "invalid"
    assert "torch.compile ran 1× inside the window: tensor 'x' size mismatch" in result["reason"]


def test_compilation_that_was_switched_off_outside_is_invalid_and_named(tmp_path, monkeypatch):
    monkeypatch.setenv("TORCHDYNAMO_DISABLE", "1")
    result = ask(tmp_path, mode="fp32+compile")
    assert result["state"] == "invalid"
    assert "no graph; the environment has TORCHDYNAMO_DISABLE=1" in result["reason"]


def test_a_cpu_has_no_busy_share_and_the_record_says_why(tmp_path):
    profile = ask(tmp_path)["profile"]
    assert "busy_seconds" not in profile
    assert "a CPU does the host's work itself" in profile["unread"]
    assert profile["operators_per_step"] > 10


def test_a_child_whose_parent_died_before_it_began_ends_before_it_imports_torch(tmp_path):
    """Its answers go nowhere; it is not to find out only after seconds of importing."""
    reading, writing = os.pipe()
    os.close(reading)
    child = subprocess.Popen(
        [sys.executable, "-X", "importtime", "-c", WORKER],
        stdin=subprocess.PIPE, stdout=writing, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    os.close(writing)
    _, said = child.communicate(json.dumps(codec.to_plain(job(tmp_path))), timeout=60)
    assert child.returncode != 0
    assert "BrokenPipeError" in said
    assert "torch" not in said


def test_a_loader_worker_s_death_is_told_alike_wherever_torch_tells_it():
    """Its signal handler raises in the step as well, where no loader is waited for."""
    said = told(RuntimeError("DataLoader worker (pid 7) is killed by signal: Killed."))
    assert said["kind"] == "failed"
    assert said["reason"].startswith("a loader worker (process 7) was killed by signal Killed")
