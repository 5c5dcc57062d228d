"""Quantities, and how they are written for people. Rounding happens here alone."""

import math
import re
from typing import NewType

Seconds = NewType("Seconds", float)
Bytes = NewType("Bytes", int)

ABSENT = "–"


_SHARE = re.compile(r"(\d+(?:\.\d*)?|\.\d+)\s*(%?)")


def parse_share(text: str) -> float | None:
    """A share above 0 and below 1 as people write it: 2%, 0.5 %, 0.02; None for what is none."""
    number = _SHARE.fullmatch(text.strip())
    share = float(number[1]) / (100 if number[2] else 1) if number else 0.0
    return share if 0 < share < 1 else None


def significant(value: float, digits: int = 3) -> str:
    """``value`` to so many significant digits, without an exponent: 0.0123, 4.56, 12 300."""
    if not math.isfinite(value):
        return str(value)
    if value == 0:
        return "0"
    decimals = max(0, digits - 1 - math.floor(math.log10(abs(value))))
    return f"{value:,.{decimals}f}".replace(",", " ")


def seconds(value: float | None) -> str:
    """A duration: 850 µs, 12.3 ms, 4.56 s, 3 min 20 s, 2 h 05 min."""
    if value is None:
        return ABSENT
    if value < 1e-3:
        return f"{significant(value * 1e6)} µs"
    if value < 1:
        return f"{significant(value * 1e3)} ms"
    if value < 120:
        return f"{significant(value)} s"
    if value < 7200:
        return f"{int(value // 60)} min {int(value % 60):02d} s"
    return f"{int(value // 3600)} h {int(value % 3600 // 60):02d} min"


def memory(value: int | None) -> str:
    """A size in binary units: 512 MiB, 79.6 GiB."""
    if value is None:
        return ABSENT
    if value < 1024:
        return f"{value} B"
    scaled = float(value)
    for unit in ("KiB", "MiB", "GiB"):
        scaled /= 1024
        if scaled < 1000 or unit == "GiB":
            return f"{significant(scaled)} {unit}"
    raise AssertionError("unreachable: the last unit takes every size")


def si(value: float | None, unit: str) -> str:
    """A quantity in decimal units: 187 GFLOP/s, 3.35 TB/s."""
    if value is None:
        return ABSENT
    for prefix in ("", "k", "M", "G", "T"):
        if abs(value) < 999.5 or prefix == "T":
            return f"{significant(value)} {prefix}{unit}"
        value /= 1000
    raise AssertionError("unreachable: the last prefix takes every value")


def percent(fraction: float | None, digits: int = 1) -> str:
    """A share: 0.034 is 3.4 %."""
    return ABSENT if fraction is None else f"{100 * fraction:.{digits}f} %"


def count(number: int, noun: str, plural: str | None = None) -> str:
    """A number with its noun: 1 image, 3 images."""
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}".replace(",", " ")
