"""What the benchmarks write of their machine and steps is what ``gpubench compare`` reads."""

import dataclasses
import json
import platform
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("torch")
pytest.importorskip("pytest_benchmark")

from benchmarks.conftest import described, pytest_benchmark_update_machine_info
from gpubench.gate.compare import compare
from gpubench.gate.machine import hashed
from gpubench.gate.pytest_benchmark import session_in
from tests.fakes.session import alone
from tests.gate.test_pytest_benchmark import MACHINE

pytestmark = pytest.mark.torch

ROOT = Path(__file__).parents[2]


def machine_info():
    """As pytest-benchmark gives it to its hook."""
    return {"node": "alices-workstation", "python_version": "3.11.2", "cpu": {"count": 8}}


def test_the_machine_is_told_without_the_name_of_the_host():
    info = machine_info()
    pytest_benchmark_update_machine_info(info)
    assert "alice" not in json.dumps(info)
    told = info["gpubench"]["machine"]
    assert told["host"] == hashed("alices-workstation")
    assert told["device"] in ("cpu", "cuda")
    assert info["gpubench"]["software"]["torch"]


def test_a_gpu_is_told_by_its_hashed_uuid():
    info = {**machine_info(), **described(MACHINE, {"driver": "580.65.06"})}
    plain = {
        "machine_info": info,
        "benchmarks": [{"name": "x", "stats": {"median": 1.0}}],
    }
    session = session_in(plain, "file.json")
    (cell,) = session.cells.values()
    assert cell.machine == MACHINE
    assert session.software["driver"] == "580.65.06"


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """The file of one benchmark that trained for real."""
    place = tmp_path_factory.mktemp("steps") / "1.json"
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "benchmarks/test_training_steps.py", "-k",
         "deit and fp32", "-W", "default", "-q", "-p", "no:cacheprovider",
         f"--benchmark-json={place}"],
        cwd=ROOT, capture_output=True, text=True, env=alone(),
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(place.read_text())


def test_training_steps_are_a_session_with_what_must_be_equal(written):
    session = session_in(written, "1.json")
    ((name, cell),) = session.cells.items()
    assert name.subject.suite.endswith("test_training_step[deit-fp32]")
    assert cell.machine.device in ("cpu", "cuda")
    assert cell.facts["batch size"] > 0
    assert cell.facts["suite revision"]
    assert session.software["torch"]


def test_a_round_is_a_window_of_steps(written):
    (entry,) = written["benchmarks"]
    assert (entry["stats"]["rounds"], entry["options"]["timer"]) == (5, "settled")
    assert entry["stats"]["iterations"] >= 10


def test_one_file_alone_decides_nothing_and_three_do(written):
    session = session_in(written, "1.json")
    assert compare([session], [session]).verdict == "INCONCLUSIVE"
    slower = [_slower(session, share) for share in (1.5, 1.501, 1.499)]
    old = [_slower(session, share) for share in (1.0, 1.001, 0.999)]
    assert compare(old, slower).verdict == "REGRESSION"


def _slower(session, share):
    """The session as if its steps had taken that much longer."""
    cells = {
        name: dataclasses.replace(
            cell, values={"throughput": tuple(v / share for v in cell.values["throughput"])}
        )
        for name, cell in session.cells.items()
    }
    return dataclasses.replace(session, cells=cells)


def test_the_file_names_no_host(written):
    assert written["machine_info"]["node"] == hashed(platform.node())
