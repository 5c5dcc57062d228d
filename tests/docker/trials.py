"""What is tried in a built image; each answers what was wrong, or nothing."""

import contextlib
import dataclasses
import json
import os
import signal
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from tests.docker.leftovers import leftovers

STRANGER = "12345:12345"
"""A user id that no image knows."""
TOKEN = "8f2d1c94b07e6a35d18c4e92"
SMOKE = ("run", "--suite", "deit", "--preset", "smoke", "--modes", "fp32,fp32+compile")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Container:
    """A container of the image under trial, with a folder of this machine as its workspace."""

    identity: str
    image: str
    workspace: Path
    notes: list[str] = dataclasses.field(default_factory=list)

    def command(self, *words: str, user: str = "1000:0", more: Sequence[str] = ()) -> list[str]:
        return [
            "buildah", "run", "--user", user, "--volume", f"{self.workspace}:/workspace", *more,
            self.identity, "--", "enter", *words,
        ]  # fmt: skip

    def ask(self, *words: str, user: str = "1000:0", more: Sequence[str] = (), seconds: int = 900):
        command = self.command(*words, user=user, more=more)
        return subprocess.run(command, capture_output=True, text=True, timeout=seconds)


Trial = Callable[[Container], str]


def is_no_root(container: Container) -> str:
    """The image's own user is not root."""
    done = subprocess.run(
        ["buildah", "run", container.identity, "--", "id", "-u"], capture_output=True, text=True
    )
    return "" if done.stdout.strip() == "1000" else f"id -u said {done.stdout!r} {done.stderr!r}"


def doctor_is_content(container: Container) -> str:
    """`gpubench doctor` finds nothing wrong, and its stack as stated."""
    done = container.ask("gpubench", "doctor", "--level", "standard", "--format", "json")
    report = json.loads(done.stdout)
    stack = next(c for c in report["checks"] if c["id"] == "comp.stack")
    container.notes.append(f"verdict {report['verdict']}; {stack['reason']}")
    fine = report["verdict"] in ("healthy", "no-gpu") and done.returncode == 0
    troubles = [finding["summary"] for finding in report["findings"]]
    return "" if fine and stack["status"] == "pass" else f"{report['verdict']}: {troubles}"


def doctor_sees_a_moved_package(container: Container) -> str:
    """`gpubench doctor` names a package that is not of the release its stack states."""
    stated = "/workspace/stated.txt"
    moved = container.workspace / "stated.txt"
    moved.write_text("torch==2.7.0\ntorchvision==0.18.0\n")
    more = ("--env", f"GPUBENCH_CONSTRAINTS={stated}")
    done = container.ask("gpubench", "doctor", "--level", "quick", more=more)
    named = "torchvision is " in done.stdout and "stated is 0.18.0" in done.stdout
    return "" if done.returncode == 1 and named else f"{done.returncode}: {done.stdout[-500:]}"


def trains_as_anybody(container: Container) -> str:
    """`gpubench run` trains, compiled as well, as a user nobody knows, with a mounted volume."""
    done = container.ask("gpubench", *SMOKE, "--output", "/workspace/run", user=STRANGER)
    container.notes.extend(done.stdout.splitlines())
    if done.returncode:
        return f"exit status {done.returncode}: {done.stderr[-1500:]}"
    record = container.workspace / "run" / "record.jsonl"
    header = json.loads(record.read_text(encoding="utf-8").splitlines()[0])
    if str(record.stat().st_uid) != STRANGER.partition(":")[0]:
        return f"the record belongs to {record.stat().st_uid}"
    stack = header["snapshot"]["stack"] or {}
    told = (header["image"], stack.get("name"), stack.get("revision"))
    container.notes.append(f"the record says: image {told[0]}, stack {told[1]}, revision {told[2]}")
    return "" if all(told) else f"the record does not say what image it is of: {told}"


