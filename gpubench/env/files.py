"""Small readers of what the kernel writes: a line, a number, a list of CPUs."""

import re

from gpubench.env.sources import Sources


def optional(sources: Sources, name: str, limit: int = 2**20) -> str:
    """The content of a file that nothing depends on; empty where it is absent or closed to us."""
    try:
        return sources.text(name, limit) or ""
    except OSError:
        return ""


def line(sources: Sources, name: str) -> str | None:
    """The one line of a file, None where there is none."""
    return optional(sources, name, 65536).strip() or None


def number(sources: Sources, name: str) -> int | None:
    """The whole number in a file, None where there is none (``max`` is none)."""
    text = optional(sources, name, 65536).strip()
    return int(text) if re.fullmatch(r"-?\d{1,20}", text) else None


def entries(sources: Sources, folder: str) -> list[str] | None:
    """What a folder holds, sorted; None where it is absent or closed to us."""
    try:
        return sources.names(folder)
    except OSError:
        return None


def numbers_of(text: str, most: int = 65536) -> set[int]:
    """The numbers of a kernel list: ``0-3,8``; no more than ``most``."""
    found: set[int] = set()
    for part in text.strip().split(","):
        first, _, last = part.partition("-")
        if first.isdigit() and (last or first).isdigit():
            found.update(range(int(first), min(int(last or first), int(first) + most) + 1))
    return found
