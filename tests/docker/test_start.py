"""The dev image lets nobody in without a strong token, or a key; and says how."""

import importlib.util
import os
import pwd
import subprocess
import sys

import pytest

from tests.docker.stacks import ROOT

FILE = ROOT / "docker" / "dev" / "start.py"
SPEC = importlib.util.spec_from_file_location("start", FILE)
start = importlib.util.module_from_spec(SPEC)
sys.modules["start"] = start
SPEC.loader.exec_module(start)
GOOD = "8f2d1c94b07e6a35d18c4e92"
KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ3m1nT0Vb7H0dVQm0fGm4o0sZ0yQm1mYB0gZp3uN0aa me@here"


@pytest.fixture
def place(tmp_path):
    for name in ("secrets", "home", "workspace"):
        (tmp_path / name).mkdir()
    return start.Place(
        secrets=tmp_path / "secrets",
        config=FILE.parent,
        home=tmp_path / "home",
        workspace=tmp_path / "workspace",
    )


@pytest.fixture
def with_ssh(tmp_path, monkeypatch):
    """A machine with sshd and ssh-keygen, whatever this one has."""
    folder = tmp_path / "bin"
    folder.mkdir()
    keygen = folder / "ssh-keygen"
    keygen.write_text('#!/bin/sh\nfor last; do :; done\numask 022\necho made > "$last"\n')
    keygen.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
    monkeypatch.setattr(start.shutil, "which", lambda name, path: f"/usr/sbin/{name}")


def test_with_nothing_configured_nothing_is_started(place):
    assert start.commands_for({}, place) == []


@pytest.mark.skipif(os.getuid() == 0, reason="root is refused before")
def test_it_says_how_and_exits_with_2():
    done = subprocess.run([sys.executable, FILE], capture_output=True, text=True, env={})
    assert done.returncode == 2
    assert "openssl rand -hex 24" in done.stderr
    assert "AUTHORIZED_KEYS" in done.stderr


def test_it_says_how(monkeypatch, capsys):
    monkeypatch.setattr(start.os, "getuid", lambda: 1000)
    monkeypatch.setattr(start, "commands_for", lambda variables, place: [])
    assert start.main([]) == 2
    assert "openssl rand -hex 24" in capsys.readouterr().err


def test_root_is_refused(monkeypatch, capsys):
    monkeypatch.setattr(start.os, "getuid", lambda: 0)
    assert start.main([]) == 2
    assert "does not run as root" in capsys.readouterr().err


@pytest.mark.parametrize(
    "weak",
    [
        "short",
        "a" * 40,
        "passwordpassword123",
        "jupyter-jupyter-jupyter-jupyter",
        "1234567890123456",
        "abababababababababab",
        "changeme-changeme-changeme",
        GOOD[:15],
    ],
)
@pytest.mark.parametrize("name", ["JUPYTER_TOKEN", "JUPYTER_PASSWORD"])
def test_a_weak_token_or_password_is_refused_and_not_repeated(place, name, weak):
    with pytest.raises(start.Refused, match="openssl rand") as refused:
        start.commands_for({name: weak}, place)
    assert weak not in str(refused.value)


def test_a_weak_password_is_refused_beside_a_strong_token(place):
    with pytest.raises(start.Refused):
        start.commands_for({"JUPYTER_TOKEN": GOOD, "JUPYTER_PASSWORD": "letmein"}, place)


@pytest.mark.parametrize("good", [GOOD, "correct horse battery staple", "Vm9-xKq2_Lp7wTz4Rn8s"])
def test_a_strong_token_starts_jupyter_and_stands_in_no_command(place, good):
    (command,) = start.commands_for({"JUPYTER_TOKEN": good}, place)
    assert command[:2] == ["jupyter", "lab"]
    assert good not in " ".join(command)


def test_what_openssl_prints_is_always_strong():
    for _ in range(200):
        start.hold_strong("JUPYTER_TOKEN", os.urandom(24).hex())


def test_a_secret_file_goes_before_the_variable(place):
    (place.secrets / "jupyter_token").write_text("weak\n")
    with pytest.raises(start.Refused, match="4 characters"):
        start.commands_for({"JUPYTER_TOKEN": GOOD}, place)


