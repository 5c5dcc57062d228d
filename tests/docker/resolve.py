"""``nox -s constraints``: resolve each stack from released metadata into docker/stacks/*.txt.

Nothing is installed, and no wheel is downloaded where the index serves metadata on its own.
"""

import argparse
import datetime as dt
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tests.docker.stacks import (
    ASKED,
    DEVELOPMENT,
    PYTHON,
    STACKS,
    TRAINING,
    Resolved,
    reached,
    resolved,
    wanted,
)

COMMAND = "python -m tests.docker.resolve"
OWN_INDEX = ("PIP_FIND_LINKS", "PIP_EXTRA_INDEX_URL", "PIP_INDEX_URL", "PIP_CONSTRAINT")
"""What would bring other builds than those everybody gets; left out of pip's environment."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the constraints of the stacks asked for, or hold those written against the index."""
    options = _options(arguments)
    differing = []
    for stack in options.stacks or ASKED:
        texts = files(stack, _report(stack, _own_pins(stack) if options.check else ()))
        for name, text in texts.items():
            if options.check:
                differing += [] if _same(STACKS / name, text) else [name]
            else:
                (STACKS / name).write_text(text, encoding="utf-8")
        print(f"{stack}: {', '.join(texts)}", flush=True)
    for name in differing:
        print(f"{name} no longer resolves to itself", file=sys.stderr)
    return 1 if differing else 0


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog=COMMAND, description=__doc__)
    parser.add_argument("stacks", nargs="*", choices=[*ASKED, []], help="default: all")
    parser.add_argument("--check", action="store_true", help="resolve with the files as they are")
    return parser.parse_args(arguments)


def files(stack: str, report: Mapping[str, Any]) -> dict[str, str]:
    """The two files of a stack: what runtime installs, and what dev installs beside it."""
    found = resolved(report)
    runtime = reached(found, (*ASKED[stack], *TRAINING, *wanted()))
    dev = set(found) - runtime
    today = dt.datetime.now(dt.timezone.utc).date().isoformat()
    return {
        f"{stack}.txt": _text(stack, [found[name] for name in runtime], today),
        f"{stack}-dev.txt": _text(f"{stack}, beside it in dev", [found[n] for n in dev], today),
    }


def _text(stack: str, pinned: Sequence[Resolved], today: str) -> str:
    header = (
        f"# Stack {stack}: Python {PYTHON}, Linux x86_64.\n"
        f"# Written by `{COMMAND}` on {today} from the released packages' own metadata.\n"
    )
    return header + "".join(f"{p.name}=={p.version}\n" for p in sorted(pinned, key=_name))


def _name(distribution: Resolved) -> str:
    return distribution.name


def _own_pins(stack: str) -> tuple[str, ...]:
    names = (f"{stack}.txt", f"{stack}-dev.txt")
    return tuple(part for name in names for part in ("--constraint", str(STACKS / name)))


def _same(path: Path, text: str) -> bool:
    return pins_in(path.read_text(encoding="utf-8")) == pins_in(text)


def pins_in(text: str) -> list[str]:
    """The lines of a constraints file that pin something."""
    return [line for line in text.splitlines() if line and not line.startswith("#")]


def _report(stack: str, more: Sequence[str]) -> Mapping[str, Any]:
    """pip's own report of what it would install on an empty Linux machine."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder, "report.json")
        done = subprocess.run(
            [
                sys.executable, "-m", "pip", "install", "--quiet", "--dry-run",
                "--ignore-installed", "--only-binary", ":all:", "--python-version", PYTHON,
                "--target", str(Path(folder, "nowhere")), "--report", str(report), *more,
                *ASKED[stack], *TRAINING, *wanted(), *DEVELOPMENT,
            ],
            env=_environment(),
        )  # fmt: skip
        if done.returncode:
            raise SystemExit(f"stack {stack} does not resolve; pip says why above")
        return json.loads(report.read_text(encoding="utf-8"))


def _environment() -> dict[str, str]:
    """This one without settings of this machine that would change what is found."""
    kept = {name: value for name, value in os.environ.items() if name not in OWN_INDEX}
    certificates = kept.get("PIP_CERT")
    kept.update(
        {"PIP_CONFIG_FILE": os.devnull}, **({"PIP_CERT": certificates} if certificates else {})
    )
    return kept


if __name__ == "__main__":
    sys.exit(main())
