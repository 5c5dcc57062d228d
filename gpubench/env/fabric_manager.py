"""The fabric manager, the service that sets up the NVSwitches of a machine."""

import re
import shutil

from gpubench.env.sources import Sources, run_child

NAME = "nv-fabricmanager"
COMM_LENGTH = 15
"""The kernel keeps so many characters of a process's name."""
SECONDS = 5.0
_VERSION = re.compile(r"version is\s*:?\s*(\d+\.\d+(?:\.\d+)*)", re.IGNORECASE)


def is_running(sources: Sources) -> bool | None:
    """Whether its process is there; None where the machine's processes are not shown to us."""
    try:
        names = [name for name in sources.names("/proc") or () if name.isdecimal()]
        if _comm(sources, "1") not in ("systemd", "init"):
            return None  # a container shows its own processes, a hidden /proc ours alone
    except OSError:
        return None
    return any(_comm(sources, name) == NAME[:COMM_LENGTH] for name in names)


def _comm(sources: Sources, process: str) -> str:
    try:
        return (sources.text(f"/proc/{process}/comm", 64) or "").strip()
    except OSError:  # it has just ended
        return ""


def installed_version(sources: Sources) -> str | None:
    """What the program itself says; None where it is not installed. It only prints and ends."""
    program = shutil.which(NAME, path=search_path(sources))
    if program is None:
        return None
    completed = run_child([program, "--version"], timeout=SECONDS, variables=sources.variables)
    found = _VERSION.search(completed.output + completed.errors)
    return found[1] if found else None


def search_path(sources: Sources) -> str:
    """Where programs of the system are: PATH, and the folders only root has in it."""
    return f"{sources.variables.get('PATH', '')}:/usr/sbin:/sbin"