def test_an_empty_secret_file_is_refused(place):
    (place.secrets / "jupyter_token").write_text("\n")
    with pytest.raises(start.Refused, match="is empty"):
        start.commands_for({}, place)


def test_keys_start_sshd_for_this_user_alone(place, with_ssh):
    (command,) = start.commands_for({"AUTHORIZED_KEYS": KEY, "SSH_PORT": "2200"}, place)
    settings = (place.home / ".ssh" / "sshd_config").read_text()
    assert command == ["/usr/sbin/sshd", "-D", "-e", "-f", str(place.home / ".ssh/sshd_config")]
    assert "Port 2200\n" in settings
    assert f"AllowUsers {pwd.getpwuid(os.getuid()).pw_name}\n" in settings
    assert (place.home / ".ssh" / "authorized_keys").read_text() == KEY + "\n"


def test_the_files_of_ssh_are_open_to_nobody_else(place, with_ssh):
    start.commands_for({"AUTHORIZED_KEYS": KEY}, place)
    private = [
        *(place.home / ".ssh").iterdir(),
        place.workspace / ".ssh-host" / "ssh_host_ed25519_key",
    ]
    assert [path.stat().st_mode & 0o077 for path in private] == [0] * len(private)
    assert (place.home / ".ssh").stat().st_mode & 0o077 == 0


def test_a_host_key_is_made_once(place, with_ssh):
    key = start.host_key(place.workspace / ".ssh-host")
    key.write_text("mine")
    assert start.host_key(place.workspace / ".ssh-host").read_text() == "mine"


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        ("not a key", "line 1"),
        (f"{KEY}\nssh-dss AAAAB3NzaC1kc3MAAACBAPMnhG52S1hGRk2Yg0G9 old", "line 2"),
        ("-----BEGIN OPENSSH PRIVATE KEY-----", "private key"),
        ("# nothing", "no key"),
    ],
)
def test_what_is_no_public_key_is_refused(place, with_ssh, keys, words):
    with pytest.raises(start.Refused, match=words):
        start.commands_for({"AUTHORIZED_KEYS": keys}, place)


def test_an_ssh_session_gets_the_variables_of_the_image_and_no_others():
    given = {
        "PATH": "/opt/venv/bin:/usr/bin",
        "HF_TOKEN": "hf_x",
        "JUPYTER_TOKEN": GOOD,
        "HF_HOME": 'a"b',
        "NCCL_DEBUG": "INFO\nPermitRootLogin yes",
    }
    assert start.passed_on(given) == '"HF_TOKEN=hf_x" "PATH=/opt/venv/bin:/usr/bin"'


def test_a_user_without_a_name_cannot_have_ssh(place, with_ssh, monkeypatch):
    monkeypatch.setattr(start.os, "getuid", lambda: 123456)
    with pytest.raises(start.Refused, match="leave out --user"):
        start.commands_for({"AUTHORIZED_KEYS": KEY}, place)


SETTINGS = (ROOT / "docker" / "dev" / "sshd_config").read_text().lower().splitlines()


@pytest.mark.parametrize(
    "line",
    [
        "PasswordAuthentication no",
        "KbdInteractiveAuthentication no",
        "PermitEmptyPasswords no",
        "PermitRootLogin no",
        "AuthenticationMethods publickey",
        "AllowTcpForwarding yes",
        "UsePAM no",
        "StrictModes yes",
    ],
)
def test_sshd_takes_keys_alone_and_forwards_ports(line):
    assert line.lower() in SETTINGS


def test_a_child_that_ends_ends_the_other_and_gives_its_status(tmp_path):
    began = [[sys.executable, "-c", "raise SystemExit(7)"], ["sleep", "60"]]
    script = f"import runpy; raise SystemExit(runpy.run_path({str(FILE)!r})['supervise']({began}))"
    done = subprocess.run([sys.executable, "-c", script], timeout=50)
    assert done.returncode == 7


def test_a_program_that_is_named_is_run_instead():
    done = subprocess.run([sys.executable, FILE, "echo", "here"], capture_output=True, text=True)
    assert done.stdout == "here\n"
