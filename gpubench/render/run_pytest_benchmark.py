"""A run record as JSON of pytest-benchmark, which its own ``compare`` and other programs read.

A round is a process: its time is that of a step over the window, so that the spread of the rounds
is that of the processes, and steps are never pooled. The file counts as one session when it is
given to ``gpubench compare`` (docs/ci.md), as the record does. Cells without a figure, and
figures that a table marks, are left out.
"""

import statistics
from collections.abc import Sequence
from typing import Any

from gpubench import codec
from gpubench.bench.record import Measurement, RunRecord
from gpubench.errors import BadUsage
from gpubench.gate.machine import Machine
from gpubench.gate.pytest_benchmark import OURS, machine_section
from gpubench.gate.sides import Cell, CellName, session_of
from gpubench.render.machine import one_line
from gpubench.render.run_cells import TrainedCell, trained_cells

A_ROUND = "one process: the mean time of a step over its window"


def render(records: Sequence[RunRecord]) -> str:
    """The file; BadUsage for several records, since a file has one machine and one time."""
    if len(records) != 1:
        raise BadUsage("a file of pytest-benchmark is of one run: write a file per record")
    (record,) = records
    cells = session_of(record).cells
    plain = {
        "machine_info": _machine_info(
            record, next((cell.machine for cell in cells.values()), None)
        ),
        "commit_info": {},
        "benchmarks": [
            _benchmark(trained, cells[CellName(trained.cell.subject, trained.cell.mode)])
            for trained in trained_cells(records)
            if trained.figure is not None
        ],
        "datetime": record.header.created,
        "version": f"gpubench {record.header.gpubench_version}",
    }
    return codec.to_json(plain, indent=2) + "\n"


def _machine_info(record: RunRecord, machine: Machine | None) -> dict[str, Any]:
    """The keys of pytest-benchmark, without a host's name, and what ``compare`` needs beside."""
    snapshot = record.header.snapshot or {}
    host, python = snapshot.get("host") or {}, snapshot.get("python") or {}
    device = next((facts.device for facts in record.workloads.values()), {})
    versions = {name: device.get(name) for name in ("torch", "cuda", "cudnn")}
    software = {name: str(version) for name, version in versions.items() if version is not None}
    return {
        "node": "",
        "processor": "",
        "machine": host.get("machine"),
        "python_implementation": "CPython",
        "python_version": python.get("version"),
        "system": "Linux",
        "release": host.get("kernel"),
        "cpu": {"brand_raw": host.get("cpu_model"), "count": host.get("cpu_count")},
        **({} if machine is None else {OURS: machine_section(machine, software)}),
    }


def _benchmark(trained: TrainedCell, cell: Cell) -> dict[str, Any]:
    subject, mode = trained.cell.subject, trained.cell.mode
    param = "-".join(filter(None, (subject.variant, mode)))
    name = one_line(f"{subject.suite}[{param}]")
    figure, facts = trained.figure, dict(cell.facts)
    return {
        "group": subject.suite,
        "name": name,
        "fullname": name,
        "params": {"variant": subject.variant, "mode": mode},
        "param": param,
        "extra_info": {
            "samples_per_second": figure,
            "a round is": A_ROUND,
            OURS: {"state": trained.cell.state, "facts": facts},
        },
        "options": {},
        "stats": {
            **_stats([_step_seconds(process) for process in trained.processes]),
            "iterations": min(len(process.step_seconds) for process in trained.processes),
        },
    }


def _step_seconds(process: Measurement) -> float:
    """What a step took in the window, as the gated figure has it."""
    return (process.window_seconds or 0.0) / len(process.step_seconds)


def _stats(rounds: Sequence[float]) -> dict[str, Any]:
    """The statistics that pytest-benchmark writes; of one round alone there is no spread."""
    ordered = sorted(rounds)
    low, _, high = statistics.quantiles(ordered, n=4, method="inclusive") if len(ordered) > 1 else (
        ordered * 3
    )  # fmt: skip
    inner, mean, deviation = high - low, statistics.fmean(ordered), _deviation(ordered)
    near = [each for each in ordered if low - 1.5 * inner <= each <= high + 1.5 * inner]
    outliers = len(ordered) - len(near)
    far = sum(abs(each - mean) > deviation for each in ordered)
    return {
        "min": ordered[0],
        "max": ordered[-1],
        "mean": mean,
        "stddev": deviation,
        "rounds": len(ordered),
        "median": statistics.median(ordered),
        "iqr": inner,
        "q1": low,
        "q3": high,
        "iqr_outliers": outliers,
        "stddev_outliers": far,
        "outliers": f"{far};{outliers}",
        "ld15iqr": near[0],
        "hd15iqr": near[-1],
        "ops": 1 / mean,
        "total": sum(ordered),
        "data": list(rounds),
    }


def _deviation(rounds: Sequence[float]) -> float:
    return statistics.stdev(rounds) if len(rounds) > 1 else 0.0
