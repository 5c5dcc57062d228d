"""``gpubench plan`` as it is typed."""

import json

import pytest

from gpubench import codec
from gpubench.cli.app import main
from gpubench.errors import ExitStatus
from tests.checks.healthy import HEALTHY, NO_GPU
from tests.plan.helpers import DATA

H100 = ("--driver", "550.54.14", "--gpu", "H100")
SLIP = str(DATA / "a12" / "v28.Dockerfile")
SOUND = str(DATA / "sound" / "Dockerfile")


def plan(*arguments):
    return main(["plan", *arguments])


@pytest.fixture
def saved(tmp_path):
    def save(snapshot):
        path = tmp_path / "snapshot.json"
        path.write_text(codec.to_json(snapshot))
        return str(path)

    return save


@pytest.mark.parametrize("form", ["text", "json", "markdown"])
@pytest.mark.parametrize(
    ("arguments", "status"),
    [
        (H100, 0),
        ((*H100, "--torch", "2.6", "--cuda", "12.4"), 0),
        ((*H100, "--torch", "2.6", "--cuda", "12.1"), 1),
        ((*H100, "--torch", "2.6", "--cuda", "cu121"), 1),
        ((*H100, "--torch", "99", "--cuda", "12.1"), 4),
        (("--driver", "390.1", "--gpu", "H100"), 1),
        (("--file", SLIP), 1),
        (("--file", SOUND), 0),
        (("--file", SOUND, "--gpu", "RTX 5090"), 1),
    ],
)
def test_the_exit_status_is_the_same_in_every_format(capsys, form, arguments, status):
    assert plan(*arguments, "--format", form) == status
    shown = capsys.readouterr()
    assert shown.err == ""
    assert "\x1b" not in shown.out
    if form == "json":
        report = json.loads(shown.out)
        assert report["schema"] == "gpubench.plan/1"
        assert report["answer"] == {0: "yes", 1: "no", 4: "unknown"}[status]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--gpu", "Banana 3000"), "--gpu 9.0"),
        (("--gpu", " , "), "--gpu is empty"),
        (("--driver", "new"), "--driver 'new' is no version"),
        (("--torch", "two"), "--torch 'two' is no version"),
        (("--cuda", "x12"), "--cuda 'x12' is no version"),
        (("--python-version", "py3"), "--python-version 'py3' is no version"),
        (("--format", "jsn"), "did you mean json?"),
        (("--file", "/no/such/file"), "no such file"),
        (("--file", "/tmp"), "not a file"),
        (("--file", "/dev/null"), "not a file"),
        (("--file", SOUND, "--torch", "2.6"), "leave out --torch and --cuda"),
        (("--file", "-", "--from", "-"), "not both"),
        (("--from", "/no/such/file"), "no such file"),
    ],
)
def test_a_question_that_cannot_be_asked_is_refused_in_one_line(capsys, arguments, words):
    assert plan(*arguments) == ExitStatus.NOT_ASKED
    shown = capsys.readouterr()
    assert shown.out == ""
    assert len(shown.err.strip().splitlines()) == 1
    assert words in shown.err


def test_a_saved_machine_is_planned_for_and_flags_go_before_it(saved, capsys):
    source = saved(HEALTHY)
    assert plan("--from", source, "--format", "json") == 0
    assert json.loads(capsys.readouterr().out)["machine"]["origin"] == "live"
    assert plan("--from", source, "--gpu", "RTX 5090", "--torch", "2.6", "--cuda", "12.4") == 1
    assert "no code for compute capability 12.0" in capsys.readouterr().out


def test_a_machine_without_a_gpu_is_told_the_line_for_the_cpu(saved, capsys):
    assert plan("--from", saved(NO_GPU)) == 0
    shown = capsys.readouterr().out
    assert "pip install torch --index-url https://download.pytorch.org/whl/cpu" in shown


def test_this_machine_is_planned_for_without_options(capsys):
    assert plan("--format", "json") in (0, 1)
    assert json.loads(capsys.readouterr().out)["machine"]["python"]


def test_the_answer_goes_to_a_file(tmp_path, capsys):
    output = tmp_path / "deep" / "plan.json"
    assert plan(*H100, "--format", "json", "--output", str(output)) == 0
    assert capsys.readouterr().out == ""
    assert json.loads(output.read_text())["best"]["install"].startswith("pip install torch==")


def test_no_secret_of_a_file_is_shown(tmp_path, capsys):
    path = tmp_path / "Dockerfile"
    path.write_text(
        "FROM a\nENV HF_TOKEN=hf_abcdefghijklmnopqrst\nARG DB_PASSWORD=hunter22\n"
        "RUN pip install torch==2.6.0 --extra-index-url https://me:hunter22@x/whl/cu121\n"
    )
    for form in ("text", "json", "markdown"):
        plan("--file", str(path), "--format", form)
        shown = capsys.readouterr().out
        assert "hunter22" not in shown
        assert "hf_abc" not in shown
        assert "cu124" in shown
