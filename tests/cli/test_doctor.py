"""``gpubench doctor`` as it is typed."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from gpubench import codec
from gpubench.checks.registry import CHECKS
from gpubench.cli.app import main
from gpubench.errors import ExitStatus
from tests.checks import healthy as h
from tests.checks.healthy import HEALTHY, NO_GPU, QUICK
from tests.env.sitepackages import Site
from tests.env.test_python_env import bare_python

ROOT = Path(__file__).parents[2]
WARNED = h.with_gpus(HEALTHY, persistence=False)
BROKEN = h.with_distribution(QUICK, "nvidia-cudnn-cu12", version="9.1.0.70")


@pytest.fixture
def saved(tmp_path):
    def save(snapshot):
        path = tmp_path / "snapshot.json"
        path.write_text(codec.to_json(snapshot))
        return str(path)

    return save


def doctor(*arguments):
    return main(["doctor", *arguments])


@pytest.mark.parametrize("form", ["text", "json"])
@pytest.mark.parametrize(
    ("snapshot", "options", "status"),
    [
        (HEALTHY, (), 0),
        (NO_GPU, (), 0),
        (BROKEN, (), 1),
        (BROKEN, ("--fail-on", "never"), 0),
        (BROKEN, ("--skip", "torch.cudnn"), 0),
        (BROKEN, ("--only", "host,drv"), 0),
        (WARNED, (), 0),
        (WARNED, ("--fail-on", "warning"), 1),
        (NO_GPU, ("--require-gpu",), 1),
        (HEALTHY, ("--require-gpu",), 0),
    ],
)
def test_the_exit_status_is_the_same_in_every_format(
    saved, capsys, form, snapshot, options, status
):
    assert doctor("--from", saved(snapshot), "--format", form, *options) == status
    out = capsys.readouterr().out
    if form == "json":
        assert json.loads(out)["schema"] == "gpubench.doctor/1"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--level", "deep"), "deep"),
        (("--level", "quik"), "did you mean quick?"),
        (("--format", "jsn"), "did you mean json?"),
        (("--fail-on", "errors"), "did you mean error?"),
        (("--only", "torch.arhc"), "did you mean torch.arch"),
        (("--skip", "nvlm"), "or nvml"),
        (("--explain", "cuda.flor"), "did you mean cuda.floor"),
        (("--timeout", "0"), "--timeout 0"),
        (("--timeout", "nan"), "--timeout nan"),
        (("--python", "/no/such/python"), "no such program"),
        (("--from", "/no/such/file"), "no such file"),
        (("--from", "/tmp"), "not a file"),
        (("--from", "x", "--python", "y"), "one of them"),
    ],
)
def test_a_question_that_cannot_be_asked_is_refused_in_one_line(capsys, arguments, words):
    assert doctor(*arguments) == ExitStatus.NOT_ASKED
    shown = capsys.readouterr()
    assert shown.out == ""
    assert len(shown.err.strip().splitlines()) == 1
    assert words in shown.err


def test_an_answer_goes_to_a_file_and_the_snapshot_to_another(saved, tmp_path, capsys):
    answer, kept = tmp_path / "deep" / "answer.json", tmp_path / "kept.json"
    arguments = ("--format", "json", "--output", str(answer), "--save-snapshot", str(kept))
    assert doctor("--from", saved(BROKEN), *arguments) == 1
    assert capsys.readouterr().out == ""
    assert json.loads(answer.read_text())["verdict"] == "broken"
    assert doctor("--from", str(kept), "--format", "json") == 1
    assert doctor("--from", str(answer), "--format", "json") == 1


def test_an_output_that_cannot_be_written_is_refused(saved, tmp_path, capsys):
    blocker = tmp_path / "file"
    blocker.write_text("")
    assert doctor("--from", saved(HEALTHY), "--output", str(blocker / "x")) == ExitStatus.NOT_ASKED
    assert "cannot write" in capsys.readouterr().err


@pytest.mark.skipif(not Path("/dev/full").is_char_device(), reason="no /dev/full here")
def test_a_full_disk_is_refused_in_one_line(saved):
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "gpubench", "doctor", "--from", saved(HEALTHY)],
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert done.returncode == ExitStatus.NOT_ASKED
    assert done.stderr.splitlines() == ["gpubench: cannot write stdout: No space left on device"]


def test_a_device_is_written_to_and_never_replaced(saved, tmp_path, capsys):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = subprocess.Popen(["cat", str(pipe)], stdout=subprocess.PIPE, text=True)
    assert doctor("--from", saved(HEALTHY), "--format", "json", "--output", str(pipe)) == 0
    assert json.loads(reader.communicate(timeout=10)[0])["verdict"] == "healthy"
    assert pipe.is_fifo()


def test_every_check_is_listed_with_what_it_asks(capsys):
    assert doctor("--list") == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == [check.id for check in CHECKS]


@pytest.mark.parametrize("name", [check.id for check in CHECKS])
def test_every_check_is_explained(capsys, name):
    assert doctor("--explain", name) == 0
    shown = capsys.readouterr().out
    for words in (name, "Why:", "Remedy:", "Cause:", "Reference:"):
        assert words in shown


def test_a_live_machine_is_judged_through_another_interpreter(tmp_path, capsys):
    assert (
        doctor("--level", "quick", "--python", bare_python(), "--format", "json", "--only", "torch")
        == 0
    )
    report = json.loads(capsys.readouterr().out)
    assert report["snapshot"]["torch"] is None
    assert report["snapshot"]["host"]["name"] is None


def gpubench(*arguments, folder=ROOT, **variables):
    return subprocess.run(
        [sys.executable, "-m", "gpubench", *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT), **variables},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def test_a_torch_in_the_working_folder_is_not_run(tmp_path):
    (tmp_path / "torch.py").write_text("import os; os.abort()")
    done = gpubench("doctor", "--python", bare_python(), "--format", "json", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["snapshot"]["torch"] is None


def test_a_torch_that_needs_more_than_its_time_is_no_hang_and_no_fault(tmp_path):
    site = Site(tmp_path / "site")
    site.torch("2.8.0", init="import time; time.sleep(600)")
    done = gpubench(
        "doctor",
        "--python",
        bare_python(),
        "--timeout",
        "3",
        "--format",
        "json",
        PYTHONPATH=f"{ROOT}{os.pathsep}{site.folder}",
    )
    report = json.loads(done.stdout)
    assert done.returncode == 0
    assert report["diagnosis"] == []
    lines = {line["id"]: line for line in report["checks"]}
    assert lines["torch.import"]["status"] == "unknown"
    assert "raise --timeout" in lines["torch.import"]["reason"]


def test_an_interrupt_ends_the_children_and_the_command(tmp_path):
    site = Site(tmp_path / "site")
    mark = tmp_path / "started"
    site.torch("2.8.0", init=f"open({str(mark)!r}, 'w').close(); import time; time.sleep(600)")
    command = [sys.executable, "-m", "gpubench", "doctor", "--python", bare_python()]
    variables = {**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{site.folder}"}
    done = subprocess.Popen(command, cwd=ROOT, env=variables, stderr=subprocess.PIPE, text=True)
    for _ in range(200):
        if mark.exists():
            break
        time.sleep(0.1)
    done.send_signal(signal.SIGINT)
    assert done.communicate(timeout=20)[1] == "gpubench: interrupted\n"
    assert done.returncode == ExitStatus.INTERRUPTED


def test_help_loads_nothing_heavy():
    script = """
import sys
from gpubench.cli.app import main
main(["--help"])
heavy = {"rich", "pydantic", "pynvml", "packaging", "torch"} & set(sys.modules)
assert not heavy, heavy
"""
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "doctor" in done.stdout


def test_no_terminal_means_no_color(saved):
    done = gpubench("doctor", "--from", saved(BROKEN))
    assert done.returncode == 1
    assert "\x1b" not in done.stdout


def test_an_encoding_without_our_marks_does_not_break_the_answer(saved):
    done = gpubench("doctor", "--from", saved(BROKEN), PYTHONIOENCODING="ascii")
    assert done.returncode == 1
    assert "cudnn-mismatch" in done.stdout
