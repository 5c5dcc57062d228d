"""Run records for the textfile collector of Prometheus's node_exporter.

Write it with ``--output DIR/gpubench-run.prom``: the file appears whole or not at all. A cell that
has no figure has a state alone. A figure that a table marks stands under a name of its own
(``gpubench_run_doubtful_…``), so that no dashboard takes it for one that needs no mark.
"""

from collections.abc import Iterator, Sequence

from gpubench.bench.record import RunRecord
from gpubench.errors import BadUsage
from gpubench.gate.summary import Cell
from gpubench.render.gauges import Sample, gauge, timestamp
from gpubench.render.run_cells import TrainedCell, trained_cells

PREFIX = "gpubench_run"
DOUBTFUL = f"{PREFIX}_doubtful"


ABOUT = {
    "samples_per_second": "Samples trained in a second, the mean over processes.",
    "samples_per_second_low": "Lower end of its 95 % interval.",
    "samples_per_second_high": "Upper end of its 95 % interval.",
    "step_seconds": "Median time of a step.",
    "speedup_ratio": "Throughput over that of fp32.",
    "mfu_ratio": "Model FLOPs in a second over the measured peak.",
    "energy_joules_per_sample": "Energy of the whole GPU for a sample.",
    "peak_memory_bytes": "Most memory in use.",
    "compile_cold_seconds": "Time to compile with an empty cache.",
    "compile_warm_seconds": "Time to compile with a filled cache.",
    "processes": "Processes whose times count.",
}
"""Every figure of a cell under its name, which ends in its unit."""

OF_TIMES = (
    "samples_per_second",
    "samples_per_second_low",
    "samples_per_second_high",
    "step_seconds",
    "mfu_ratio",
    "energy_joules_per_sample",
)
"""Figures that are in doubt where a cell's times are."""


def render(records: Sequence[RunRecord]) -> str:
    """The cells as gauges; BadUsage where two records hold the same cell of one device."""
    cells = list(trained_cells(records))
    _refuse_twice(cells)
    return "".join(_lines(records, cells))


def _refuse_twice(cells: Sequence[TrainedCell]) -> None:
    """One file says how a cell stands, so it can say that once."""
    seen: set[tuple[str, ...]] = set()
    for trained in cells:
        key = tuple(_labels(trained).values())
        if key in seen:
            raise BadUsage(
                f"{trained.title} stands twice in these records; "
                "write a file of the last one alone, or render them as csv"
            )
        seen.add(key)


def _lines(records: Sequence[RunRecord], cells: Sequence[TrainedCell]) -> Iterator[str]:
    states = [({**_labels(each), "state": each.cell.state}, 1.0) for each in cells]
    yield from gauge(f"{PREFIX}_cell_state", "1 for the state of each cell of the run.", states)
    for name, about in ABOUT.items():
        for prefix, is_doubtful in ((PREFIX, False), (DOUBTFUL, True)):
            said = f"{about} Not to be taken as it stands." if is_doubtful else about
            samples = list(_samples(name, cells, is_doubtful=is_doubtful))
            yield from gauge(f"{prefix}_{name}", said, samples)
    yield from gauge(f"{PREFIX}_info", "1, with what was run.", map(_about, records))
    yield from gauge(f"{PREFIX}_created_timestamp_seconds", "When it was begun.", _times(records))


def _samples(name: str, cells: Sequence[TrainedCell], *, is_doubtful: bool) -> Iterator[Sample]:
    for trained in cells:
        value = _figures(trained.cell).get(name)
        if value is not None and (name in _doubtful(trained.cell)) == is_doubtful:
            yield _labels(trained), value


def _figures(cell: Cell) -> dict[str, float | None]:
    """Its figures by name; a cell without a throughput has none at all."""
    if cell.throughput is None:
        return {}
    speedup, seen = cell.speedup, cell.conditions
    return {
        "samples_per_second": cell.throughput.value,
        "samples_per_second_low": cell.throughput.low,
        "samples_per_second_high": cell.throughput.high,
        "step_seconds": cell.step_seconds,
        "speedup_ratio": None if speedup is None or speedup.is_wide else speedup.value,
        "mfu_ratio": cell.roofline.mfu if cell.roofline else None,
        "energy_joules_per_sample": seen.joules_per_sample if seen else None,
        "peak_memory_bytes": cell.peak_bytes,
        "compile_cold_seconds": cell.compile_cold_seconds,
        "compile_warm_seconds": cell.compile_warm_seconds,
        "processes": cell.processes,
    }


def _doubtful(cell: Cell) -> set[str]:
    """The names of the figures that a table would mark."""
    found = set(OF_TIMES) if cell.is_shaky else set()
    if cell.speedup_is_shaky:
        found.add("speedup_ratio")
    if cell.roofline is not None and cell.roofline.is_shaky:
        found.add("mfu_ratio")
    return found


def _labels(trained: TrainedCell) -> dict[str, str]:
    """Which cell of which device; a GPU is told from others of its model by its hashed UUID."""
    device = trained.facts.device if trained.facts else {}
    return {
        "suite": trained.cell.subject.suite,
        "variant": trained.cell.subject.variant,
        "mode": trained.cell.mode,
        "device": str(device.get("name") or ""),
        "gpu": str(device.get("gpu") or ""),
    }


def _about(record: RunRecord) -> Sample:
    header = record.header
    device = next((facts.device for facts in record.workloads.values()), {})
    return {
        "version": header.gpubench_version,
        "preset": header.plan.preset,
        "tier": header.plan.tier,
        "torch": str(device.get("torch") or ""),
        "environment": header.environment[:12],
    }, 1.0


def _times(records: Sequence[RunRecord]) -> Iterator[Sample]:
    times = [when for record in records if (when := timestamp(record.header.created)) is not None]
    if times:
        yield {}, max(times)
