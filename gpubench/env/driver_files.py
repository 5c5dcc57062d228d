"""The NVIDIA driver as the kernel shows it: /proc, /sys and device nodes."""

import dataclasses
import os
import re
import shutil
import stat
from pathlib import Path

from gpubench.env import fabric_manager
from gpubench.env.pci import read_pci_devices
from gpubench.env.snapshot import DeviceNode, Driver
from gpubench.env.sources import Sources, run_child
from gpubench.units import Seconds

MODINFO_SECONDS = 5.0
_MODULE_VERSION = re.compile(r"Kernel Module(?: for \S+)?\s+(\d+\.\d+(?:\.\d+)*)")
_GPU_NODE = re.compile(r"nvidia\d+$")
_RELEASE = re.compile(r"\d+\.\d+(?:\.\d+)*")


def read_driver(sources: Sources, unread: dict[str, str]) -> Driver:
    """Everything about the driver that needs no NVML; what cannot be read goes to ``unread``."""
    version, flavour, loaded = _module(sources, unread)
    modules = _modules(sources, unread)
    devices = read_pci_devices(sources, unread)
    has_switches = any(device.is_nvswitch for device in devices or ())
    driver = Driver(
        module_loaded=loaded,
        version=version,
        flavour=flavour,
        nouveau_loaded=None if modules is None else "nouveau" in modules,
        uvm_loaded=None if modules is None else "nvidia_uvm" in modules,
        pci_devices=devices,
        device_nodes=_device_nodes(sources, unread),
        firmware_files=_firmware(sources, version),
        fabric_manager_running=fabric_manager.is_running(sources) if has_switches else None,
        uptime_seconds=_uptime(sources),
    )
    if sources.root != Path("/"):  # programs would speak of this machine, not of that tree
        return driver
    return dataclasses.replace(
        driver,
        version_on_disk=module_on_disk(sources) if loaded else None,
        fabric_manager_version=fabric_manager.installed_version(sources) if has_switches else None,
    )


def module_on_disk(sources: Sources) -> str | None:
    """The release of the module that modprobe would load; None where modinfo does not say."""
    program = shutil.which("modinfo", path=fabric_manager.search_path(sources))
    if program is None:
        return None
    command = [program, "-F", "version", "nvidia"]
    completed = run_child(command, timeout=MODINFO_SECONDS, variables=sources.variables)
    said = completed.output.strip()
    return said if completed.ending is None and _RELEASE.fullmatch(said) else None


def _firmware(sources: Sources, version: str | None) -> tuple[str, ...] | None:
    """The GSP firmware of the loaded release, where the machine has a firmware folder at all."""
    try:
        if version is None or not sources.names("/lib/firmware/nvidia"):
            return None
        names = sources.names(f"/lib/firmware/nvidia/{version}") or []
    except OSError:
        return None
    return tuple(name for name in names if name.startswith("gsp"))


def _uptime(sources: Sources) -> Seconds | None:
    try:
        words = (sources.text("/proc/uptime", 64) or "").split()
    except OSError:
        return None
    try:
        return Seconds(float(words[0]))
    except (IndexError, ValueError):
        return None


def _module(sources: Sources, unread: dict[str, str]) -> tuple[str | None, str | None, bool | None]:
    """Version, flavour and presence of the kernel module."""
    try:
        text = sources.text("/proc/driver/nvidia/version")
    except OSError as problem:
        unread["driver.version"] = f"/proc/driver/nvidia/version: {problem.strerror}"
        return None, None, None
    if text is None:
        return None, None, False
    found = _MODULE_VERSION.search(text)
    if found is None:
        unread["driver.version"] = "/proc/driver/nvidia/version names no version"
        return None, None, True
    return found[1], "open" if "Open Kernel Module" in text else "proprietary", True


def _modules(sources: Sources, unread: dict[str, str]) -> set[str] | None:
    try:
        text = sources.text("/proc/modules")
    except OSError as problem:
        unread["driver.uvm_loaded"] = f"/proc/modules: {problem.strerror}"
        return None
    return None if text is None else {line.split()[0] for line in text.splitlines() if line.strip()}


def _device_nodes(sources: Sources, unread: dict[str, str]) -> tuple[DeviceNode, ...] | None:
    try:
        names = sources.names("/dev") or []
    except OSError as problem:
        unread["driver.device_nodes"] = f"/dev: {problem.strerror}"
        return None
    wanted = [name for name in names if name.startswith("nvidia") or name == "dxg"]
    return tuple(_node(sources, name) for name in wanted if not _is_folder(sources, name))


def _is_folder(sources: Sources, name: str) -> bool:
    try:
        return stat.S_ISDIR(sources.path(f"/dev/{name}").stat().st_mode)
    except OSError:
        return False


def _node(sources: Sources, name: str) -> DeviceNode:
    path = sources.path(f"/dev/{name}")
    return DeviceNode(path=f"/dev/{name}", accessible=os.access(path, os.R_OK | os.W_OK))


def is_gpu_node(node: DeviceNode) -> bool:
    """True for /dev/nvidia0 and its sisters."""
    return _GPU_NODE.search(node.path) is not None
