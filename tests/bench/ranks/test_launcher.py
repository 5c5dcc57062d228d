"""Ranks started by torchrun's machinery, two on a CPU: what they answer, and how they break."""

import contextlib
import dataclasses
import json
import time
from pathlib import Path

import pytest

from gpubench.bench.job import Job, Workload
from gpubench.bench.modes import mode_named
from gpubench.bench.parity import judge
from gpubench.bench.protocol import SMOKE
from gpubench.bench.ranks.launcher import own_address
from gpubench.bench.record import ParityRun
from gpubench.bench.runner import run_job
from gpubench.bench.strategy import Strategy

pytestmark = [pytest.mark.torch, pytest.mark.timeout(300)]

LIMIT = 120.0
QUICK = dataclasses.replace(
    SMOKE, window_min_seconds=0.05, warmup_max_steps=12, parity_steps=3, process_limit_seconds=LIMIT
)
SUITES = {
    "deit": {"batch_size": 2, "image_size": 32},
    "bert-ner": {"batch_size": 2, "sequence_length": 16},
}


def ask(tmp_path, kind="measure-ranks", module="tests.fakes.ranks", name="ddp", protocol=QUICK,
        mode="fp32", options=(), **workload):  # fmt: skip
    strategy = Strategy(name=name, processes_per_node=2, **dict(options))
    job = Job(
        kind=kind, suite_module=module, mode=mode_named(mode), protocol=protocol, device="cpu",
        workload=Workload(preset="smoke", strategy=strategy, **workload), scratch=str(tmp_path),
    )  # fmt: skip
    return run_job(job, cache=tmp_path).result


@pytest.mark.parametrize(
    ("suite", "module", "name"),
    [
        ("deit", "gpubench.suites.deit", "ddp"),
        ("bert-ner", "gpubench.suites.bert_ner", "fsdp"),
    ],
)
def test_two_ranks_train_a_suite_together_and_hold_the_same_parameters(
    tmp_path, suite, module, name
):
    pytest.importorskip("timm")
    result = ask(tmp_path, module=module, name=name, **SUITES[suite])
    assert result["state"] in ("ok", "unstable"), result["reason"]
    first, second = result["ranks"]["each"]
    assert first["parameters"] == second["parameters"]
    assert result["window_seconds"] == max(each["window_seconds"] for each in (first, second))
    assert len(result["step_seconds"]) == len(result["ranks"]["fastest_step_seconds"])
    assert all(
        fast <= slow
        for fast, slow in zip(
            result["ranks"]["fastest_step_seconds"], result["step_seconds"], strict=True
        )
    )
    assert first["alone_seconds"] > 0
    assert not list(tmp_path.glob("ranks-*"))
    json.dumps(result, allow_nan=False)


@pytest.mark.parametrize(
    ("suite", "module", "name"),
    [
        ("deit", "gpubench.suites.deit", "fsdp"),
        ("bert-ner", "gpubench.suites.bert_ner", "ddp"),
    ],
)
def test_a_strategy_follows_the_losses_of_one_process_over_all_batches(
    tmp_path, suite, module, name
):
    pytest.importorskip("timm")
    workload = {**SUITES[suite], "accumulation": 2}
    result = ask(tmp_path, "parity-ranks", module=module, name=name, **workload)
    assert result["state"] == "ok", result["reason"]
    own = parity_run(result, result["losses"])
    alone = parity_run(result, result["alone"])
    verdict = judge(own, alone, "float32")
    assert verdict.holds, verdict
    elsewhere = parity_run(result, [loss * 1.001 for loss in result["alone"]])
    assert not judge(own, elsewhere, "float32").holds


def parity_run(result, losses):
    return ParityRun(
        suite="deit", mode="fp32", state="ok", reason=None, losses=tuple(losses),
        repeats=tuple(map(tuple, result["repeats"])),
        disturbed={name: tuple(map(tuple, runs)) for name, runs in result["disturbed"].items()},
    )  # fmt: skip


def test_a_rank_killed_in_its_steps_ends_the_job_at_once_with_its_number(tmp_path):
    began = time.monotonic()
    result = ask(tmp_path, model="killed@1")
    assert result["state"] == "failed"
    assert result["reason"].startswith("rank 1 was killed by SIGKILL")
    assert time.monotonic() - began < LIMIT / 2
    assert ranks_of(tmp_path) == [], "no rank outlives its job"


def test_a_rank_that_runs_out_of_memory_is_told_from_the_one_that_lost_it(tmp_path):
    result = ask(tmp_path, model="memory@1")
    assert result["state"] == "out-of-memory"
    assert result["reason"].startswith("rank 1: MemoryError: no memory left")


def test_ranks_whose_parameters_part_are_invalid(tmp_path):
    result = ask(tmp_path, model="diverges@1")
    assert result["state"] == "invalid"
    assert "the parameters of rank 1 are not those of rank 0" in result["reason"]


def test_a_slow_rank_is_seen_where_nothing_is_exchanged(tmp_path):
    options = {"bucket_mib": 1, "static_graph": True, "gradient_views": True}
    result = ask(tmp_path, model="slow@1", options=options.items(), accumulation=2)
    assert result["state"] in ("ok", "unstable"), result["reason"]
    fast, slow = result["ranks"]["each"]
    assert slow["alone_seconds"] > fast["alone_seconds"] + 0.01
    assert fast["step_seconds"] > 0.02, "in a step the fast rank waits for the slow one"


def test_an_address_of_ipv6_is_seen_without_its_brackets():
    assert own_address("[::1]:29500") == "::1"
    assert own_address("127.0.0.1:29500") == "127.0.0.1"


def ranks_of(folder):
    """Processes whose command line names the folder."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if str(folder).encode() in (process / "cmdline").read_bytes():
                found.append(process.name)
    return found
