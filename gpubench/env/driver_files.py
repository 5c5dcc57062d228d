"""The NVIDIA driver as the kernel shows it: /proc, /sys and device nodes."""

import os
import re
import stat
from collections.abc import Iterator

from gpubench.env.snapshot import DeviceNode, Driver, PciDevice
from gpubench.env.sources import Sources

NVIDIA = "0x10de"
_MODULE_VERSION = re.compile(r"Kernel Module(?: for \S+)?\s+(\d+\.\d+(?:\.\d+)*)")
_GPU_NODE = re.compile(r"nvidia\d+$")


def read_driver(sources: Sources, unread: dict[str, str]) -> Driver:
    """Everything about the driver that needs no NVML; what cannot be read goes to ``unread``."""
    version, flavour, loaded = _module(sources, unread)
    modules = _modules(sources, unread)
    return Driver(
        module_loaded=loaded,
        version=version,
        flavour=flavour,
        nouveau_loaded=None if modules is None else "nouveau" in modules,
        uvm_loaded=None if modules is None else "nvidia_uvm" in modules,
        pci_devices=_pci_devices(sources, unread),
        device_nodes=_device_nodes(sources, unread),
    )


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


def _pci_devices(sources: Sources, unread: dict[str, str]) -> tuple[PciDevice, ...] | None:
    folder = "/sys/bus/pci/devices"
    try:
        names = sources.names(folder)
        if names is None:
            if sources.names("/sys/bus") is not None:
                return ()  # a machine without a PCI bus
            unread["driver.pci_devices"] = "/sys is not mounted"
            return None
        return tuple(_nvidia_devices(sources, folder, names))
    except OSError as problem:
        unread["driver.pci_devices"] = f"{folder}: {problem.strerror}"
        return None


def _nvidia_devices(sources: Sources, folder: str, names: list[str]) -> Iterator[PciDevice]:
    for name in names:
        if (sources.text(f"{folder}/{name}/vendor") or "").strip() != NVIDIA:
            continue
        bound = sources.path(f"{folder}/{name}/driver")
        yield PciDevice(
            address=name,
            device_id=(sources.text(f"{folder}/{name}/device") or "").strip().removeprefix("0x"),
            device_class=(sources.text(f"{folder}/{name}/class") or "").strip().removeprefix("0x"),
            driver=bound.readlink().name if bound.is_symlink() else None,
        )


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
