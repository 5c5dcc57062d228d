"""``gpubench ab`` as a user has it: killed, gone on with, answered again, and what it refuses."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytest.importorskip("scipy")
pytest.importorskip("pandas")

from gpubench import codec
from gpubench.bench import pairs as pairs_of_bench
from gpubench.cli import pairing
from gpubench.cli.app import main
from gpubench.errors import MissingPackage
from gpubench.gate.calibration import Calibration
from gpubench.gate.machine import Machine
from gpubench.gate.pair_folder import read_records

pytestmark = pytest.mark.torch

LINES = 1 + 1 + 5 * 2
"""Headers, descriptions, and pairs: what each side's record holds of one cell."""


@pytest.fixture(scope="module")
def pids(tmp_path_factory):
    return tmp_path_factory.mktemp("pids")


def gpubench(pids, *arguments, kill=""):
    return subprocess.run(
        [sys.executable, "-m", "tests.fakes.quick_cli", *map(str, arguments)],
        env={**os.environ, "GPUBENCH_TEST_PIDS": str(pids), "GPUBENCH_TEST_KILL": kill},
        capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip


def ab(pids, output, *more, kill=""):
    options = ("--suite", "deit", "--modes", "fp32", "--device", "cpu")
    return gpubench(
        pids, "ab", "--b-python", sys.executable, *options, "--output", output, *more, kill=kill
    )


def pairs(output):
    """The processes of both sides: number, attempt, state."""
    return [[(m.process, m.state) for m in side.measurements] for side in read_records(output)]


@pytest.fixture(scope="module")
def whole(pids, tmp_path_factory):
    """A session that nothing ended: its folder and what it said."""
    output = tmp_path_factory.mktemp("whole") / "pairs"
    return output, ab(pids, output, "--format", "json")


def test_the_same_interpreter_passes_and_says_that_it_is_one(whole):
    output, done = whole
    found = json.loads(done.stdout)
    assert done.returncode == 0, done.stderr
    assert (found["schema"], found["verdict"]) == ("gpubench.compare/1", "PASS")
    assert {v["unit"] for v in found["verdicts"]} == {"pairs"}
    assert any("no difference between the sides was seen" in note for note in found["notes"])
    assert found["changes"] == []
    assert pairs(output) == [[(n, "ok") for n in range(5)]] * 2
    assert "deit fp32: 5 pairs" in done.stderr


def alive(pids):
    """The children that still run; a zombie does not."""

    def is_alive(pid):
        try:
            return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
        except OSError:
            return False

    return [path.name for path in pids.iterdir() if is_alive(path.name)]


@pytest.mark.parametrize("kill", ["after:6", "during:5"])
def test_a_session_killed_at_any_line_goes_on_to_the_same_pairs(tmp_path, pids, whole, kill):
    output = tmp_path / "pairs"
    killed = ab(pids, output, kill=kill)
    assert killed.returncode == -signal.SIGKILL
    ends = time.monotonic() + 10
    while alive(pids) and time.monotonic() < ends:
        time.sleep(0.05)
    assert alive(pids) == []
    done = ab(pids, output, "--resume")
    assert done.returncode == 0, done.stderr
    assert pairs(output) == pairs(whole[0])


def test_a_finished_session_is_answered_again_without_measuring(pids, whole):
    output, first = whole
    before = len(list(pids.iterdir()))
    again = ab(pids, output, "--resume", "--format", "json")
    compared = gpubench(pids, "compare", output, "--format", "json")
    assert again.stdout == compared.stdout == first.stdout
    assert len(list(pids.iterdir())) == before


def test_one_side_s_record_is_an_ordinary_one(pids, whole):
    done = gpubench(pids, "report", whole[0] / "b")
    assert done.returncode == 0, done.stderr
    assert "fp32" in done.stdout


def test_a_folder_of_pairs_is_no_side_of_a_comparison(pids, whole):
    done = gpubench(pids, "compare", whole[0], whole[0] / "a")
    assert done.returncode == 2
    assert "it holds both sides of pairs" in done.stderr


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (("--tolerance", "5%"), "tolerances differ"),
        (("--batch-size", "2"), "plan differ"),
        (("--seconds", "9"), "begun with other options"),
        (("--a-python", "/bin/sh"), ""),
    ],
)
def test_a_session_is_not_gone_on_with_otherwise(pids, whole, more, said):
    done = ab(pids, whole[0], "--resume", *more)
    assert done.returncode == 2
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_an_environment_that_has_changed_is_refused(tmp_path, pids, whole):
    output = tmp_path / "pairs"
    for path in whole[0].rglob("*.json*"):
        text = path.read_text()
        if path.parent.name == "b":
            environment = json.loads(text.splitlines()[0])["environment"]
            text = text.replace(environment, "0" * 64)
        (output / path.parent.relative_to(whole[0])).mkdir(parents=True, exist_ok=True)
        (output / path.relative_to(whole[0])).write_text(text)
    done = ab(pids, output, "--resume")
    assert done.returncode == 5
    assert "the environment of B has changed" in done.stderr


def test_a_second_session_does_not_write_over_the_first(pids, whole):
    done = ab(pids, whole[0])
    assert done.returncode == 2
    assert "add --resume to go on with it" in done.stderr


