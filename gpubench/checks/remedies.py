"""Remedies that install a torch: worked out from the tables, and held against the same rules."""

import re
import shlex
import sys

from gpubench.checks.facts import capabilities, companions, driver_version, python_version
from gpubench.env.redact import clean
from gpubench.env.snapshot import Snapshot
from gpubench.knowledge.compatibility import WHEELS, best_build, install_line
from gpubench.knowledge.tables import X86, Build
from gpubench.versions import Version

CPU_TORCH = f"pip install torch torchvision --index-url {WHEELS}/cpu"
UNINSTALL = "pip uninstall -y torch torchvision torchaudio"

_PIP = re.compile(r"(?<![\w./-])pip (?=install\b|uninstall\b)")


def for_interpreter(snapshot: Snapshot, remedy: str) -> str:
    """A remedy for the environment under test: plain pip would change that of another one."""
    executable = snapshot.python.executable if snapshot.python else None
    if not executable or executable == clean(sys.executable):
        return remedy
    return _PIP.sub(lambda _: f"{_shell_word(executable)} -m pip ", remedy)


def _shell_word(path: str) -> str:
    """``path`` as one word of a shell, which is to put the home folder for a leading tilde."""
    return f"~/{shlex.quote(path[2:])}" if path.startswith("~/") else shlex.quote(path)


def build_that_runs(snapshot: Snapshot, torch: Version | None = None) -> Build | None:
    """The newest torch build on record that runs on this driver, these GPUs and this Python."""
    return best_build(
        driver=driver_version(snapshot),
        capabilities=capabilities(snapshot),
        python=python_version(snapshot),
        torch=torch,
        machine=snapshot.host.machine or X86,
    )


def install_torch(snapshot: Snapshot, torch: Version | None = None) -> str | None:
    """The line that installs it, of release ``torch`` where a build of it runs here."""
    build = (torch and build_that_runs(snapshot, torch)) or build_that_runs(snapshot)
    return install_line(build, companions(snapshot)) if build else None


def replace_torch(snapshot: Snapshot, torch: Version | None = None) -> tuple[str, ...]:
    """The lines that put a torch that runs here in the place of the one that does not."""
    line = install_torch(snapshot, torch)
    return (UNINSTALL, line) if line else ()


def no_build(snapshot: Snapshot) -> tuple[str, ...]:
    """Words where no build on record runs on this driver and these GPUs."""
    driver = driver_version(snapshot) or "?"
    words = f"no torch build on record runs on driver {driver} and these GPUs"
    found = capabilities(snapshot)
    newest = build_for(found[-1:]) if found else None
    if found and newest is None:
        kind = "newer" if found[-1] > Version.parse("9.0") else "older"
        return (f"no torch build on record holds code for capability {found[-1]}: it is {kind}",)
    return (f"{words}: update the driver",)


def build_for(gpus: tuple[Version, ...]) -> Build | None:
    """The newest build that holds code for these GPUs, whatever the driver and the Python."""
    return best_build(driver=None, capabilities=gpus, python=None)
