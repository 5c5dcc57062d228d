"""Recorded /proc, /sys and /dev trees, written below a temporary root."""

from gpubench.env.sources import Sources

OPEN = (
    "NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  580.82.07  Release Build  "
    "(dvs-builder@U22-I3-AE18-23-3)  Wed Aug 27 16:48:42 UTC 2025\nGCC version:  gcc version 13\n"
)
CLOSED = (
    "NVRM version: NVIDIA UNIX x86_64 Kernel Module  535.104.05  Sat Aug 19 01:15:15 UTC 2023\n"
    "GCC version:  gcc version 12.2.0 (Debian 12.2.0-14)\n"
)


def tree(root, files=None, links=None):
    """Files by path, symbolic links by path."""
    for path, text in (files or {}).items():
        place = root / path.lstrip("/")
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text)
    for path, target in (links or {}).items():
        place = root / path.lstrip("/")
        place.parent.mkdir(parents=True, exist_ok=True)
        place.symlink_to(target)
    return Sources(root=root, variables={})


def pci(address, vendor="0x10de", device="0x2330", kind="0x030200"):
    folder = f"/sys/bus/pci/devices/{address}"
    return {f"{folder}/vendor": vendor, f"{folder}/device": device, f"{folder}/class": kind}