def test_a_calibration_of_another_machine_is_refused_before_anything_is_measured(tmp_path, pids):
    other = Calibration(
        created="2026-11-21T00:00:00+00:00", machine=Machine(device="cpu", name="Z80"), cells=()
    )
    file = tmp_path / "noise.json"
    file.write_text(codec.to_json(other))
    done = ab(pids, tmp_path / "pairs", "--calibration", file)
    assert done.returncode == 5
    assert "the calibration is of another machine" in done.stderr
    assert pairs(tmp_path / "pairs") == [[], []]


def test_a_calibration_that_comes_too_late_has_no_say_and_that_is_said(tmp_path, pids, whole):
    late = Calibration(
        created="2026-11-21T00:00:00+00:00", machine=Machine(device="cpu", name="Z80"), cells=()
    )
    file = tmp_path / "noise.json"
    file.write_text(codec.to_json(late))
    done = ab(pids, whole[0], "--resume", "--format", "json", "--calibration", file)
    assert done.stdout == whole[1].stdout
    assert "noise.json has no say: pairs are judged by the noise that was known" in done.stderr
    assert "has no say" not in whole[1].stderr


def test_a_calibration_that_is_none_is_told_before_anything_starts(tmp_path, pids):
    done = ab(pids, tmp_path / "pairs", "--calibration", tmp_path / "none.json")
    assert done.returncode == 2
    assert "none.json: no such file" in done.stderr
    assert not (tmp_path / "pairs").exists()


@pytest.mark.parametrize(
    ("was", "is_now", "status", "said"),
    [
        ('"looks": [', '"looks": [4, ', 5, "measured by another rule (looks differ)"),
        ('"tolerances": {', '"tolerances": {"throughput": -2.0', 2, "a share above 0"),
    ],
)
def test_pairs_are_judged_by_the_rule_they_were_measured_by(
    tmp_path, pids, whole, was, is_now, status, said
):
    shutil.copytree(whole[0], tmp_path / "pairs")
    asked = tmp_path / "pairs" / "ab.json"
    text = asked.read_text()
    assert was in text
    asked.write_text(text.replace(was, is_now))
    done = gpubench(pids, "compare", tmp_path / "pairs")
    assert done.returncode == status, done.stderr
    assert said in done.stderr
    assert "Traceback" not in done.stderr


@pytest.fixture(scope="module")
def seen():
    return pairing.interpreter(None)


@pytest.fixture
def here(monkeypatch, seen):
    """This interpreter on a machine that need not be looked at again."""
    monkeypatch.setattr(pairing, "interpreters", lambda *_: (seen, seen))


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (("--suite", "ceilings"), "trains nothing"),
        (("--suite", "nonsense"), "no suite named"),
        (("--modes", "fp33"), "no mode named"),
        (("--tier", "loader"), "trains nothing"),
        (("--tolerance", "300%"), "above 0 and below 100 %"),
        (("--on-inconclusive", "shrug"), "choose fail, warn or pass"),
        (("--budget", "soon"), "a time such as 25m"),
        (("--format", "telegram"), "no format named"),
        (("--sequence-length", "16"), "means nothing to deit"),
    ],
)
def test_what_cannot_be_asked_is_one_line(tmp_path, here, capsys, more, said):
    given = ("--suite", "deit", "--b-python", sys.executable, *more)
    assert main(["ab", *given, "--output", str(tmp_path / "pairs")]) == 2
    error = capsys.readouterr().err
    assert said in error
    assert len(error.splitlines()) == 1
    assert not (tmp_path / "pairs").exists()


def test_going_on_needs_a_folder(capsys):
    assert main(["ab", "--suite", "deit", "--b-python", sys.executable, "--resume"]) == 2
    assert "--resume needs --output" in capsys.readouterr().err


def test_an_interpreter_that_is_none_is_one_line(tmp_path, capsys):
    given = ("--suite", "deit", "--b-python", "no-such-python")
    assert main(["ab", *given, "--output", str(tmp_path / "pairs")]) == 2
    assert capsys.readouterr().err == (
        "gpubench: --b-python no-such-python: no such program; give the path of an interpreter\n"
    )


def begin(tmp_path):
    given = ("--suite", "deit", "--modes", "fp32", "--device", "cpu", "--b-python", sys.executable)
    return main(["ab", *given, "--output", str(tmp_path / "pairs")])


def test_an_interruption_says_how_to_go_on(tmp_path, here, capsys, monkeypatch):
    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(pairs_of_bench, "run_pairs", interrupted)
    assert begin(tmp_path) == 130
    assert f"the pairs so far are in {tmp_path / 'pairs'}; go on with: gpubench " in (
        capsys.readouterr().err
    )
    assert (tmp_path / "pairs" / "ab.json").exists()


def test_a_session_that_came_to_nothing_leaves_nothing(tmp_path, here, capsys, monkeypatch):
    def lacking(*_):
        raise MissingPackage("torch", extra="bench")

    monkeypatch.setattr(pairs_of_bench, "run_pairs", lacking)
    assert begin(tmp_path) == 2
    assert "this needs torch" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []
