"""JSON of pytest-benchmark: one file is one process, so one file alone decides nothing.

https://pytest-benchmark.readthedocs.io/en/latest/usage.html (``--benchmark-json``). The figure of
a benchmark is its median round, as rounds per second: a mean of rounds is moved by one hiccup.
"""

import hashlib
import json
import math
from typing import Any

from gpubench.bench.job import Subject
from gpubench.errors import UnreadableInput
from gpubench.gate.machine import Machine, hashed
from gpubench.gate.sides import Cell, CellName, Session

KIND = "pytest-benchmark"
MODE = "benchmark"


def is_pytest_benchmark(plain: Any) -> bool:
    """Whether a JSON value is a report of pytest-benchmark."""
    return isinstance(plain, dict) and "benchmarks" in plain and "machine_info" in plain


def session_in(plain: dict[str, Any], source: str) -> Session:
    """The benchmarks of a file; UnreadableInput names the first that is not one."""
    machine_info, entries = plain["machine_info"], plain["benchmarks"]
    if not isinstance(machine_info, dict) or not isinstance(entries, list):
        raise UnreadableInput(f"{source}: not the layout of pytest-benchmark's JSON")
    machine = _machine(machine_info)
    cells = {}
    for number, entry in enumerate(entries):
        name, cell = _cell(entry, machine, f"{source}: benchmarks.{number}")
        cells[name] = cell
    if not cells:
        raise UnreadableInput(f"{source}: no benchmarks in it")
    commit = plain.get("commit_info")
    return Session(
        source=source,
        kind=KIND,
        created=str(plain.get("datetime", "")),
        identity=hashlib.sha256(json.dumps(plain, sort_keys=True).encode()).hexdigest(),
        cells=cells,
        software={
            "python": _text(machine_info.get("python_version")),
            "kernel": _text(machine_info.get("release")),
            "pytest-benchmark": _text(plain.get("version")),
            "commit": _text(commit.get("id")) if isinstance(commit, dict) else None,
        },
    )


def _machine(info: dict[str, Any]) -> Machine:
    cpu = info.get("cpu")
    cpu = cpu if isinstance(cpu, dict) else {}
    count = cpu.get("count")
    return Machine(
        device="other",
        host=hashed(str(info["node"])) if info.get("node") else None,
        cpu_model=_text(cpu.get("brand_raw") or cpu.get("brand")),
        cpu_count=count if isinstance(count, int) else None,
    )


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None


def _cell(entry: Any, machine: Machine, where: str) -> tuple[CellName, Cell]:
    if not isinstance(entry, dict) or not isinstance(entry.get("stats"), dict):
        raise UnreadableInput(f"{where}: no benchmark with stats")
    name, median = entry.get("fullname") or entry.get("name"), entry["stats"].get("median")
    if not isinstance(name, str):
        raise UnreadableInput(f"{where}: it has no name")
    is_number = isinstance(median, int | float) and not isinstance(median, bool)
    if not is_number or not math.isfinite(median) or median <= 0:
        raise UnreadableInput(f"{where}: {name}: its median is no positive number of seconds")
    params = entry.get("params")
    return CellName(Subject(name), MODE), Cell(
        state="ok",
        values={"throughput": (1 / float(median),)},
        facts={"parameters": params} if params else {},
        machine=machine,
    )
