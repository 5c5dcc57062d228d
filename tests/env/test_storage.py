"""Folders that are written to."""

import time

from gpubench.env import storage
from gpubench.env.sources import Sources
from gpubench.env.storage import read_folders
from tests.env.machine import tree

MOUNTS = """22 1 8:1 / / rw,relatime - ext4 /dev/sda1 rw
30 22 0:40 / /home rw,relatime shared:5 - nfs4 filer:/home rw,vers=4.2
31 22 0:41 / /tmp rw,nosuid,noexec - tmpfs tmpfs rw
32 22 0:42 / /data\\040disk rw - xfs /dev/sdb1 rw
"""
FILES = {"/proc/self/mountinfo": MOUNTS, "/tmp/x": "", "/home/alice/x": ""}


def folders(tmp_path, **variables):
    tree(tmp_path, FILES)
    unread = {}
    sources = Sources(root=tmp_path, variables={"HOME": "/home/alice", **variables})
    return {folder.purpose: folder for folder in read_folders(sources, unread) or ()}, unread


def test_a_folder_knows_what_it_lies_on(tmp_path):
    found, unread = folders(tmp_path)
    assert unread == {}
    assert (found["home"].file_system, found["home"].path) == ("nfs4", "~")
    assert found["temporary files"].runs_programs is False
    assert found["home"].runs_programs is True
    assert found["home"].is_writable is True
    assert found["home"].free_bytes > 0


def test_caches_lie_below_the_home_unless_a_variable_says_otherwise(tmp_path):
    found, _ = folders(tmp_path)
    assert found["HF_HOME"].path == "~/.cache/huggingface"
    moved, _ = folders(tmp_path / "b", HF_HOME="/data disk/hf", XDG_CACHE_HOME="/home/alice/c")
    assert (moved["HF_HOME"].path, moved["HF_HOME"].file_system) == ("/data disk/hf", "xfs")
    assert moved["TORCH_HOME"].path == "~/c/torch"
    tilde, _ = folders(tmp_path / "c", TRITON_CACHE_DIR="~/triton")
    assert tilde["TRITON_CACHE_DIR"].path == "~/triton"


def test_one_folder_is_looked_at_once(tmp_path):
    found, _ = folders(tmp_path, TMPDIR="/home/alice")
    assert "home" not in found


def test_a_relative_folder_is_not_guessed_at(tmp_path):
    found, _ = folders(tmp_path, TMPDIR="relative")
    assert "temporary files" not in found


def test_a_disk_that_does_not_answer_is_unread_and_does_not_hold_the_doctor_up(
    tmp_path, monkeypatch
):
    def hangs(_):
        time.sleep(1.5)
        raise OSError

    monkeypatch.setattr(storage, "ANSWER_SECONDS", 0.2)
    monkeypatch.setattr(storage.os, "statvfs", hangs)
    started = time.monotonic()
    found, unread = folders(tmp_path)
    assert time.monotonic() - started < 1.4
    assert found == {}
    assert "no answer" in unread["host.folders"]
