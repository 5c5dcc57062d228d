"""Errors become one line and a status; nothing escapes as a traceback."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
import typer

from gpubench.cli import app
from gpubench.errors import EXTRA_OF, BadData, Interrupted
from gpubench.render import compare, findings, plan, plots, registry

HEAVY = ("torch", "pandas", "pydantic", "numpy", "scipy", "rich", "transformers", "pynvml")


def gpubench(*arguments):
    return subprocess.run(
        [sys.executable, "-m", "gpubench", *arguments], capture_output=True, text=True, check=False
    )


def test_help_imports_nothing_heavy():
    program = (
        "import sys\n"
        "from gpubench.cli.app import main\n"
        "status = main(['--help'])\n"
        f"print(sorted(set({HEAVY!r}) & set(sys.modules)), status)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines()[-1] == "[] 0"


COMMANDS = (
    "doctor", "plan", "run", "train", "report", "compare", "ab", "calibrate", "history", "list",
    "baseline",
)  # fmt: skip


def test_the_commands_below_are_all_there_are():
    assert {entry.name or entry.callback.__name__ for entry in app.app.registered_commands} | {
        entry.typer_instance.info.name for entry in app.app.registered_groups
    } == set(COMMANDS)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help(command):
    done = gpubench(command, "--help")
    assert done.returncode == 0
    assert command in done.stdout


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["dctor"], "No such command 'dctor'"),
        (["run"], "Missing option"),
        (["run", "--suite", "deti"], "no suite named 'deti'; did you mean deit?"),
        (["run", "--suite", "deit", "--modes", "fp23"], "no mode named 'fp23'; did you mean fp32"),
        (["run", "--suite", "deit", "--preset", "smok"], "no preset named 'smok'"),
        (["run", "--suite", "deit", "--format", "htm"], "no format named 'htm'"),
        (["run", "--suite", "deit", "--batch-size", "0"], "batch-size"),
        (["run", "--suite", "deit", "--device", "tpu"], "choose auto, cuda or cpu"),
        (["run", "--suite", "deit", "--tier", "disk"], "choose resident, loader or end-to-end"),
        (["run", "--suite", "deit", "--tier", "end-to-end"], "name them with --data"),
        (["run", "--suite", "deit", "--data", "hf:"], "names no data set"),
        (["run", "--suite", "deit", "--data", "hf:a@"], "names no data set"),
        (["run", "--suite", "bert-ner", "--model", "no/such"], "model no/such is not in the hub's"),
        (["run", "--suite", "deit,bert-ner", "--data", "."], "--data is for one suite"),
        (["run", "--suite", "deit", "--resume"], "--resume needs --output"),
        (["report", "nowhere"], "nowhere: no such file"),
        (["list", "cheks"], "did you mean checks"),
    ],
)
def test_what_cannot_be_asked_is_one_line_and_status_2(arguments, said, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", sys.path[0])
    done = gpubench(*arguments)
    assert done.returncode == 2
    assert said in done.stderr
    assert done.stderr.count("\n") == 1
    assert done.stdout == ""
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("problem", "status"),
    [
        (BadData("rows.txt, line 3: one column"), 2),
        (Interrupted("stopped"), 130),
        (KeyboardInterrupt(), 130),
        (ZeroDivisionError("division by zero"), 3),
    ],
)
def test_errors_become_statuses(monkeypatch, capsys, problem, status):
    def failing(**options):
        raise problem

    monkeypatch.setattr(app, "app", failing)
    assert app.main([]) == status
    assert capsys.readouterr().err.count("\n") == 1


def test_a_bug_asks_to_be_reported(monkeypatch, capsys):
    def failing(**options):
        raise ZeroDivisionError("division by zero")

    monkeypatch.setattr(app, "app", failing)
    app.main([])
    said = capsys.readouterr().err
    assert "a bug in gpubench: ZeroDivisionError" in said
    assert "GPUBENCH_DEBUG=1" in said


def test_the_version_is_printed():
    done = gpubench("--version")
    assert (done.returncode, done.stdout.split()[0]) == (0, "gpubench")


def test_a_reader_that_goes_away_is_no_bug():
    done = subprocess.run(
        f"{sys.executable} -m gpubench list modes | head -c 1",
        shell=True, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.stderr == ""


TABLES = [entry.name for entry in registry.FORMATS]
COMPARED = [entry.name for entry in compare.FORMATS]


@pytest.mark.parametrize(
    ("command", "option", "names"),
    [
        ("doctor", "format", findings.FORMATS),
        ("plan", "format", plan.FORMATS),
        ("run", "format", TABLES),
        ("train", "format", TABLES),
        ("calibrate", "format", TABLES),
        ("history", "format", TABLES),
        ("compare", "format", COMPARED),
        ("ab", "format", COMPARED),
        ("report", "format", [*TABLES, registry.PAGE.name, *(e.name for e in registry.EXPORTS)]),
        ("report", "plot", plots.NAMES),
    ],
)
def test_the_help_of_an_option_names_all_there_is_and_no_more(command, option, names):
    program = typer.main.get_command(app.app).commands[command]
    (said,) = [each.help for each in program.params if f"--{option}" in each.opts]
    words = re.sub(r"\(.*?\)|^Draw .*: ", "", said).rstrip(".")
    assert sorted(map(str.strip, re.split(r", | or ", words))) == sorted(names)


WITHOUT_EXTRAS = """
import sys

class Missing:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {extras!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)

sys.meta_path.insert(0, Missing())
sys.path.insert(0, {root!r})
from gpubench.cli.app import main
sys.exit(main({arguments!r}))
"""
ROOT = Path(__file__).parents[2]
RECORD = str(ROOT / "reports" / "cpu-smoke")


@pytest.mark.parametrize(
    "arguments",
    [
        ["report", RECORD],
        ["report", RECORD, "--claims"],
        ["report", RECORD, "--format", "html"],
        ["report", RECORD, "--format", "junit"],
        ["report", RECORD, "--plot", "throughput"],
        ["compare", RECORD, RECORD],
        ["history", RECORD, "--suite", "deit", "--mode", "fp32"],
        ["run", "--suite", "deit"],
        ["ab", "--suite", "deit", "--b-python", sys.executable],
        ["calibrate", "--suite", "deit"],
    ],
)
def test_a_doctor_alone_names_the_extra_before_it_measures_anything(arguments, tmp_path):
    program = WITHOUT_EXTRAS.format(extras=tuple(EXTRA_OF), arguments=arguments, root=str(ROOT))
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False, cwd=tmp_path
    )
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "not installed: pip install 'gpubench[gate]'" in done.stderr
    assert not list(tmp_path.iterdir())
