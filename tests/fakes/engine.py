"""A container engine that records what it is told, and starts what it is told to start here.

It stands for the protocol of ``docker`` and ``podman`` as gpubench speaks it: a daemon keeps a
container running when its client is killed, until the container is removed by force. ``mocked``
writes one into a folder; its calls lie in ``calls.jsonl``, its settings in ``settings.json``.
"""

import json
import sys
from pathlib import Path

DAEMON = r"""
import json, os, signal, subprocess, sys
from pathlib import Path

folder, words = Path(sys.argv[1]), sys.argv[2:]
settings = json.loads((folder / "settings.json").read_text())
with (folder / "calls.jsonl").open("a") as calls:
    calls.write(json.dumps(words) + "\n")

def option(name):
    return words[words.index(name) + 1]

def every(name):
    return [words[i + 1] for i, word in enumerate(words) if word == name]

def fail(status, text):
    sys.stderr.write(text + "\n")
    sys.exit(status)

if words[0] in settings["broken"]:
    fail(125, settings["broken"][words[0]])
if words[0] == "info":
    print(settings["info"])
elif words[0] in ("inspect", "image"):
    described = settings["images"].get(words[-1])
    if described is None:
        fail(1, "Error: No such image: " + words[-1])
    print(json.dumps(described))
elif words[0] == "run":
    python = option("--entrypoint")
    if python not in settings["pythons"]:
        fail(127, f'exec: "{python}": executable file not found in $PATH')
    rest = words[words.index("--entrypoint") + 3:]
    inside = folder / "inside"
    inside.mkdir(exist_ok=True)
    (inside / python).write_text(f'#!/bin/sh\nexec {sys.executable} "$@"\n')
    (inside / python).chmod(0o755)
    own = {"PATH": str(inside), **settings["variables"]}
    variables = own | dict(pair.split("=", 1) for pair in every("--env"))
    for mount in every("--mount"):
        told = dict(part.split("=", 1) for part in mount.split(",") if "=" in part)
        if "PYTHONPATH" in variables and told["target"].startswith(variables["PYTHONPATH"]):
            variables["PYTHONPATH"] = str(Path(told["source"]).parent)
    child = subprocess.Popen([sys.executable, *rest], env=variables, start_new_session=True)
    (folder / option("--name")).write_text(str(child.pid))
    status = child.wait()
    sys.exit(128 - status if status < 0 else status)
elif words[0] in ("rm", "kill"):
    try:
        os.killpg(int((folder / words[-1]).read_text()), signal.SIGKILL)
    except (OSError, ValueError):
        fail(1, "Error: No such container: " + words[-1])
"""


class Mocked:
    """One such engine in a folder, and what it was told."""

    def __init__(self, folder: Path, name: str, **settings) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "daemon.py").write_text(DAEMON)
        program = folder / name
        program.write_text(f'#!/bin/sh\nexec {sys.executable} {folder}/daemon.py {folder} "$@"\n')
        program.chmod(0o755)
        known = {"info": "[]", "images": {}, "pythons": ["python3"], "broken": {}, "variables": {}}
        self.set(**known | settings)

    def set(self, **settings) -> None:
        """What it answers from now on."""
        path = self.folder / "settings.json"
        before = json.loads(path.read_text()) if path.exists() else {}
        path.write_text(json.dumps(before | settings))

    @property
    def calls(self) -> list[list[str]]:
        """Every command line, without the program."""
        path = self.folder / "calls.jsonl"
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []

    def told(self, verb: str) -> list[list[str]]:
        """The command lines that begin with ``verb``."""
        return [call for call in self.calls if call[0] == verb]
