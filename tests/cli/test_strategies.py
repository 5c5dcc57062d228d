"""`gpubench run --strategy`: variants of a suite, resumed; options that do not go together."""

import json
import os
import subprocess
import sys

import pytest

from gpubench.bench.job import Subject
from gpubench.bench.record import read_record

QUICK = ["--preset", "smoke", "--device", "cpu", "--processes", "2"]


def run(tmp_path, *arguments):
    pids = tmp_path / "pids"
    pids.mkdir(exist_ok=True)
    return subprocess.run(
        [sys.executable, "-m", "tests.fakes.quick_cli", "run", "--suite", "deit",
         "--modes", "fp32", *map(str, arguments), *QUICK],
        capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL,
        env={**os.environ, "GPUBENCH_TEST_PIDS": str(pids)},
    )  # fmt: skip


def test_strategies_are_variants_beside_single_and_a_resumed_run_does_none_again(tmp_path):
    pytest.importorskip("pandas")
    output = tmp_path / "run"
    asked = ("--strategy", "fsdp,ddp", "--nproc-per-node", 2, "--output", output)
    done = run(tmp_path, *asked, "--format", "json")
    assert done.returncode == 0, done.stderr
    scaling, *_ = json.loads(done.stdout)["tables"]
    assert [row["variant"] for row in scaling["rows"]] == [
        "single", "ddp, 2 processes", "fsdp, 2 processes",
    ]  # fmt: skip
    record = read_record(output)
    (first, _) = record.measured(Subject("deit", "ddp, 2 processes"), "fp32")
    (alone, _) = record.measured(Subject("deit", "single"), "fp32")
    assert first.samples_per_step == 2 * alone.samples_per_step
    assert [key[0].variant for key in record.parities] == ["ddp, 2 processes", "fsdp, 2 processes"]
    size = (output / "record.jsonl").stat().st_size
    again = run(tmp_path, *asked, "--resume")
    assert again.returncode == 0, again.stderr
    assert (output / "record.jsonl").stat().st_size == size
    other = run(
        tmp_path, "--strategy", "ddp", "--nproc-per-node", 2, "--output", output, "--resume"
    )
    assert other.returncode == 2
    assert "begun with other options" in other.stderr


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (("--strategy", "ddp"), "--nproc-per-node"),
        (("--nproc-per-node", 2), "needs --strategy"),
        (("--strategy", "horovod", "--nproc-per-node", 2), "no strategy named 'horovod'"),
        (("--strategy", "ddp", "--nproc-per-node", 1, "--nnodes", 2), "--rdzv-endpoint"),
        (("--strategy", "ddp", "--nproc-per-node", 2, "--rdzv-endpoint", "a:1"), "--nnodes"),
        (
            ("--strategy", "ddp", "--nproc-per-node", 1, "--nnodes", 2, "--rdzv-endpoint", "x"),
            "host:port",
        ),
        (("--strategy", "ddp", "--nproc-per-node", 2, "--sweep", "batch-size=1,2"), "--sweep"),
        (("--strategy", "ddp", "--nproc-per-node", 2, "--batch-size", "auto"), "--batch-size auto"),
        (("--strategy", "dp", "--nproc-per-node", 1), "two GPUs"),
        (("--strategy", "fsdp", "--nproc-per-node", 2, "--static-graph"), "options of ddp"),
    ],
)
def test_options_that_do_not_go_together_are_one_line(tmp_path, arguments, why):
    done = run(tmp_path, *arguments, "--output", tmp_path / "run")
    assert done.returncode == 2
    assert why in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "run").exists()
