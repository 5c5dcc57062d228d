"""``gpubench ab`` with container images: an engine that starts containers here, quick children."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("scipy")
pytest.importorskip("pandas")

from gpubench.cli.app import main
from tests.fakes.engine import Mocked

pytestmark = pytest.mark.torch

ROOT = Path(__file__).parents[2]
OLD, NEW = "team/stack:2.7", "team/stack:2.8"


def digest(letter):
    return "sha256:" + letter * 64


def engine(folder):
    """An engine with two images."""
    known = {OLD: digest("a"), NEW: digest("b")}
    images = {n: {"Id": digest("1"), "RepoDigests": [f"x@{d}"]} for n, d in known.items()}
    return Mocked(folder, "docker", images=images)


@pytest.fixture
def docker(tmp_path, monkeypatch):
    """An engine before every other program."""
    monkeypatch.setenv("PATH", f"{tmp_path / 'engines'}:{os.environ['PATH']}")
    return engine(tmp_path / "engines")


@pytest.fixture(scope="module")
def measured(tmp_path_factory):
    """Pairs of two images, measured once: the engine, what was said, and the folder."""
    place = tmp_path_factory.mktemp("measured")
    docker = engine(place / "engines")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PATH", f"{place / 'engines'}:{os.environ['PATH']}")
        return docker, ab(place / "out", *IMAGES, "--format", "json"), place / "out"


def ab(folder, *words):
    """The command with quick children, in a process of its own."""
    return subprocess.run(
        [
            *(sys.executable, "-m", "tests.fakes.quick_cli", "ab", "--suite", "deit"),
            *("--modes", "fp32", "--device", "cpu", "--output", str(folder), *words),
        ],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def header(folder, letter):
    return json.loads((folder / letter / "record.jsonl").read_text().splitlines()[0])


def options(words, name):
    return [words[i + 1] for i, word in enumerate(words) if word == name]


IMAGES = ("--a-image", OLD, "--b-image", NEW)


def test_two_images_are_measured_in_turns_and_compared(measured):
    _, done, _ = measured
    found = json.loads(done.stdout)
    assert done.returncode == found["exit_status"]
    (verdict,) = [v for v in found["verdicts"] if v["metric"] == "throughput"]
    assert verdict["word"] in ("PASS", "INCONCLUSIVE", "REGRESSION", "IMPROVED")
    named = {change["what"]: (change["before"], change["after"]) for change in found["changes"]}
    assert named["container image"] == (f"{OLD}@{digest('a')}", f"{NEW}@{digest('b')}")


def test_records_hold_the_reference_and_the_digest(measured):
    _, _, folder = measured
    assert header(folder, "a")["image"] == f"{OLD}@{digest('a')}"
    assert header(folder, "b")["image"] == f"{NEW}@{digest('b')}"


def test_every_job_is_a_container_without_a_network(measured):
    docker, _, folder = measured
    jobs = [c for c in docker.told("run") if any("PYTHONPATH" in v for v in options(c, "--env"))]
    lines = [(folder / side / "record.jsonl").read_text().splitlines() for side in "ab"]
    assert len(jobs) == sum(map(len, lines)) - 2  # the headers
    assert {options(call, "--network")[0] for call in jobs} == {"none"}


def test_an_image_is_held_against_an_interpreter(docker, tmp_path):
    done = ab(tmp_path / "out", "--a-python", sys.executable, "--b-image", NEW, "--budget", "1s")
    assert done.returncode == 4, done.stderr  # one pair is none
    assert header(tmp_path / "out", "a")["image"] is None
    assert header(tmp_path / "out", "b")["image"] == f"{NEW}@{digest('b')}"


def test_pairs_do_not_go_on_with_another_image_of_that_name(measured, docker, tmp_path):
    shutil.copytree(measured[2], tmp_path / "out")
    docker.set(images={n: {"Id": digest("1"), "Digest": digest("c")} for n in (OLD, NEW)})
    again = ab(tmp_path / "out", *IMAGES, "--resume")
    assert again.returncode == 5
    assert "A is another image than the one" in again.stderr


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "name the candidate"),
        (("--a-image", OLD), "name the candidate"),
        (("--b-image", NEW, "--b-python", "x"), "give one"),
        (("--b-python", sys.executable, "--pull"), "are for images"),
        (("--b-python", sys.executable, "--engine", "docker"), "are for images"),
        (("--b-image", "--privileged"), ""),
        (("--b-image", "other:1"), "docker has no image other:1"),
        (("--a-python", "no/python", "--b-image", NEW), "--a-python no/python: no such program"),
        (("--b-image", NEW, "--engine", "dokcer"), "did you mean docker"),
    ],
)
def test_what_cannot_be_asked_is_one_line_and_status_2(docker, tmp_path, capsys, words, said):
    status = main(["ab", "--suite", "deit", "--output", str(tmp_path / "out"), *words])
    told = capsys.readouterr().err
    assert status == 2
    assert said in told
    assert "Traceback" not in told
    assert docker.told("run") == []
