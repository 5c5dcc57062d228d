"""The entry point: any user id gets a home, caches and a shared umask, or hears why not."""

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest

from tests.docker.stacks import ROOT

ENTER = ROOT / "docker" / "enter.sh"
CACHES = ("XDG_CACHE_HOME", "HF_HOME", "TORCH_HOME", "TORCHINDUCTOR_CACHE_DIR", "TRITON_CACHE_DIR")


def enter(*words, **variables):
    settings = {"PATH": os.environ["PATH"], **{k: str(v) for k, v in variables.items()}}
    return subprocess.run([ENTER, *words], capture_output=True, text=True, env=settings)


def test_the_program_gets_its_words_and_its_status():
    done = enter("sh", "-c", 'echo "$1"; exit 9', "sh", "two words")
    assert (done.returncode, done.stdout) == (9, "two words\n")


def test_caches_lie_in_the_workspace(tmp_path):
    done = enter("env", GPUBENCH_WORKSPACE=tmp_path, HOME=tmp_path)
    seen = dict(line.split("=", 1) for line in done.stdout.splitlines())
    assert all(seen[name].startswith(f"{tmp_path}/.cache") for name in CACHES)
    assert done.stderr == ""


def test_what_the_user_set_is_kept(tmp_path):
    done = enter("env", GPUBENCH_WORKSPACE=tmp_path, HF_HOME="/models")
    assert "HF_HOME=/models\n" in done.stdout


@pytest.mark.parametrize(("given", "mode"), [({}, 0o664), ({"UMASK": "077"}, 0o600)])
def test_files_are_shared_with_the_group_unless_told_otherwise(tmp_path, given, mode):
    enter("touch", str(tmp_path / "file"), GPUBENCH_WORKSPACE=tmp_path, **given)
    assert (tmp_path / "file").stat().st_mode & 0o777 == mode


def test_a_umask_that_is_none_is_said():
    done = enter("true", UMASK="rwx!")
    assert done.returncode == 2
    assert "give one such as 0002" in done.stderr


def test_a_home_that_cannot_be_written_to_gives_way(tmp_path):
    done = enter("sh", "-c", 'echo "$HOME"; touch "$HOME/x"', GPUBENCH_WORKSPACE=tmp_path, HOME="/")
    assert done.stdout == f"{tmp_path}/.home-{os.getuid()}\n"
    assert done.returncode == 0


def test_a_workspace_that_is_not_there_is_said_and_replaced(tmp_path):
    done = enter("sh", "-c", 'touch "$HOME/x" && echo "$HF_HOME"',
                 GPUBENCH_WORKSPACE=tmp_path / "none", TMPDIR=tmp_path)  # fmt: skip
    assert "cannot write to" in done.stderr
    assert done.stdout.startswith(str(tmp_path))


@pytest.mark.skipif(os.getuid() != 0, reason="only root can be somebody else")
@pytest.mark.skipif(shutil.which("setpriv") is None, reason="setpriv is not here")
def test_a_user_id_without_a_name_gets_one(tmp_path):
    tmp_path.chmod(0o777)
    words = ["setpriv", "--reuid=54321", "--regid=54321", "--clear-groups"]
    script = tmp_path / "enter.sh"
    shutil.copy(ENTER, script)
    base = Path(tempfile.gettempdir())
    for folder in (tmp_path, *(p for p in tmp_path.parents if base in p.parents)):
        folder.chmod(folder.stat().st_mode | 0o055)
    settings = {"PATH": os.environ["PATH"], "GPUBENCH_WORKSPACE": str(tmp_path)}
    done = subprocess.run([*words, script, "sh", "-c", 'echo "$USER $LOGNAME"'],
                          capture_output=True, text=True, env=settings)  # fmt: skip
    assert done.stdout == "user54321 user54321\n"
    cache = tmp_path / ".cache"  # somebody else's, who was here first
    cache.mkdir(mode=0o755)
    done = subprocess.run([*words, script, "sh", "-c", 'echo "$HF_HOME"'],
                          capture_output=True, text=True, env=settings)  # fmt: skip
    assert done.stdout == f"{cache}-54321/huggingface\n"


@pytest.mark.skipif(os.getuid() != 0, reason="only root may make a process 1")
@pytest.mark.skipif(shutil.which("unshare") is None, reason="unshare is not here")
@pytest.mark.parametrize("alone", [True, False])
def test_process_one_hands_over_to_an_init(tmp_path, alone):
    init = tmp_path / "tini"
    init.write_text('#!/bin/sh\necho "tini $*"\n')
    init.chmod(0o755)
    settings = {"PATH": f"{tmp_path}:{os.environ['PATH']}", "GPUBENCH_WORKSPACE": str(tmp_path)}
    before = ["unshare", "--pid", "--fork"] if alone else []
    done = subprocess.run([*before, ENTER, "echo", "two words"],
                          capture_output=True, text=True, env=settings)  # fmt: skip
    assert done.stdout == ("tini -- echo two words\n" if alone else "two words\n")
