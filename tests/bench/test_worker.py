"""Whole child processes, on a suite of sixteen weights."""

import dataclasses
import math

import pytest

from gpubench.bench.job import Job, Workload
from gpubench.bench.modes import mode_named
from gpubench.bench.protocol import SMOKE
from gpubench.bench.runner import run_job
from gpubench.errors import BadData

pytestmark = pytest.mark.torch

QUICK = dataclasses.replace(
    SMOKE, window_min_seconds=0.05, soak_seconds=0.05, parity_steps=3, process_limit_seconds=120.0
)


def ask(tmp_path, kind="measure", mode="fp32", **workload):
    job = Job(
        kind=kind,
        suite_module="tests.fakes.tiny",
        workload=Workload(preset="smoke", **workload),
        mode=mode_named(mode),
        protocol=QUICK,
        device="cpu",
        scratch=str(tmp_path),
        parity_roundings=("float32", "bfloat16"),
    )
    return run_job(job, cache=tmp_path).result


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
    assert (result["state"], result["reason"]) == ("invalid", "the loss became NaN or infinite")


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
    assert result["compile_seconds"] > 0
