"""Run records for github-action-benchmark (``tool: customSmallerIsBetter``).

https://github.com/benchmark-action/github-action-benchmark: a list of name, unit, value, range and
extra. All are costs, so that smaller is better; a throughput becomes seconds per sample. The
names are those of ``gpubench compare``. Figures that a table marks are left out.
"""

from collections.abc import Iterator, Sequence

from gpubench import codec, units
from gpubench.bench.record import RunRecord
from gpubench.gate.marks import half_width
from gpubench.gate.metrics import metric_named
from gpubench.render.run_cells import TrainedCell, trained_cells


def render(records: Sequence[RunRecord]) -> str:
    """One entry per figure of each cell that has one."""
    entries = [entry for trained in trained_cells(records) for entry in _entries(trained)]
    return codec.to_json(entries, indent=2) + "\n"


def _entries(trained: TrainedCell) -> Iterator[dict[str, object]]:
    cell, rate = trained.cell, trained.figure
    if rate is None or cell.throughput is None:
        return
    about = units.count(cell.processes, "process", "processes")
    spread = f"± {half_width(cell.throughput)}"
    yield {**_named(trained, "throughput", 1 / rate, "s/sample"), "range": spread, "extra": about}
    if cell.peak_bytes:
        yield _named(trained, "peak-memory", cell.peak_bytes, "B")
    if cell.compile_cold_seconds:
        yield _named(trained, "compile-seconds", cell.compile_cold_seconds, "s")


def _named(trained: TrainedCell, metric: str, value: float, unit: str) -> dict[str, object]:
    name = f"{trained.title} · {metric_named(metric).title}"
    return {"name": name, "unit": unit, "value": value}
