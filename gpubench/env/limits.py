"""What this process may use: resource limits, and the control groups it is in (v1 and v2)."""

import re
import resource
from collections.abc import Iterator

from gpubench.env.files import number, numbers_of, optional
from gpubench.env.snapshot import Limits
from gpubench.env.sources import Sources
from gpubench.units import Bytes

CGROUPS = "/sys/fs/cgroup"
NO_LIMIT = 2**60
"""From here on a number of bytes stands for no limit (version 1 writes 2^63 less a page)."""


def read_limits(sources: Sources, unread: dict[str, str]) -> Limits:
    """The limits of this process; what cannot be read goes to ``unread``."""
    groups = dict(_groups(sources))
    if not groups and optional(sources, "/proc/self/cgroup"):
        unread["host.limits.cpus"] = f"{CGROUPS}: no group of /proc/self/cgroup is there"
    memory, memory_used = _memory(sources, groups)
    processes, processes_used = _processes(sources, groups)
    return Limits(
        open_files=resource.getrlimit(resource.RLIMIT_NOFILE)[0],
        processes=processes,
        processes_used=processes_used,
        machine_cpus=len(numbers_of(optional(sources, "/sys/devices/system/cpu/online"))) or None,
        cpus=_cpus(sources, groups),
        memory_bytes=memory,
        memory_used_bytes=memory_used,
    )


def _groups(sources: Sources) -> Iterator[tuple[str, list[str]]]:
    """Controller → its folders from the process's own group up; ``""`` is version 2.

    In a container the path is often the host's, which is not mounted: what is not there says
    nothing, and the mount itself is the group.
    """
    for entry in optional(sources, "/proc/self/cgroup").splitlines():
        _, controllers, path = [*entry.split(":", 2), "", ""][:3]
        if not controllers and optional(sources, f"{CGROUPS}/cgroup.controllers"):
            yield "", _upwards(CGROUPS, path)
        for controller in controllers.split(","):
            if controller in ("cpu", "memory", "pids"):
                yield controller, _upwards(f"{CGROUPS}/{controller}", path)


def _upwards(mount: str, path: str) -> list[str]:
    """The group's folder and those above it, the mount last."""
    parts = [part for part in path.strip().split("/") if part not in ("", ".", "..")]
    return ["/".join([mount, *parts[:length]]) for length in range(len(parts), -1, -1)]


def _least(sources: Sources, folders: list[str], name: str) -> tuple[int, str] | None:
    """The smallest limit of a group and those above it, and the folder that sets it."""
    found = [
        (value, folder)
        for folder in folders
        if (value := number(sources, f"{folder}/{name}")) is not None and value >= 0
    ]
    return min(found, default=None)


def _cpus(sources: Sources, groups: dict[str, list[str]]) -> float | None:
    granted = []
    for folder in groups.get("", ()):
        found = re.match(r"(\d+) (\d+)", optional(sources, f"{folder}/cpu.max"))
        if found and int(found[2]):
            granted.append(int(found[1]) / int(found[2]))
    for folder in groups.get("cpu", ()):
        quota = number(sources, f"{folder}/cpu.cfs_quota_us")
        period = number(sources, f"{folder}/cpu.cfs_period_us")
        if quota is not None and quota > 0 and period:
            granted.append(quota / period)
    return min(granted, default=None)


def _memory(sources: Sources, groups: dict[str, list[str]]) -> tuple[Bytes | None, Bytes | None]:
    """Limit and use; None, None where there is no limit."""
    for controller, limit_name, used_name in (
        ("", "memory.max", "memory.current"),
        ("memory", "memory.limit_in_bytes", "memory.usage_in_bytes"),
    ):
        least = _least(sources, groups.get(controller, []), limit_name)
        if least is not None and least[0] < NO_LIMIT:
            used = number(sources, f"{least[1]}/{used_name}")
            return Bytes(least[0]), None if used is None else Bytes(used)
    return None, None


def _processes(sources: Sources, groups: dict[str, list[str]]) -> tuple[int | None, int | None]:
    for controller in ("", "pids"):
        least = _least(sources, groups.get(controller, []), "pids.max")
        if least is not None:
            return least[0], number(sources, f"{least[1]}/pids.current")
    return None, None
