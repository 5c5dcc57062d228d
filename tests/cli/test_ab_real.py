"""``gpubench ab`` with real training: against itself, and against one that does more work."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("scipy")
pytest.importorskip("pandas")
pytest.importorskip("timm")
pytest.importorskip("transformers")

from benchmarks.slower import slower
from gpubench.gate.pair_folder import read_records

pytestmark = [pytest.mark.torch, pytest.mark.timeout(600)]

TINY = ("--suite", "deit", "--modes", "fp32", "--device", "cpu", "--seconds", "0.1",
        "--batch-size", "2", "--image-size", "32", "--format", "json")  # fmt: skip


def ab(module, output, candidate, *more):
    command = [sys.executable, "-m", module, "ab", "--b-python", str(candidate), *TINY]
    return subprocess.run(
        [*command, "--output", str(output), *more],
        env={**os.environ, "OMP_NUM_THREADS": "1"}, capture_output=True, text=True, check=False,
    )  # fmt: skip


def test_an_interpreter_against_itself_is_no_regression(tmp_path):
    done = ab("gpubench", tmp_path / "pairs", sys.executable, "--budget", "1s")
    found = json.loads(done.stdout)
    assert done.returncode == 4, done.stderr
    assert [v["word"] for v in found["verdicts"]] == ["INCONCLUSIVE"] * 2
    assert "3 pairs are needed, there is 1" in found["verdicts"][0]["reason"]
    sides = read_records(tmp_path / "pairs")
    assert [[m.state in ("ok", "unstable") for m in side.measurements] for side in sides] == [
        [True], [True],
    ]  # fmt: skip


def test_an_interpreter_whose_steps_do_more_work_is_found(tmp_path):
    """Every step ten times, so that no neighbour of a busy machine hides it."""
    candidate = slower(tmp_path, every=1, more=9)
    (tmp_path / "hook" / "tests").symlink_to(Path(__file__).parents[1])  # the suite is in there
    done = ab("tests.fakes.tiny_cli", tmp_path / "pairs", candidate, "--budget", "none")
    found = {v["metric"]: v for v in json.loads(done.stdout)["verdicts"]}
    assert found["throughput"]["word"] == "REGRESSION", done.stderr
    assert found["throughput"]["effect"] > 0.3
    assert done.returncode == 1
