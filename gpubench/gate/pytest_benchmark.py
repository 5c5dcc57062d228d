"""JSON of pytest-benchmark: one file is one process, so one file alone decides nothing.

https://pytest-benchmark.readthedocs.io/en/latest/usage.html (``--benchmark-json``). The figure of
a benchmark is its median round, as rounds per second: a mean of rounds is moved by one hiccup.

Files that gpubench itself has a hand in (its own benchmarks, and a record exported) say under
``OURS`` which device they are of, in ``machine_info``; and in ``extra_info`` the ``facts`` of what
was trained, and the ``state`` of its times.
"""

import dataclasses
import hashlib
import json
import math
import re
from collections.abc import Mapping
from typing import Any

from gpubench.bench.job import COUNTING, Subject
from gpubench.errors import UnreadableInput
from gpubench.gate.machine import Machine, hashed
from gpubench.gate.sides import Cell, CellName, Session

KIND = "pytest-benchmark"
MODE = "benchmark"
OURS = "gpubench"

DEVICES = ("cuda", "cpu")

ADDRESS = re.compile(r"0x[0-9a-fA-F]{6,16}")

LONGEST_NAME = 1_000
"""Characters of a benchmark's name (own choice); a longer one is no name."""


def is_pytest_benchmark(plain: Any) -> bool:
    """Whether a JSON value is a report of pytest-benchmark."""
    return isinstance(plain, dict) and "benchmarks" in plain and "machine_info" in plain


def machine_section(machine: Machine, software: Mapping[str, str | None]) -> dict[str, Any]:
    """What stands under ``OURS`` in ``machine_info``; ``session_in`` reads it back."""
    return {"machine": dataclasses.asdict(machine), "software": dict(software)}


def session_in(plain: dict[str, Any], source: str) -> Session:
    """The benchmarks of a file; UnreadableInput names the first that is not one."""
    machine_info, entries = plain["machine_info"], plain["benchmarks"]
    if not isinstance(machine_info, dict) or not isinstance(entries, list):
        raise UnreadableInput(f"{source}: not the layout of pytest-benchmark's JSON")
    cells = _cells(entries, _machine(machine_info), source)
    commit = _section(plain, "commit_info")
    ours = _section(machine_info, OURS)
    return Session(
        source=source,
        kind=KIND,
        created=_text(plain.get("datetime")) or "",
        identity=_identity(plain, source),
        cells=cells,
        software={
            "python": _text(machine_info.get("python_version")),
            "kernel": _text(machine_info.get("release")),
            "pytest-benchmark": _text(plain.get("version")),
            "commit": _text(commit.get("id")),
            **{name: _text(version) for name, version in _section(ours, "software").items()},
        },
    )


def _identity(plain: dict[str, Any], source: str) -> str:
    try:
        return hashlib.sha256(json.dumps(plain, sort_keys=True).encode()).hexdigest()
    except RecursionError:
        raise UnreadableInput(f"{source}: nested too deeply") from None


def _section(of: Mapping[str, Any], name: str) -> dict[str, Any]:
    """A part of a file that is an object; empty where it is absent or something else."""
    found = of.get(name)
    return found if isinstance(found, dict) else {}


def _machine(info: dict[str, Any]) -> Machine:
    """Which machine a file is of: as gpubench tells it, else as pytest-benchmark does."""
    told = _section(_section(info, OURS), "machine")
    cpu = _section(info, "cpu")
    host = told.get("host") or (hashed(str(info["node"])) if info.get("node") else None)
    return Machine(
        device=next((each for each in DEVICES if each == told.get("device")), "other"),
        name=_text(told.get("name")),
        gpu=_text(told.get("gpu")),
        host=_text(host),
        cpu_model=_text(told.get("cpu_model") or cpu.get("brand_raw") or cpu.get("brand")),
        cpu_count=_whole(told.get("cpu_count") or cpu.get("count")),
        memory_bytes=_whole(told.get("memory_bytes")),
    )


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None


def _whole(value: Any) -> int | None:
    is_number = isinstance(value, int) and not isinstance(value, bool)
    return value if is_number and 0 < value < 2**63 else None


def _cells(entries: list[Any], machine: Machine, source: str) -> dict[CellName, Cell]:
    cells: dict[CellName, Cell] = {}
    for number, entry in enumerate(entries):
        name, cell = _cell(entry, machine, f"{source}: benchmarks.{number}")
        if name in cells:
            raise UnreadableInput(f"{source}: benchmarks.{number}: {name.subject.suite} is twice")
        cells[name] = cell
    if not cells:
        raise UnreadableInput(f"{source}: no benchmarks in it")
    return cells


def _cell(entry: Any, machine: Machine, where: str) -> tuple[CellName, Cell]:
    if not isinstance(entry, dict) or not isinstance(entry.get("stats"), dict):
        raise UnreadableInput(f"{where}: no benchmark with stats")
    name = entry.get("fullname") or entry.get("name")
    if not isinstance(name, str) or len(name) > LONGEST_NAME:
        raise UnreadableInput(f"{where}: it has no name, or one too long to be read")
    rate = _rate(entry["stats"].get("median"))
    if rate is None:
        raise UnreadableInput(f"{where}: {name}: its median is no positive number of seconds")
    told = _section(_section(entry, "extra_info"), OURS)
    return CellName(Subject(name), MODE), Cell(
        state=next((state for state in COUNTING if state == told.get("state")), "ok"),
        values={"throughput": (rate,)},
        facts=_facts(entry, _section(told, "facts")),
        machine=machine,
    )


def _rate(median: Any) -> float | None:
    """Rounds per second; None for what is no time, or one that cannot be counted with."""
    if not isinstance(median, int | float) or isinstance(median, bool):
        return None
    try:
        seconds = float(median)
    except OverflowError:
        return None
    if not math.isfinite(seconds) or seconds <= 0 or not math.isfinite(1 / seconds):
        return None
    return 1 / seconds


def _facts(entry: Mapping[str, Any], told: Mapping[str, Any]) -> dict[str, Any]:
    """What must be equal for two benchmarks of one name to be compared."""
    facts = {key: value for key, value in told.items() if not isinstance(value, dict | list)}
    params = entry.get("params")
    return {**facts, **({"params": _without_addresses(params)} if params else {})}


def _without_addresses(params: Any) -> Any:
    """Parameters without where an object lay, which is elsewhere in each process.

    pytest-benchmark writes the ``repr`` of what JSON does not know.
    """
    if isinstance(params, dict):
        return {key: _without_addresses(value) for key, value in params.items()}
    if isinstance(params, list):
        return [*map(_without_addresses, params)]
    return ADDRESS.sub("0x…", params) if isinstance(params, str) else params
