"""``gpubench calibrate`` as a user has it: sessions add up, and another machine's file is left."""

import json
import os
import subprocess
import sys

import pytest

pytest.importorskip("scipy")
pytest.importorskip("pandas")

from gpubench.cli.calibrate import nothing_calibrated
from gpubench.errors import ExitStatus
from gpubench.gate.calibration import read
from gpubench.gate.pair_folder import read_asked, read_records

pytestmark = pytest.mark.torch


@pytest.fixture
def calibrate(tmp_path):
    (tmp_path / "pids").mkdir()

    def run(*more, name="first", command=("calibrate", "--pairs", "3")):
        return subprocess.run(
            [
                sys.executable, "-m", "tests.fakes.quick_cli", *command, "--suite", "deit",
                "--modes", "fp32", "--device", "cpu",
                "--calibration", str(tmp_path / "noise.json"),
                "--output", str(tmp_path / name), *map(str, more),
            ],
            env={**os.environ, "GPUBENCH_TEST_PIDS": str(tmp_path / "pids")},
            capture_output=True, text=True, check=False, timeout=120,
        )  # fmt: skip

    return run


def test_sessions_add_up_and_one_that_is_told_again_does_not(tmp_path, calibrate):
    first = calibrate("--format", "json")
    assert first.returncode == 0, first.stderr
    (table,) = json.loads(first.stdout)["tables"]
    assert {row["metric"] for row in table["rows"]} == {"throughput", "peak-memory"}
    assert "kept in" in first.stderr
    again = calibrate("--resume")
    assert again.returncode == 0, again.stderr
    assert len(read(tmp_path / "noise.json").sessions) == 1
    second = calibrate(name="second")
    assert second.returncode == 0, second.stderr
    found = read(tmp_path / "noise.json")
    assert len(found.sessions) == 2
    assert {(cell.sessions, cell.pair_freedom) for cell in found.cells} == {(2, 4)}
    assert [len(f.pairs) for s in found.sessions for f in s.figures] == [3] * 4


def test_a_calibrated_cell_is_decided_at_three_pairs_by_ab(tmp_path, calibrate):
    assert calibrate().returncode == 0
    done = calibrate(name="pairs", command=("ab", "--b-python", sys.executable))
    assert done.returncode == 0, done.stderr
    assert [len(side.measurements) for side in read_records(tmp_path / "pairs")] == [3, 3]
    assert read_asked(tmp_path / "pairs").calibration == read(tmp_path / "noise.json")


def test_the_file_of_another_machine_is_left_as_it_is(tmp_path, calibrate):
    file = tmp_path / "noise.json"
    other = {
        "schema": "gpubench.calibration/1", "gpubench_version": "0.1.0", "cells": [],
        "created": "2026-11-21T00:00:00+00:00", "machine": {"device": "cpu", "name": "Z80"},
    }  # fmt: skip
    file.write_text(json.dumps(other))
    done = calibrate()
    assert done.returncode == 5
    assert "noise.json: the calibration is of another machine" in done.stderr
    assert json.loads(file.read_text()) == other
    assert "process 1" not in done.stderr


def test_a_machine_that_has_changed_begins_anew(tmp_path, calibrate):
    calibrate()
    done = calibrate("--restart", name="second")
    assert done.returncode == 0, done.stderr
    assert len(read(tmp_path / "noise.json").sessions) == 1


def test_too_few_pairs_for_a_budget_are_said(tmp_path, calibrate):
    done = calibrate("--budget", "0.1s")
    assert done.returncode == 5
    assert "nothing was calibrated: deit fp32 was not calibrated: 3 pairs are needed" in done.stderr
    assert not (tmp_path / "noise.json").exists()


@pytest.mark.parametrize(
    ("lost", "status", "said"),
    [
        ([("a", ExitStatus.INCONCLUSIVE), ("b", ExitStatus.INVALID)], 6, "calibrated: a; b"),
        ([("a", ExitStatus.INCONCLUSIVE)], 5, "calibrated: a"),
        ([], 5, "no mode that was asked for can be done here"),
    ],
)
def test_nothing_calibrated_is_invalid_before_it_is_not_comparable(lost, status, said):
    problem = nothing_calibrated(lost)
    assert problem.status == status
    assert str(problem).endswith(said)


@pytest.mark.parametrize("content", ["{", "[]", '{"schema": "gpubench.calibration/9"}'])
def test_a_file_that_is_none_is_told_before_anything_is_measured(tmp_path, calibrate, content):
    (tmp_path / "noise.json").write_text(content)
    done = calibrate()
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1
    assert not (tmp_path / "first").exists()
