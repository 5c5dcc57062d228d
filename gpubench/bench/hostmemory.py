"""What memory this process uses and may still have: the kernel's, its control groups', its limits'.

Part of the measuring core: standard library alone, so that it runs in any interpreter.
"""

import dataclasses
import re
import resource
from collections.abc import Iterator
from pathlib import Path

from gpubench.units import Bytes

NO_LIMIT = 2**60
"""From here on a number of bytes stands for no limit (control groups of version 1: 2^63 − 4096)."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class HostMemory:
    """Bytes; None where the system does not say.

    ``available`` is the least that the machine, any control group of the process and its address
    space still give; ``limit`` the smallest of the control groups' limits.
    """

    total_bytes: Bytes | None
    available_bytes: Bytes | None
    resident_bytes: Bytes | None
    peak_bytes: Bytes | None
    limit_bytes: Bytes | None


def host_memory(root: Path = Path("/")) -> HostMemory:
    """As it is now; ``root`` is where /proc and /sys are."""
    machine, own = _sizes(root / "proc/meminfo"), _sizes(root / "proc/self/status")
    groups = list(_groups(root))
    left = [limit - used for limit, used in groups]
    if "MemAvailable" in machine:
        left.append(machine["MemAvailable"])
    space = resource.getrlimit(resource.RLIMIT_AS)[0]
    if space != resource.RLIM_INFINITY and "VmSize" in own:
        left.append(space - own["VmSize"])
    return HostMemory(
        total_bytes=_bytes(machine.get("MemTotal")),
        available_bytes=Bytes(max(0, min(left))) if left else None,
        resident_bytes=_bytes(own.get("VmRSS")),
        peak_bytes=_bytes(own.get("VmHWM")),
        limit_bytes=_bytes(min((limit for limit, _ in groups), default=None)),
    )


def forget_peak(path: Path = Path("/proc/self/clear_refs")) -> bool:
    """Let VmHWM count from now on; False where the kernel does not let a process do so."""
    try:
        path.write_text("5")
    except OSError:
        return False
    return True


def killed_for_memory(root: Path = Path("/")) -> int | None:
    """How many processes the kernel has ended for want of memory since it started."""
    found = re.search(r"^oom_kill (\d+)$", _text(root / "proc/vmstat"), re.MULTILINE)
    return int(found[1]) if found else None


def _bytes(value: int | None) -> Bytes | None:
    return None if value is None else Bytes(value)


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def _sizes(path: Path) -> dict[str, int]:
    """The lines ``Name: 123 kB`` of a file, in bytes."""
    return {
        name: int(kilobytes) * 1024
        for name, kilobytes in re.findall(r"^(\w+):\s*(\d+) kB$", _text(path), re.MULTILINE)
    }


def _groups(root: Path) -> Iterator[tuple[int, int]]:
    """Limit and use of every control group with a limit that the process is in, v1 and v2.

    File pages that the group could drop at once are not counted as used, as the kernel does.
    """
    mount = root / "sys/fs/cgroup"
    for line in _text(root / "proc/self/cgroup").splitlines():
        _, controllers, path = [*line.split(":", 2), "", ""][:3]
        if controllers and "memory" not in controllers.split(","):
            continue
        base = mount / "memory" if controllers else mount
        names = (
            ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file")
            if controllers
            else ("memory.max", "memory.current", "inactive_file")
        )
        for folder in _upwards(base, path):
            limit, used = (_number(folder / name) for name in names[:2])
            if limit is not None and used is not None and limit < NO_LIMIT:
                yield limit, used - min(used, _stat(folder / "memory.stat", names[2]))


def _upwards(base: Path, path: str) -> Iterator[Path]:
    """The group's folder and those above it; in a container only the mount may be there."""
    parts = [part for part in path.strip().split("/") if part not in ("", ".", "..")]
    for length in range(len(parts), -1, -1):
        yield base.joinpath(*parts[:length])


def _number(path: Path) -> int | None:
    text = _text(path).strip()
    return int(text) if re.fullmatch(r"\d{1,20}", text) else None


def _stat(path: Path, name: str) -> int:
    found = re.search(rf"^{name} (\d+)$", _text(path), re.MULTILINE)
    return int(found[1]) if found else 0
