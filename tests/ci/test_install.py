"""gpubench is put above the stack that is measured: it finds it, and moves nothing of it."""

import json
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

pytest.importorskip("yaml")

from tests.ci.runner import ROOT, plain_environment, read_outputs

# a python of which `-m venv` makes a venv whose `-m pip` only says what it was asked
STAND_IN = """#!{python} -SE
import os, pathlib, subprocess, sys
words = sys.argv[1:]
if words[:2] != ["-m", "venv"]:
    os.execv({python!r}, [{python!r}, *words])
place = pathlib.Path(words[-1])
subprocess.run([{python!r}, *words[:-1], "--without-pip", str(place)], check=True)
(place / "bin" / "python").rename(place / "bin" / "real")
(place / "bin" / "python").write_text(f'''#!/bin/sh
case "$2" in pip) printf '%s\\\\n' "$@" >{log} ;; *) exec {{place}}/bin/real "$@" ;; esac
''')
(place / "bin" / "python").chmod(0o755)
"""


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """What the step of the install leaves behind: its output, the venv, and what pip was asked."""
    folder = tmp_path_factory.mktemp("install")
    program, log, outputs = (folder / name for name in ("python", "asked", "outputs"))
    program.write_text(STAND_IN.format(python=sys.executable, log=log))
    program.chmod(0o755)
    outputs.write_text("")
    done = subprocess.run(
        ["bash", str(ROOT / "ci" / "install.sh")],
        env={
            **plain_environment(),
            "GPUBENCH_PYTHON": str(program),
            "GPUBENCH_INSTALL": "true",
            "GITHUB_OUTPUT": str(outputs),
            "RUNNER_TEMP": str(folder / "temp"),
        },
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return folder, dict(read_outputs(outputs.read_text())), log.read_text().splitlines()


def test_the_program_runs_in_a_venv_of_its_own(installed):
    folder, outputs, _ = installed
    assert outputs["python"] == str(folder / "temp" / "gpubench-venv" / "bin" / "python")


def test_what_the_interpreter_finds_is_found_also_where_it_is_a_venv(installed):
    _, outputs, _ = installed
    code = "import json, sys; print(json.dumps(sys.path))"
    done = subprocess.run(
        [outputs["python"], "-c", code], env={"PATH": ""}, capture_output=True, text=True
    )
    paths = json.loads(done.stdout)
    own = next(path for path in paths if "gpubench-venv" in path and path.endswith("-packages"))
    below = sysconfig.get_path("purelib")
    assert below in paths
    assert paths.index(own) < paths.index(below)


def test_no_torch_is_asked_for(installed):
    *_, asked = installed
    assert asked[-1] == f"{ROOT}/ci/..[gate]"
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    gate = text.split("\ngate = [")[1].split("]")[0]
    assert "pandas" in gate
    assert not {"torch", "timm", "transformers"} & {name.split(">")[0] for name in gate.split('"')}


def test_the_installed_python_is_untouched(installed):
    assert not (Path(sysconfig.get_path("purelib")) / "stack.pth").exists()
