"""The fabric manager and the module on disk, as the machine's own files and programs tell."""

import pytest

from gpubench.env import fabric_manager
from gpubench.env.driver_files import module_on_disk
from gpubench.env.fabric_manager import installed_version, is_running
from gpubench.env.sources import Sources
from tests.env.machine import tree


@pytest.mark.parametrize(
    ("processes", "expected"),
    [
        ({"1": "systemd", "77": "nv-fabricmanage"}, True),  # the kernel keeps 15 characters
        ({"1": "systemd", "77": "sshd"}, False),
        ({"1": "bash", "77": "python3"}, None),  # a container's own processes
        ({}, None),
    ],
)
def test_the_manager_is_looked_for_where_processes_of_the_host_are_shown(
    tmp_path, processes, expected
):
    files = {f"/proc/{number}/comm": f"{name}\n" for number, name in processes.items()}
    assert is_running(tree(tmp_path, files)) is expected


@pytest.fixture
def program(tmp_path, monkeypatch):
    """Puts a program of our own on the path, and nothing else."""

    def put(name, script):
        place = tmp_path / name
        place.write_text(f"#!/bin/sh\n{script}\n")
        place.chmod(0o755)
        monkeypatch.setattr(fabric_manager, "search_path", lambda _sources: str(tmp_path))
        return Sources(variables={"PATH": "/usr/bin:/bin"})

    return put


def test_the_manager_says_its_own_release(program):
    sources = program("nv-fabricmanager", "echo 'Fabric Manager version is : 580.82.07'")
    assert installed_version(sources) == "580.82.07"


@pytest.mark.parametrize("script", ["exit 1", "echo no", "kill -9 $$"])
def test_a_manager_that_says_nothing_has_no_release(program, script):
    assert installed_version(program("nv-fabricmanager", script)) is None


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        ("echo 580.82.07", "580.82.07"),
        ("echo 'modinfo: ERROR: Module nvidia not found.' >&2; exit 1", None),
        ("echo /lib/modules", None),
    ],
)
def test_the_module_on_disk_is_asked_of_modinfo(program, script, expected):
    assert module_on_disk(program("modinfo", script)) == expected
