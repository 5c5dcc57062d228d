"""``gpubench run --sweep`` as a user has it: several sizes, one of them far too large."""

import json
import resource
import subprocess
import sys

import pytest

pytest.importorskip("timm")

from gpubench.bench.job import Subject
from gpubench.bench.record import read_record

pytestmark = [pytest.mark.torch, pytest.mark.timeout(600)]

QUICK = ["--preset", "smoke", "--device", "cpu", "--processes", "1", "--seconds", "0.2"]
ADDRESS_SPACE = 64 * 2**30
"""Enough for torch and its libraries, and so little that 9 million images never fit."""


def run(*arguments):
    return subprocess.run(
        [sys.executable, "-m", "gpubench", "run", "--suite", "deit", "--modes", "fp32",
         *map(str, arguments), *QUICK],
        capture_output=True, text=True, check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (ADDRESS_SPACE,) * 2),
    )  # fmt: skip


def test_a_size_that_does_not_fit_is_a_row_and_a_resumed_run_must_ask_the_same(tmp_path):
    output = tmp_path / "run"
    sweep = ("--sweep", "batch-size=1,2,9000000", "--accumulation", 2, "--output", output)
    done = run(*sweep, "--format", "json")
    assert done.returncode == 0, done.stderr
    swept, *compared = json.loads(done.stdout)["tables"]
    assert [row["state"] in ("ok", "unstable") for row in swept["rows"]] == [True, True, False]
    assert swept["rows"][2]["state"] == "out-of-memory"
    assert "batch 2 × 2" in compared[1]["title"]
    assert any("the largest batch that fitted in this run is 2" in n for n in compared[2]["notes"])
    record = read_record(output)
    assert record.measured(Subject("deit", "batch 2"), "fp32")[0].samples_per_step == 4
    assert record.measured(Subject("deit", "batch 9000000"), "fp32")[0].shortage.requested_bytes > 0
    other = run("--sweep", "batch-size=1,4", "--accumulation", 2, "--output", output, "--resume")
    assert other.returncode == 2
    assert "begun with other options" in other.stderr
    size = len((output / "record.jsonl").read_text())
    again = run(*sweep, "--resume")
    assert again.returncode == 0, again.stderr
    assert len((output / "record.jsonl").read_text()) == size


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (("--sweep", "sequence-length=64,128"), "deit has none"),
        (("--sweep", "batch-size=8,16", "--batch-size", "4"), "both set it"),
        (("--sweep", "batch-size=8,16", "--batch-size", "auto"), "both set it"),
        (("--batch-size", "many"), "whole number of 1 or more, or auto"),
        (("--sequence-length", "64"), "means nothing to deit"),
    ],
)
def test_options_that_do_not_go_together_are_one_line(tmp_path, arguments, why):
    done = run(*arguments, "--output", tmp_path / "run")
    assert done.returncode == 2
    assert why in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "run").exists()
