"""An interpreter whose own start goes wrong is a finding with its last words."""

import os
import subprocess
import sys
import time

import pytest

from gpubench.env.places import Interpreter
from gpubench.env.probe import interpreter
from gpubench.env.python_env import BOOT, inspect_python
from gpubench.env.sources import Sources
from gpubench.errors import BadUsage
from tests.env.hooks import Environment


@pytest.fixture
def environment(tmp_path):
    return Environment(tmp_path / "venv")


def inspect(environment, timeout=20.0, **variables):
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    sources = Sources(variables={**kept, **variables})
    return inspect_python(Interpreter(environment.python), sources, timeout=timeout)


@pytest.mark.parametrize(
    ("hook", "words"),
    [
        ("import os; os.abort()", "SIGABRT"),
        ("import ctypes; ctypes.string_at(0)", "SIGSEGV"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", "SIGKILL"),
        ("raise SystemExit(7)", "exit status"),
        ("import sys; sys.exit('no licence')", "no licence"),
        ("import os; os._exit(0)", "answered nothing"),
        ("import os; os.close(0)", "exit status"),
    ],
)
def test_a_hook_that_ends_the_interpreter_is_named_with_its_last_words(environment, hook, words):
    answer = inspect(environment.hook(hook))
    assert answer.python is None
    assert words in answer.unread["python"]
    assert "Traceback (most" not in answer.unread["python"]


def test_a_crash_tells_the_line_it_came_from(environment):
    environment.hook("def deep():\n    import os; os.abort()\n\ndeep()\n")
    assert 'sitecustomize.py", line 2 in deep' in inspect(environment).unread["python"]


@pytest.mark.parametrize("name", ["sitecustomize.py", "aaa_hook.pth"])
def test_a_hook_that_hangs_ends_at_the_time_limit_and_tells_where(environment, name):
    environment.hook("import time; time.sleep(60)\n", name)
    started = time.monotonic()
    words = inspect(environment, timeout=1.0).unread["python"]
    assert time.monotonic() - started < 10
    assert "did not come back within 1 s" in words
    if name.endswith(".py"):
        assert 'sitecustomize.py", line 1' in words


@pytest.mark.parametrize(
    ("hook", "name", "words"),
    [
        ("raise RuntimeError('no such licence')", "sitecustomize.py", "no such licence"),
        ("import sys; raise RuntimeError('bad line')\n", "aaa_hook.pth", "bad line"),
        ("import no_such_module_anywhere\n", "aaa_hook.pth", "no_such_module_anywhere"),
        ("print('hello from a hook')", "sitecustomize.py", "printed: hello from a hook"),
        ("import sys; print('{\"unread\": 1}', 'x')", "sitecustomize.py", "printed: "),
    ],
)
def test_a_hook_that_fails_or_prints_is_kept_and_the_report_read(environment, hook, name, words):
    answer = inspect(environment.hook(hook, name))
    assert answer.unread == {}
    assert any(words in line for line in answer.python.startup)


def test_a_hook_that_prints_after_the_report_leaves_it_readable(environment):
    environment.hook("import atexit; atexit.register(print, 'bye')")
    assert inspect(environment).python.version == ".".join(map(str, sys.version_info[:3]))


def test_a_hook_that_prints_far_too_much_leaves_the_report_readable(environment):
    environment.hook("import os\nfor _ in range(400):\n    os.write(1, b'x' * 2**17)\n")
    answer = inspect(environment)
    assert answer.python.kind == "venv"
    assert len(answer.python.startup[-1]) < 300


def test_a_hook_that_forks_is_described_or_explained(environment):
    """Two processes then share the script that is being sent."""
    answer = inspect(environment.hook("import os; os.fork()"))
    assert (answer.python is None) == ("python" in answer.unread)


def test_a_child_left_behind_does_not_hold_the_doctor_up(environment):
    environment.hook("import subprocess, sys; subprocess.Popen(['sleep', '30'])")
    started = time.monotonic()
    assert inspect(environment).python.kind == "venv"
    assert time.monotonic() - started < 15


def test_modules_on_pythonpath_with_names_of_ours_are_not_run(environment, tmp_path):
    for name in ("json", "csv", "mmap", "platform", "struct", "sysconfig", "shutil", "glob"):
        (tmp_path / f"{name}.py").write_text("import os; os.abort()")
    answer = inspect(environment, PYTHONPATH=str(tmp_path))
    assert answer.unread == {}
    assert answer.python.kind == "venv"


@pytest.mark.parametrize("value", ["", ":", ":.:", "/no/such/folder", "relative:/"])
def test_an_odd_pythonpath_does_no_harm(environment, tmp_path, monkeypatch, value):
    (tmp_path / "torch.py").write_text("import os; os.abort()")
    (tmp_path / "json.py").write_text("import os; os.abort()")
    monkeypatch.chdir(tmp_path)
    answer = inspect(environment, PYTHONPATH=value)
    assert answer.unread == {}
    assert answer.torch is None


@pytest.mark.parametrize(
    "variables",
    [
        {"PYTHONINSPECT": "1"},
        {"PYTHONWARNINGS": "error"},
        {"PYTHONVERBOSE": "1"},
        {"PYTHONIOENCODING": "utf-16"},
        {"PYTHONSTARTUP": "/no/such/file"},
        {"LANG": "C", "LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
    ],
)
def test_variables_of_python_do_not_spoil_the_report(environment, variables):
    answer = inspect(environment, **variables)
    assert answer.unread == {}
    assert answer.python.startup == ()


def test_a_pythonhome_that_leads_nowhere_is_told_in_pythons_own_words(environment):
    words = inspect(environment, PYTHONHOME="/no/such/place").unread["python"]
    assert "filesystem encoding" in words


def test_nothing_is_written_where_the_interpreter_lives_or_at_home(environment, tmp_path):
    environment.hook("import json")
    home = tmp_path / "home"
    home.mkdir()
    before = environment.files()
    assert inspect(environment, HOME=str(home)).unread == {}
    assert environment.files() == before
    assert list(home.iterdir()) == []


@pytest.mark.parametrize("shell", ["bash", "sh"])
def test_a_shell_named_as_interpreter_runs_nothing_of_what_it_is_sent(tmp_path, shell):
    trap = tmp_path / "import"
    trap.write_text(f"#!/bin/sh\ntouch {tmp_path}/ran\n")
    trap.chmod(0o755)
    path = f"{tmp_path}:{os.environ['PATH']}"
    done = subprocess.run(
        [shell, "-c", BOOT], env={"PATH": path}, capture_output=True, text=True, check=False
    )
    assert done.returncode != 0
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("release", ["2.7.18", "3.7.16"])
def test_a_python_that_is_too_old_says_its_release(tmp_path, release):
    old = tmp_path / "python"
    old.write_text(f'#!/bin/sh\nprintf \'\\n{{"too_old": "{release}"}}\\n\'\n')
    old.chmod(0o755)
    answer = inspect_python(Interpreter(str(old)), Sources(), timeout=5.0)
    assert answer.unread["python"].startswith(f"it is Python {release}; ")


def test_an_environment_of_conda_is_known_by_its_folder(environment):
    (environment.folder / "conda-meta").mkdir()
    assert inspect(environment).python.kind == "conda"


def test_a_folder_named_as_interpreter_is_answered_with_the_one_inside(environment):
    with pytest.raises(BadUsage, match=r"give .*/venv/bin/python"):
        interpreter(str(environment.folder))
