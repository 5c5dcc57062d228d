"""What is tried in a built image; each answers what was wrong, or nothing."""

import contextlib
import dataclasses
import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from tests.docker.leftovers import of_image

STRANGER = "12345:12345"
"""A user id that no image knows."""
SMOKE = ("run", "--suite", "deit", "--preset", "smoke", "--modes", "fp32,fp32+compile")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Container:
    """A container of the image under trial, with a folder of this machine as its workspace."""

    identity: str
    image: str
    digest: str
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
    given = f"{container.image}@{container.digest}"
    done = container.ask(
        "gpubench", *SMOKE, "--output", "/workspace/run", user=STRANGER,
        more=("--env", f"GPUBENCH_IMAGE={given}"),
    )  # fmt: skip
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
    if not all(told) or told[0] != given or stack.get("image") != given:
        return f"the record does not say what image it is of: {told}"
    return ""


def keeps_what_was_measured(container: Container) -> str:
    """Ctrl-C ends a run with status 130; what was measured is kept and can be shown."""
    # whoever starts this in the background has SIGINT ignored, and so would what it starts
    words = ("env", "--default-signal=INT", "gpubench", *SMOKE[:-1], "fp32", "--processes", "5")
    child = subprocess.Popen(
        container.command(*words, "--output", "/workspace/cut", user=STRANGER),
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    record = container.workspace / "cut" / "record.jsonl"
    until(lambda: record.exists() and len(record.read_text().splitlines()) > 2, seconds=300)
    (pid,) = running("/opt/venv/bin/gpubench", "/workspace/cut")
    root = Path(f"/proc/{pid}/root").readlink()
    os.kill(pid, signal.SIGINT)
    said = child.communicate(timeout=120)[1]
    if child.returncode != 130:
        return f"exit status {child.returncode}: {said[-1000:]}"
    if left := [path for path in Path("/proc").glob("[0-9]*/root") if is_link_to(path, root)]:
        return f"{len(left)} of its processes are left"
    shown = container.ask("gpubench", "report", "/workspace/cut", user=STRANGER)
    container.notes.extend(line for line in said.splitlines() if "interrupted" in line)
    return "" if shown.returncode == 0 and "fp32" in shown.stdout else shown.stderr[-500:]


def running(*words: str) -> list[int]:
    """The processes of this machine whose command line has all of these words."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            line = path.read_bytes().decode("utf-8", "replace").split("\0")
            if set(words) <= set(line) and "python" in line[0]:
                found.append(int(path.parent.name))
    return found


def is_link_to(path: Path, target: Path) -> bool:
    """Whether a link is there and points to this."""
    try:
        return path.readlink() == target
    except OSError:
        return False


ALONE = (
    'root=$1; shift; mount --bind /dev "$root/dev"; mount -t proc proc "$root/proc";'
    ' exec chroot --userspec=1000:0 "$root" "$@"'
)
"""A container's files with processes of its own, so that what is started first is process 1."""
ORPHAN = """
import glob, os, time
if os.fork() == 0:
    if os.fork() == 0:
        time.sleep(0.5)
    os._exit(0)
os.wait()
time.sleep(1)
stats = [open(path).read() for path in glob.glob("/proc/[0-9]*/stat")]
states = [stat.rpartition(")")[2].split()[0] for stat in stats]
print(open("/proc/1/comm").read().strip(), states.count("Z"))
"""
"""Leaves a child of a child behind, and counts those that have ended and nobody waited for."""


def process_one_does_its_work(container: Container) -> str:
    """Process 1 waits for orphans, and hands SIGTERM to a program that knows nothing of it."""
    command = ["buildah", "mount", container.identity]
    root = subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    try:
        orphans = _first_process(root, "python3", "-c", ORPHAN)
        began = time.monotonic()
        _first_process(root, "sh", "-c", "(sleep 1; kill -TERM 1) & exec sleep 30")
        seconds = time.monotonic() - began
    finally:
        subprocess.run(["buildah", "umount", container.identity], capture_output=True)
    container.notes.append(f"process 1, and zombies: {orphans.stdout.strip()}")
    if orphans.stdout.split() != ["tini", "0"]:
        return f"{orphans.stdout} {orphans.stderr[-300:]}"
    return "" if seconds < 10 else f"SIGTERM took {seconds:.0f} s"


def _first_process(root: str, *words: str):
    return subprocess.run(
        ["unshare", "--mount", "--pid", "--fork", "sh", "-c", ALONE, "sh", root, "enter", *words],
        capture_output=True, text=True, timeout=60,
        env={"PATH": "/opt/venv/bin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"},
    )  # fmt: skip


def finds_infiniband(container: Container) -> str:
    """NCCL finds the library it speaks InfiniBand with; without it, it falls back to TCP."""
    done = container.ask("python", "-c", "import ctypes; ctypes.CDLL('libibverbs.so.1')")
    return done.stderr[-300:]


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
    layers, found = of_image(container.image)
    container.notes.append(f"{layers} layers were read")
    return "; ".join(found[:20])


def until(is_so: Callable[[], bool], *, seconds: float) -> bool:
    """Wait until something is so, or time is up."""
    end = time.monotonic() + seconds
    while not (found := is_so()) and time.monotonic() < end:
        time.sleep(1)
    return found


RUNTIME: tuple[Trial, ...] = (
    is_no_root,
    doctor_is_content,
    doctor_sees_a_moved_package,
    trains_as_anybody,
    keeps_what_was_measured,
    ranks_agree,
    process_one_does_its_work,
    finds_infiniband,
    keeps_no_secret,
)
