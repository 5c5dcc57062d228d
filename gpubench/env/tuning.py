"""Settings of the machine that change speed or logs: governor, clocks, Secure Boot, WSL."""

import ctypes
import re
from pathlib import Path

from gpubench.env.files import entries, line, number, optional
from gpubench.env.snapshot import Tuning
from gpubench.env.sources import Sources

CPUS = "/sys/devices/system/cpu"
CLOCKS = "/sys/devices/system/clocksource/clocksource0"
EFI = "/sys/firmware/efi/efivars"
LIBRARIES = ("/usr/lib/x86_64-linux-gnu", "/lib/x86_64-linux-gnu", "/usr/lib64", "/usr/local/lib")
PROCESSES_LOOKED_AT = 4096
TIME_ERROR = 5
"""What ``adjtimex`` returns while nothing sets the clock."""


def read_tuning(sources: Sources, unread: dict[str, str], *, is_wsl: bool) -> Tuning:
    """Settings of the machine; what should be readable and is not goes to ``unread``."""
    return Tuning(
        governors=_governors(sources),
        clocksource=line(sources, f"{CLOCKS}/current_clocksource"),
        clocksources=tuple(optional(sources, f"{CLOCKS}/available_clocksource").split()),
        is_clock_synchronised=_is_synchronised(sources, unread),
        secure_boot=_secure_boot(sources),
        taint=number(sources, "/proc/sys/kernel/tainted"),
        stuck=_stuck(sources),
        linux_driver_files=_linux_driver(sources) if is_wsl else None,
    )


def _governors(sources: Sources) -> tuple[str, ...] | None:
    names = entries(sources, CPUS)
    if names is None:
        return None
    found = {
        line(sources, f"{CPUS}/{name}/cpufreq/scaling_governor")
        for name in names
        if re.fullmatch(r"cpu\d+", name)
    }
    return tuple(sorted(name for name in found if name))


def _is_synchronised(sources: Sources, unread: dict[str, str]) -> bool | None:
    """What the kernel says, as ``timedatectl`` asks it; a mark of systemd where it cannot be."""
    if sources.path("/run/systemd/timesync/synchronized").exists():
        return True
    if sources.root != Path("/"):  # the kernel is that of this machine, not of a recorded tree
        return None
    try:
        answer = ctypes.CDLL(None).adjtimex(ctypes.create_string_buffer(512))  # modes 0: reads
    except (AttributeError, OSError):
        answer = -1
    if answer < 0:
        unread["host.tuning.is_clock_synchronised"] = "the kernel does not say (adjtimex)"
        return None
    return bool(answer != TIME_ERROR)


def _secure_boot(sources: Sources) -> bool | None:
    """The last byte of the firmware's variable SecureBoot; None without such firmware."""
    for name in entries(sources, EFI) or ():
        if name.startswith("SecureBoot-"):
            try:
                content = sources.path(f"{EFI}/{name}").read_bytes()
            except OSError:
                return None
            return content[-1] == 1 if content else None
    return None


def _stuck(sources: Sources) -> tuple[str, ...] | None:
    """Names of processes in uninterruptible sleep that are NVIDIA's, or wait in its driver."""
    names = entries(sources, "/proc")
    if names is None or not sources.path("/proc/driver/nvidia").is_dir():
        return None
    found = []
    for name in [name for name in names if name.isdigit()][:PROCESSES_LOOKED_AT]:
        state = re.match(r"\d+ \((.*)\) D ", optional(sources, f"/proc/{name}/stat", 4096))
        if state and _is_nvidias(sources, name, state[1]):
            found.append(state[1])
    return tuple(sorted(found))


def _is_nvidias(sources: Sources, process: str, command: str) -> bool:
    if command.startswith(("nv", "irq/")) and "nv" in command:
        return True
    waits_in = optional(sources, f"/proc/{process}/wchan", 4096)
    stack = optional(sources, f"/proc/{process}/stack", 65536)  # root alone may read it
    return re.match(r"(nv|uvm|os_acquire)", waits_in) is not None or "[nvidia" in stack


def _linux_driver(sources: Sources) -> tuple[str, ...]:
    """The libcuda or libnvidia-ml of a Linux driver; WSL's own lie under /usr/lib/wsl/lib."""
    pattern = re.compile(r"lib(cuda|nvidia-ml)\.so\.\d+\.\d+(\.\d+)?")
    return tuple(
        f"{folder}/{name}"
        for folder in LIBRARIES
        for name in entries(sources, folder) or ()
        if pattern.fullmatch(name) and not _leads_to_wsl(sources, f"{folder}/{name}")
    )


def _leads_to_wsl(sources: Sources, path: str) -> bool:
    try:
        return "/wsl/" in str(sources.path(path).readlink())
    except OSError:
        return False
