"""The columns of ``nvidia-smi --query-gpu=... --format=csv``."""

import re

from gpubench.env.readers.draft import Draft
from gpubench.env.readers.nvidia_smi_facts import Told, put_driver, put_told
from gpubench.env.readers.nvidia_smi_indices import Indices
from gpubench.env.readers.nvidia_smi_names import CSV
from gpubench.env.readers.pasted import Pasted, unquoted

_UNIT = re.compile(r"\s*\[[\w%/]{1,8}\]$")
_QUERY = re.compile(r"--query-gpu[= ]['\"]?(?P<columns>[\w.,]{2,2000})")
_VALUE = re.compile(r"\[?[\w%./: +!()*-]{0,80}\]?$")
_PLAIN = frozenset({"index", "name", "count", "uuid", "serial", "pstate"})
"""Columns whose names are also words of other lists."""


def read(pasted: Pasted, draft: Draft) -> bool:
    """Take the heads and the rows below them; True where there was a head."""
    indices = Indices(pasted.text)
    columns: list[str] | None = None
    found = False
    rows = 0
    for number, raw in list(pasted.free()):
        if columns is None and not _may_be_head(raw):
            continue
        line = unquoted(raw)
        head = _head(line)
        if head is not None:
            columns, rows = head, 0
        elif columns is None or not _row(draft, columns, line, rows, indices):
            columns = None if line else columns
            continue
        else:
            found, rows = True, rows + 1
        pasted.take(number)
    return found


def _may_be_head(raw: str) -> bool:
    first = raw.partition(",")[0].strip(" \t>`").partition(" [")[0]
    return first in CSV or "--query-gpu" in raw


def _head(line: str) -> list[str] | None:
    """The columns of a head, or of a command that prints none."""
    if "--query-gpu" in line:
        asked = _QUERY.search(line)
        return asked["columns"].strip(",").split(",") if asked and "noheader" in line else None
    if len(line) > 4000 or not line[:1].isalpha():
        return None
    names = [_UNIT.sub("", name.strip()) for name in line.split(",")]
    known = sum(name in CSV for name in names)
    is_told = any(name in CSV and name not in _PLAIN for name in names)
    return names if is_told and known * 2 > len(names) else None


def _row(draft: Draft, columns: list[str], line: str, rows: int, indices: Indices) -> bool:
    """One GPU; False for a line that is none."""
    values = [value.strip() for value in line.split(",")]
    if len(values) != len(columns) or not all(_VALUE.match(value) for value in values):
        return False
    told = Told(
        values={
            CSV[name]: value for name, value in zip(columns, values, strict=True) if name in CSV
        }
    )
    index = told.values.pop("index", "")
    if not index.isdigit() or len(index) > 3:
        address = told.values.get("bus id")
        index = str(indices.of(address) if address else rows)
    put_told(draft, int(index), told)
    put_driver(draft, told.values.get("driver version"), None, _count(told.values))
    return True


def _count(values: dict[str, str]) -> int | None:
    count = values.get("attached gpus", "")
    return int(count) if count.isdigit() and len(count) < 4 else None
