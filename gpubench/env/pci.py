"""NVIDIA's devices on the PCI bus, as /sys shows them: links, ports above, errors."""

import re
from collections.abc import Iterator

from gpubench.env.snapshot import PciDevice, PciLink
from gpubench.env.sources import Sources

NVIDIA = "0x10de"
FOLDER = "/sys/bus/pci/devices"
LANES = frozenset({1, 2, 4, 8, 12, 16, 32})
"""Widths that a PCIe link can have; a guest may be shown 0 or 255, which is no answer."""
_ADDRESS = re.compile(r"[0-9a-f]{4,8}:[0-9a-f]{2}:[0-9a-f]{2}\.[0-7]")
_SPEED = re.compile(r"\s*(\d+(?:\.\d+)?) GT/s")
_TOTAL = re.compile(r"^TOTAL_ERR_\w+\s+(\d+)", re.MULTILINE)


def read_pci_devices(sources: Sources, unread: dict[str, str]) -> tuple[PciDevice, ...] | None:
    """Every function of vendor NVIDIA; None, with the reason, where the bus may not be read."""
    try:
        names = sources.names(FOLDER)
        if names is None:
            if sources.names("/sys/bus") is not None:
                return ()  # a machine without a PCI bus
            unread["driver.pci_devices"] = "/sys is not mounted"
            return None
        return tuple(_nvidia_devices(sources, names))
    except OSError as problem:
        unread["driver.pci_devices"] = f"{FOLDER}: {problem.strerror}"
        return None


def _nvidia_devices(sources: Sources, names: list[str]) -> Iterator[PciDevice]:
    for name in names:
        folder = f"{FOLDER}/{name}"
        if (sources.text(f"{folder}/vendor") or "").strip() != NVIDIA:
            continue
        bound = sources.path(f"{folder}/driver")
        yield PciDevice(
            address=name,
            device_id=(sources.text(f"{folder}/device") or "").strip().removeprefix("0x"),
            device_class=(sources.text(f"{folder}/class") or "").strip().removeprefix("0x"),
            driver=bound.readlink().name if bound.is_symlink() else None,
            links=tuple(_links(sources, name)),
            aer_correctable=_errors(sources, f"{folder}/aer_dev_correctable"),
            aer_nonfatal=_errors(sources, f"{folder}/aer_dev_nonfatal"),
            aer_fatal=_errors(sources, f"{folder}/aer_dev_fatal"),
        )


def _links(sources: Sources, name: str) -> Iterator[PciLink]:
    """The device's own link, then those of the ports above it: the folders it lies in."""
    place = sources.path(f"{FOLDER}/{name}").resolve()
    for folder in (place, *place.parents):
        if not _ADDRESS.fullmatch(folder.name):
            return
        width = _width(sources, f"{FOLDER}/{folder.name}/current_link_width")
        width_max = _width(sources, f"{FOLDER}/{folder.name}/max_link_width")
        speed = _SPEED.match(_optional(sources, f"{FOLDER}/{folder.name}/max_link_speed"))
        if width is None and width_max is None and speed is None:
            return
        yield PciLink(
            address=folder.name,
            width=width,
            width_max=width_max,
            speed_max=float(speed[1]) if speed else None,
        )


def _width(sources: Sources, path: str) -> int | None:
    text = _optional(sources, path).strip()
    return int(text) if text.isdecimal() and int(text) in LANES else None


def _errors(sources: Sources, path: str) -> int | None:
    """The sum line of one of the kernel's error counters."""
    found = _TOTAL.search(_optional(sources, path))
    return int(found[1]) if found else None


def _optional(sources: Sources, path: str) -> str:
    """The content of a file that not every device has."""
    try:
        return sources.text(path, 4096) or ""
    except OSError:
        return ""