def ranks_agree(container: Container) -> str:
    """Two ranks of one node, and two nodes of one rank, add up what they should."""
    launch, script = "/opt/gpubench/distributed/launch.sh", "/opt/gpubench/distributed/allreduce.py"
    alone = container.ask(launch, script, more=("--env", "NPROC_PER_NODE=2"), seconds=300)
    if "rank 0 of 2: gloo all-reduce is right" not in alone.stdout:
        return f"one node: {alone.stdout[-300:]} {alone.stderr[-700:]}"
    settings = {
        "NNODES": "2",
        "NPROC_PER_NODE": "1",
        "RDZV_ENDPOINT": "localhost:29517",
        "NODE_ADDRESS": "127.0.0.1",
    }
    more = [part for name, value in settings.items() for part in ("--env", f"{name}={value}")]
    command = container.command(launch, script, more=more)
    nodes = [
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        for _ in range(2)
    ]
    said = "".join(node.communicate(timeout=300)[0] for node in nodes)
    return "" if "rank 0 of 2: gloo all-reduce is right" in said else f"two nodes: {said[-1000:]}"


def keeps_no_secret(container: Container) -> str:
    """No file of any layer, no setting and no step of the history holds a secret or a cache."""
    with tempfile.TemporaryDirectory() as folder:
        layers = pushed(container.image, Path(folder))
        found = leftovers(Path(folder))
    container.notes.append(f"{layers} layers were read")
    return "; ".join(found[:20])


def pushed(image: str, folder: Path) -> int:
    """Write an image's layers and settings where they can be read; how many layers there are."""
    command = ["buildah", "push", "--quiet", "--disable-compression", image, f"dir:{folder}"]
    subprocess.run(command, check=True, capture_output=True)
    return len(json.loads((folder / "manifest.json").read_text(encoding="utf-8"))["layers"])


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


def until(is_so: Callable[[], bool], *, seconds: float) -> bool:
    """Wait until something is so, or time is up."""
    end = time.monotonic() + seconds
    while not (found := is_so()) and time.monotonic() < end:
        time.sleep(1)
    return found


def ssh_wants_a_key(container: Container) -> str:
    """ssh lets the key in, with the image's programs, and refuses others, passwords and root."""
    key, other = (
        container.workspace.parent / f"{container.identity}-{n}" for n in ("key", "other")
    )
    try:
        for path in (key, other):
            subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", path], check=True)
        public = Path(f"{key}.pub").read_text(encoding="utf-8").strip()
        with started(container, AUTHORIZED_KEYS=public, SSH_PORT="2222"):
            until(lambda: ssh(key, "gpubench", "true").returncode == 0, seconds=30)
            return _who_gets_in(key, other) or _host_key_is_kept(container)
    finally:
        for path in (key, other):
            path.unlink(missing_ok=True)
            Path(f"{path}.pub").unlink(missing_ok=True)


def ssh(key: Path, user: str, *words: str, password: bool = False):
    command = [
        "ssh", "-i", str(key), "-p", "2222", "-o", "StrictHostKeyChecking=no",
        "-o", "UserKnownHostsFile=/dev/null", "-o", "BatchMode=yes", "-o", "IdentitiesOnly=yes",
        *(["-o", "PubkeyAuthentication=no"] if password else []), f"{user}@127.0.0.1", *words,
    ]  # fmt: skip
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


def _host_key_is_kept(container: Container) -> str:
    path = container.workspace / ".ssh-host" / "ssh_host_ed25519_key"
    return "" if path.stat().st_mode & 0o777 == 0o600 else f"{path} is open to others"


RUNTIME: tuple[Trial, ...] = (
    is_no_root,
    doctor_is_content,
    doctor_sees_a_moved_package,
    trains_as_anybody,
    ranks_agree,
    keeps_no_secret,
)
DEV: tuple[Trial, ...] = (
    is_no_root,
    doctor_is_content,
    says_how,
    refuses_a_weak_token,
    jupyter_wants_its_token,
    ssh_wants_a_key,
    keeps_no_secret,
)
