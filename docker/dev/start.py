#!/opt/venv/bin/python
"""Starts what lets people in: JupyterLab with a token or password, sshd with keys; else says how.

Runs as the image's own user, never as root, and ends when either of the two does.
"""

import dataclasses
import math
import os
import pwd
import re
import shutil
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import FrameType

LENGTH, BITS = 16, 56.0
"""The fewest characters and bits of a token or password (own choice; openssl rand -hex 24 has 180).

Bits are the characters times the entropy of how often each occurs, after commonplace runs have
each been counted as one character: a bound from above, as nobody can tell how it was chosen."""
COMMON = re.compile(
    r"(?i)password|passwort|passwd|jupyter|token|secret|changeme|letmein|welcome|admin|gpubench"
    r"|qwerty|qwertz|asdf|workspace|notebook|pytorch|cuda|nvidia|0?123\d*|abc[defgh]*|(.)\1{2,}"
)
KEY = re.compile(
    r"^(?:[\w@.,=\"*:/ -]+ )?(ssh-ed25519|ssh-rsa|ecdsa-sha2-nistp(?:256|384|521)"
    r"|sk-ssh-ed25519@openssh\.com|sk-ecdsa-sha2-nistp256@openssh\.com)"
    r" [A-Za-z0-9+/]{40,}={0,3}( |$)"
)
PASSED_ON = re.compile(
    r"PATH|LANG|VIRTUAL_ENV|UMASK|LD_LIBRARY_PATH|XDG_CACHE_HOME|MPLCONFIGDIR|TORCH_HOME"
    r"|TORCHINDUCTOR_CACHE_DIR|TRITON_CACHE_DIR|(?:HF|NCCL|CUDA|NVIDIA|GPUBENCH)_\w+"
)
"""Variables an ssh session needs to be like any other way in; HF_TOKEN is one of them."""
SECRETS = Path("/run/secrets")
CONFIG = Path("/opt/gpubench/dev")
HOW = """\
start: nothing lets you in yet. Give one of these, or both:
  JupyterLab  a file with a token as /run/secrets/jupyter_token, or the variable JUPYTER_TOKEN
              (or jupyter_password, JUPYTER_PASSWORD):   openssl rand -hex 24
  ssh         your public key as /run/secrets/authorized_keys, or the variable AUTHORIZED_KEYS:
              -e AUTHORIZED_KEYS="$(cat ~/.ssh/id_ed25519.pub)"
and publish the ports: -p 127.0.0.1:8888:8888 -p 2222:22"""


