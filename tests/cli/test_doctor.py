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
from gpubench.checks.expectation import described
from gpubench.checks.registry import CHECKS
from gpubench.cli.app import main
from gpubench.errors import ExitStatus
from gpubench.render.findings import FORMATS
from tests.checks import healthy as h
from tests.checks.healthy import HEALTHY, NO_GPU, QUICK
from tests.env.sitepackages import Site
from tests.env.test_python_env import bare_python
from tests.render.test_formats import PARSERS

ROOT = Path(__file__).parents[2]
WARNED = h.with_gpus(HEALTHY, persistence=False)
BROKEN = h.with_distribution(QUICK, "nvidia-cudnn-cu12", version="9.1.0.70")


MET = "[gpu]\ncount = 8\n[torch]\nversion = '2.8'\n"
NOT_MET = "[gpu]\ncount = 4\n"
NOT_READ = "[packages]\nrequests = '2'\n"
CONTRACTS = (MET, NOT_MET, NOT_READ)


@pytest.fixture
def saved(tmp_path):
    def save(snapshot):
        path = tmp_path / "snapshot.json"
        path.write_text(codec.to_json(snapshot))
        return str(path)

    return save


def doctor(*arguments):
    return main(["doctor", *arguments])


@pytest.mark.parametrize("form", FORMATS)
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
        (HEALTHY, ("--expect", MET), 0),
        (HEALTHY, ("--expect", NOT_MET), 1),
        (HEALTHY, ("--expect", NOT_MET, "--fail-on", "never"), 0),
        (HEALTHY, ("--expect", NOT_READ), 4),
        (HEALTHY, ("--expect", NOT_READ, "--only", "drv"), 4),
        (BROKEN, ("--expect", NOT_READ), 1),
        (NO_GPU, ("--target-gpu", "H100,L4", "--target-driver", "580.65.06"), 0),
        (NO_GPU, ("--target-gpu", "P100"), 1),
        (NO_GPU, ("--target-driver", "470.57.02"), 1),
        (BROKEN, ("--against", "EARLIER"), 1),
        (HEALTHY, ("--against", "EARLIER"), 0),
    ],
)
def test_the_exit_status_is_the_same_in_every_format(
    saved, tmp_path, capsys, form, snapshot, options, status
):
    (tmp_path / "fleet.toml").write_text(next((o for o in options if "[" in o), ""))
    (tmp_path / "earlier.json").write_text(codec.to_json(QUICK))
    files = {"EARLIER": "earlier.json", **dict.fromkeys(CONTRACTS, "fleet.toml")}
    options = [str(tmp_path / files[o]) if o in files else o for o in options]
    assert doctor("--from", saved(snapshot), "--format", form, *options) == status
    shown = capsys.readouterr()
    assert PARSERS[form](shown.out)
    assert shown.err == ""


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--level", "quik"), "did you mean quick?"),
        (("--format", "jsn"), "did you mean json"),
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
        (("--from", "-", "--against", "-"), "both read stdin"),
        (("--against", "/no/such/file"), "no such file"),
        (("--expect", "/no/such/file"), "no such file"),
        (("--target-gpu", "H1000"), "did you mean H100"),
        (("--target-gpu", ","), "names no GPU"),
        (("--target-driver", "new"), "such as 580.65.06"),
        (("--target-gpu", "H100", "--require-gpu"), "give one of them"),
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


def test_what_changed_is_a_part_of_the_json(saved, tmp_path, capsys):
    earlier = tmp_path / "earlier.json"
    earlier.write_text(codec.to_json(QUICK))
    assert doctor("--from", saved(BROKEN), "--against", str(earlier), "--format", "json") == 1
    report = json.loads(capsys.readouterr().out)
    assert report["target"] is None
    assert report["drift"]["changes"] == [
        {
            "what": "nvidia-cudnn-cu12",
            "before": "9.10.2.21",
            "after": "9.1.0.70",
            "rank": 1,
            "why": "torch refuses an older cuDNN, and two of them in one process end it",
            "named_by": ["torch.cudnn"],
        }
    ]


def test_a_machine_is_the_same_from_one_minute_to_the_next(tmp_path, capsys):
    kept = tmp_path / "kept.json"
    quick = ("--level", "quick", "--python", bare_python())
    doctor(*quick, "--save-snapshot", str(kept))
    capsys.readouterr()
    doctor(*quick, "--against", str(kept))
    assert "nothing changed" in capsys.readouterr().out


def test_the_answer_for_a_target_names_it(saved, capsys):
    options = ("--target-gpu", "H100", "--target-driver", "580.65.06", "--format", "json")
    assert doctor("--from", saved(NO_GPU), *options) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["verdict"] == "healthy"
    assert report["target"] == {
        "gpus": [{"name": "H100", "capability": "9.0"}],
        "driver": "580.65.06",
    }
    assert report["snapshot"]["gpus"] == []


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


@pytest.mark.parametrize("name", [check.id for check in (*CHECKS, *described())])
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


def test_deep_is_a_level_and_judges_what_is_there_without_torch(capsys):
    doctor("--level", "deep", "--python", bare_python(), "--format", "json", "--only", "fn")
    report = json.loads(capsys.readouterr().out)
    assert report["snapshot"]["level"] == "deep"
    assert {line["status"] for line in report["checks"]} == {"skip"}


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


def listening():
    """A program in the background of a script is born deaf to Ctrl-C, one under nohup to SIGHUP."""
    for name in (signal.SIGINT, signal.SIGHUP):
        signal.signal(name, signal.SIG_DFL)


@pytest.mark.parametrize("name", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_an_interrupt_ends_the_children_and_the_command(tmp_path, name):
    site = Site(tmp_path / "site")
    mark = tmp_path / "started"
    site.torch("2.8.0", init=f"open({str(mark)!r}, 'w').close(); import time; time.sleep(600)")
    command = [sys.executable, "-m", "gpubench", "doctor", "--python", bare_python()]
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    variables = {**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{site.folder}"}
    variables["TMPDIR"] = str(scratch)
    done = subprocess.Popen(
        command, cwd=ROOT, env=variables, stderr=subprocess.PIPE, text=True, preexec_fn=listening
    )
    for _ in range(200):
        if mark.exists():
            break
        time.sleep(0.1)
    done.send_signal(name)
    assert done.communicate(timeout=20)[1] == "gpubench: interrupted\n"
    assert done.returncode == ExitStatus.INTERRUPTED
    assert list(scratch.iterdir()) == []


def test_a_pasted_report_is_no_earlier_snapshot(tmp_path):
    paste = tmp_path / "paste.txt"
    paste.write_text("PyTorch version: 2.6.0\n")
    done = gpubench("doctor", "--level", "quick", "--against", str(paste))
    assert done.returncode == ExitStatus.NOT_ASKED
    assert len(done.stderr.splitlines()) == 1


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
