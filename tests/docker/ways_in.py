"""What is tried in a built ``dev``: who gets in through JupyterLab and ssh, and who does not."""

import contextlib
import os
import signal
import subprocess
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

from tests.docker.trials import (
    Container,
    Trial,
    doctor_is_content,
    is_no_root,
    keeps_no_secret,
    until,
)

TOKEN = "8f2d1c94b07e6a35d18c4e92"


def says_how(container: Container) -> str:
    """`dev` started with nothing configured says how, and exits with 2."""
    done = container.ask("start")
    return "" if done.returncode == 2 and "openssl rand" in done.stderr else done.stderr[-500:]


def refuses_a_weak_token(container: Container) -> str:
    """A token of few characters, or of a well-known word, is refused."""
    for weak in ("letmein", "passwordpassword123", "aaaaaaaaaaaaaaaaaaaaaaaa"):
        done = container.ask("start", more=("--env", f"JUPYTER_TOKEN={weak}"))
        if done.returncode != 2:
            return f"{weak} was taken"
    return ""


@contextlib.contextmanager
def started(container: Container, **variables: str) -> Iterator[None]:
    more = [part for name, value in variables.items() for part in ("--env", f"{name}={value}")]
    child = subprocess.Popen(
        container.command("start", more=more),
        stdout=subprocess.DEVNULL,
        stderr=(container.workspace / "dev.log").open("w"),
        start_new_session=True,
    )
    try:
        yield
    finally:
        os.killpg(child.pid, signal.SIGTERM)
        try:
            child.wait(30)
        except subprocess.TimeoutExpired:
            os.killpg(child.pid, signal.SIGKILL)


def status_of(url: str) -> int:
    """The HTTP status, 0 where nobody answers."""
    try:
        with urllib.request.urlopen(url, timeout=10) as answer:
            return answer.status
    except urllib.error.HTTPError as problem:
        return problem.code
    except OSError:
        return 0


def jupyter_wants_its_token(container: Container) -> str:
    """JupyterLab answers with the token, and refuses without it and with another."""
    api = "http://127.0.0.1:8888/api/status"
    with started(container, JUPYTER_TOKEN=TOKEN):
        until(lambda: status_of("http://127.0.0.1:8888/api") == 200, seconds=120)
        told = [status_of(url) for url in (f"{api}?token={TOKEN}", api, f"{api}?token=wrong")]
    log = (container.workspace / "dev.log").read_text(encoding="utf-8")
    return "" if told == [200, 403, 403] else f"statuses {told}: {log[-800:]}"


def ssh_wants_a_key(container: Container) -> str:
    """ssh lets the key in, with the image's programs, tmux and forwarding; others, passwords and
    root it refuses."""
    key, other = (
        container.workspace.parent / f"{container.identity}-{n}" for n in ("key", "other")
    )
    try:
        for path in (key, other):
            subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", path], check=True)
        public = Path(f"{key}.pub").read_text(encoding="utf-8").strip()
        with started(container, AUTHORIZED_KEYS=public, SSH_PORT="2222"):
            until(lambda: ssh(key, "gpubench", "true").returncode == 0, seconds=30)
            return (
                _who_gets_in(key, other)
                or _long_work_and_forwarding(key)
                or _host_key_is_kept(container)
            )
    finally:
        for path in (key, other):
            path.unlink(missing_ok=True)
            Path(f"{path}.pub").unlink(missing_ok=True)


SSH = (
    "ssh", "-p", "2222", "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null",
    "-o", "BatchMode=yes", "-o", "IdentitiesOnly=yes",
)  # fmt: skip


def ssh(key: Path, user: str, *words: str, password: bool = False):
    refused = ["-o", "PubkeyAuthentication=no"] if password else []
    command = [*SSH, "-i", str(key), *refused, f"{user}@127.0.0.1", *words]
    return subprocess.run(command, capture_output=True, text=True, timeout=60)


def _who_gets_in(key: Path, other: Path) -> str:
    inside = ssh(key, "gpubench", "id -u; command -v gpubench; umask; command -v tmux")
    if (
        inside.stdout.split()[:2] != ["1000", "/opt/venv/bin/gpubench"]
        or "tmux" not in inside.stdout
    ):
        return f"the key: {inside.stdout!r} {inside.stderr[-500:]}"
    if ssh(other, "gpubench", "true").returncode == 0:
        return "another key got in"
    if ssh(key, "root", "true").returncode == 0:
        return "root got in"
    refused = ssh(key, "gpubench", "true", password=True)
    offered = refused.stderr.rpartition("(")[2]
    return "" if refused.returncode and "password" not in offered else f"offered: {offered}"


def _long_work_and_forwarding(key: Path) -> str:
    """Work goes on in tmux when nobody is there; a port is reached through ssh, as VS Code does."""
    ssh(key, "gpubench", "tmux new-session -d -s work 'sleep 60'")
    kept = ssh(key, "gpubench", "tmux has-session -t work && tmux kill-server")
    if kept.returncode:
        return f"tmux: {kept.stderr[-300:]}"
    home = ssh(
        key, "gpubench", "mkdir -p ~/.vscode-server && command -v curl tar && locale charmap"
    )
    if home.returncode or "UTF-8" not in home.stdout:
        return f"VS Code's server would not find its place: {home.stdout} {home.stderr[-300:]}"
    # the far side of the forwarding is sshd itself, which says its name to whoever comes
    forwarded = subprocess.run(
        [*SSH, "-i", str(key), "-W", "127.0.0.1:2222", "gpubench@127.0.0.1"],
        input="", capture_output=True, text=True, timeout=30,
    )  # fmt: skip
    return "" if forwarded.stdout.startswith("SSH-2.0-") else f"-W: {forwarded.stderr[-300:]}"


def _host_key_is_kept(container: Container) -> str:
    path = container.workspace / ".ssh-host" / "ssh_host_ed25519_key"
    return "" if path.stat().st_mode & 0o777 == 0o600 else f"{path} is open to others"


DEV: tuple[Trial, ...] = (
    is_no_root,
    doctor_is_content,
    says_how,
    refuses_a_weak_token,
    jupyter_wants_its_token,
    ssh_wants_a_key,
    keeps_no_secret,
)