class Refused(Exception):
    """Something that was given cannot be used; the message says what to give instead."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Place:
    """Where things are; a test gives folders of its own."""

    secrets: Path = SECRETS
    config: Path = CONFIG
    home: Path = dataclasses.field(default_factory=Path.home)
    workspace: Path = Path("/workspace")


def main(arguments: Sequence[str]) -> int:
    """Exit status 2 where nothing lets anybody in or what was given is refused."""
    if arguments:  # a program instead: bash, tmux, gpubench
        os.execvp(arguments[0], list(arguments))
    place = Place()
    try:
        hold_no_root()
        commands = commands_for(os.environ, place)
    except Refused as problem:
        print(f"start: {problem}", file=sys.stderr)
        return 2
    if not commands:
        print(HOW, file=sys.stderr)
        return 2
    return supervise(commands)


def hold_no_root() -> None:
    """Refused where this is root: neither JupyterLab nor sshd needs to be."""
    if os.getuid() == 0:
        raise Refused("this does not run as root; leave out --user 0")


def commands_for(variables: Mapping[str, str], place: Place) -> list[list[str]]:
    """The commands of what has been configured, after their files were written."""
    token = secret("JUPYTER_TOKEN", variables, place)
    password = secret("JUPYTER_PASSWORD", variables, place)
    keys = secret("AUTHORIZED_KEYS", variables, place)
    for name, value in (("JUPYTER_TOKEN", token), ("JUPYTER_PASSWORD", password)):
        if value is not None:
            hold_strong(name, value)
    commands = []
    if token is not None or password is not None:
        commands.append(jupyter(place))
    if keys is not None:
        commands.append(sshd(keys, variables, place))
    return commands


def secret(name: str, variables: Mapping[str, str], place: Place) -> str | None:
    """The value of a secret: its file first, then its variable; None where neither is there."""
    file = place.secrets / name.lower()
    try:
        value = file.read_text(encoding="utf-8").strip()
    except FileNotFoundError:
        value = variables.get(name, "").strip()
        return value or None
    except (OSError, UnicodeDecodeError) as problem:
        raise Refused(f"{file} cannot be read: {problem}") from None
    if not value:
        raise Refused(f"{file} is empty")
    return value


def hold_strong(name: str, value: str) -> None:
    """Refused where a token or password is short or has little in it."""
    if len(value) < LENGTH:
        raise Refused(f"{name} has {len(value)} characters, fewer than {LENGTH}: {ADVICE}")
    if bits(value) < BITS:
        raise Refused(f"{name} is too easy to guess: {ADVICE}")


ADVICE = "take what `openssl rand -hex 24` prints"


def bits(value: str) -> float:
    """The most a guesser may have to find out, in bits."""
    left = COMMON.sub("\0", value)
    counts = Counter(left)
    entropy = -sum(n / len(left) * math.log2(n / len(left)) for n in counts.values())
    return len(left) * entropy


def jupyter(place: Place) -> list[str]:
    """JupyterLab; its token stands in no command line, its configuration reads it."""
    return [
        "jupyter",
        "lab",
        f"--config={place.config / 'jupyter_server_config.py'}",
        f"--ServerApp.root_dir={place.workspace}",
    ]


def sshd(keys: str, variables: Mapping[str, str], place: Place) -> list[str]:
    """The ssh server, for this user alone, with host keys that stay on the volume."""
    try:
        user = pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        raise Refused(
            f"ssh needs a user with a name and {os.getuid()} has none; leave out --user"
        ) from None
    port = variables.get("SSH_PORT", "22")
    if not port.isdigit() or not 0 < int(port) < 65536:
        raise Refused(f"SSH_PORT={port} is no port")
    program = shutil.which("sshd", path="/usr/sbin:/usr/local/sbin")
    if program is None:
        raise Refused("sshd is not installed here")
    authorise(keys, place.home)
    key = host_key(place.workspace / ".ssh-host")
    lines = [f"HostKey {key}", f"Port {port}", f"AllowUsers {user}"]
    lines += [f"SetEnv {passed_on(variables)}", f"Include {place.config / 'sshd_config'}"]
    settings = place.home / ".ssh" / "sshd_config"
    write_private(settings, "\n".join(lines) + "\n")
    return [program, "-D", "-e", "-f", str(settings)]


def passed_on(variables: Mapping[str, str]) -> str:
    """The variables of the image that a session gets, as sshd reads them; sshd passes none on."""
    kept = [
        f'"{name}={value}"'
        for name, value in sorted(variables.items())
        if PASSED_ON.fullmatch(name) and not re.search(r'["\\\x00-\x1f]', value)
    ]
    return " ".join(kept) or "GPUBENCH_SSH=1"


def authorise(keys: str, home: Path) -> None:
    """Write the public keys where sshd looks; Refused where a line is none."""
    lines = [line for line in keys.splitlines() if line.strip() and not line.startswith("#")]
    for number, line in enumerate(lines, start=1):
        if "PRIVATE KEY" in line:
            raise Refused("AUTHORIZED_KEYS holds a private key; give the .pub file beside it")
        if not KEY.match(line):
            raise Refused(f"line {number} of AUTHORIZED_KEYS is no public key")
    if not lines:
        raise Refused("AUTHORIZED_KEYS holds no key")
    folder = home / ".ssh"
    folder.mkdir(mode=0o700, exist_ok=True)
    folder.chmod(0o700)
    write_private(folder / "authorized_keys", "\n".join(lines) + "\n")


def write_private(path: Path, text: str) -> None:
    """A file nobody else reads or writes, whatever the umask."""
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as stream:
        stream.write(text)


def host_key(folder: Path) -> Path:
    """The host key on the volume, made where there is none; nobody else may read it."""
    key = folder / "ssh_host_ed25519_key"
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        folder.chmod(0o700)
        if not key.exists():
            command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key)]
            subprocess.run(command, check=True, stdin=subprocess.DEVNULL)
        key.chmod(0o600)
    except OSError as problem:
        raise Refused(f"no host key can be kept in {folder}: {problem.strerror}") from None
    except subprocess.CalledProcessError as problem:
        raise Refused(f"ssh-keygen ended with status {problem.returncode}") from None
    return key


def supervise(commands: Sequence[Sequence[str]]) -> int:
    """Run all until one ends or a signal comes, then end all; the status of the first to end."""
    children = [subprocess.Popen(command) for command in commands]
    ending = False

    def end(_number: int, _frame: FrameType | None) -> None:
        nonlocal ending
        ending = True
        for child in children:
            child.terminate()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, end)
    status = first_status({child.pid for child in children})
    asked = ending
    for child in children:
        child.terminate()
    for child in children:
        try:
            child.wait(10)
        except subprocess.TimeoutExpired:
            child.kill()
    return 0 if asked else status or 1


def first_status(pids: set[int]) -> int:
    """Wait for one of ``pids``; orphans that fall to process 1 are waited for on the way."""
    while True:
        pid, raw = os.wait()
        if pid in pids:
            return os.waitstatus_to_exitcode(raw) & 0xFF


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
