"""The table of a run with strategies: single, dp, ddp and fsdp side by side, in every mode."""

from collections.abc import Sequence
from typing import Any

from gpubench import units
from gpubench.bench.job import Subject
from gpubench.bench.record import RunRecord, WorkloadFacts
from gpubench.bench.strategy import SINGLE, Strategy
from gpubench.gate.efficiency import Ranks, efficiency, has_own_devices, ranks_of
from gpubench.gate.intervals import Estimate
from gpubench.gate.marks import by_reason, marked
from gpubench.gate.odd_lines import processes
from gpubench.gate.summary import Cell, summarise
from gpubench.gate.table import Column, Row, Table


def scaling_tables(record: RunRecord, comparisons: Sequence[Table]) -> tuple[Table, ...]:
    """A table per suite of a run with strategies, whose texts are those of the ``comparisons``."""
    if not record.header.plan.strategies:
        return ()
    texts = {
        tuple(row.values.get(key) for key in ("suite", "variant", "mode")): row.texts
        for table in comparisons
        if not table.repeats
        for row in table.rows
    }
    return tuple(_table(record, suite, texts) for suite in record.header.plan.suites)


def _table(record: RunRecord, suite: str, texts: dict[tuple[Any, ...], dict[str, str]]) -> Table:
    plan = record.header.plan
    cells = {
        (cell.mode, strategy): cell
        for strategy in plan.strategies
        for cell in summarise(record, Subject(suite, strategy.variant))
    }
    known = [f for s in plan.strategies if (f := record.workloads.get(Subject(suite, s.variant)))]
    rows = [
        _row(record, strategy, cells[mode, strategy], texts[suite, strategy.variant, mode])
        for mode in plan.modes
        for strategy in plan.strategies
        if cells[mode, SINGLE if SINGLE in plan.strategies else strategy].state != "not-supported"
    ]
    return Table(
        title=f"{suite} · strategies · "
        + ("SMOKE TEST, not for figures" if plan.preset == "smoke" else plan.preset),
        about=_about(known),
        columns=_columns(known),
        rows=tuple(rows),
        notes=_notes(record, list(cells.values())),
        repeats=True,
    )


def _columns(known: Sequence[WorkloadFacts]) -> tuple[Column, ...]:
    item = known[0].settings.get("item", "sample") if known else "sample"
    on_gpu = any(facts.device.get("type") == "cuda" for facts in known)
    return (
        Column(key="mode", heading="mode", numeric=False),
        Column(key="strategy", heading="strategy", numeric=False),
        Column(key="throughput", heading=f"{item}s/s"),
        Column(key="interval", heading="± 95 %"),
        Column(key="efficiency", heading="scaling"),
        *((Column(key="busy", heading="GPU busy"),) if on_gpu else ()),
        *((Column(key="utilization", heading="GPU use"),) if on_gpu else ()),
        Column(key="memory", heading="peak memory per rank"),
        Column(key="step", heading="step"),
        Column(key="skew", heading="skew"),
        Column(key="slowest", heading="slowest rank", numeric=False),
        Column(key="exchange", heading="exchange"),
        Column(key="parity", heading="parity"),
    )


def _row(record: RunRecord, strategy: Strategy, cell: Cell, texts: dict[str, str]) -> Row:
    measurements = processes(record, cell.subject, cell.mode)
    has_figure = cell.throughput is not None
    ranks = ranks_of(measurements) if has_figure else Ranks()
    found = efficiency(record, cell.subject, cell.mode) if has_figure else None
    used = _utilization([m.telemetry or {} for m in measurements if m.counts])
    shaky = cell.is_shaky or not has_own_devices(record, cell.subject)
    return Row(
        values={
            "suite": cell.subject.suite,
            "variant": cell.subject.variant,
            "mode": cell.mode,
            "strategy": strategy.name,
            "nodes": strategy.nodes,
            "ranks": strategy.world,
            "state": cell.state,
            "samples_per_second": cell.throughput and cell.throughput.value,
            "scaling_efficiency": found and found.value,
            "scaling_efficiency_low": found and found.low,
            "scaling_efficiency_high": found and found.high,
            "is_shaky": shaky,
            "gpu_busy_shares": list(ranks.busy) or None,
            "gpu_utilization": used or None,
            "peak_memory_bytes": cell.peak_bytes,
            "peak_memory_bytes_per_rank": list(ranks.peak_bytes) or None,
            "step_seconds": cell.step_seconds,
            "skew": ranks.skew,
            "slowest_rank": ranks.slowest,
            "slowest_rank_excess": ranks.excess,
            "exchange_share": ranks.exchange,
        },
        texts={
            "mode": cell.mode,
            "strategy": cell.subject.variant,
            "throughput": texts["throughput"],
            "interval": texts["interval"],
            "efficiency": _efficiency(found, shaky=shaky),
            "busy": _range(ranks.busy),
            "utilization": _range(used),
            "memory": _memories(ranks.peak_bytes) if ranks.peak_bytes else texts["memory"],
            "step": texts["step"],
            "skew": _share(ranks.skew, shaky=cell.is_shaky),
            "slowest": _slowest(ranks),
            "exchange": _share(ranks.exchange, shaky=cell.is_shaky),
            "parity": texts["parity"],
        },
    )


def _efficiency(found: Estimate | None, *, shaky: bool) -> str:
    if found is None:
        return units.ABSENT
    if found.is_wide:
        return "inconclusive"
    text = marked(units.percent(found.value, 0), shaky=shaky)
    if found.low is None or found.high is None:
        return text
    return f"{text} [{100 * found.low:.0f}, {100 * found.high:.0f}]"


def _utilization(seen: Sequence[dict[str, Any]]) -> list[float]:
    """NVML's share of time of each GPU in which a kernel ran, of the first process that has it."""
    for telemetry in seen:
        each = telemetry.get("utilization_each") or [telemetry.get("utilization")]
        if isinstance(each, list | tuple) and all(isinstance(v, int | float) for v in each):
            return [float(value) / 100 for value in each]
    return []


def _range(shares: Sequence[float]) -> str:
    if not shares:
        return units.ABSENT
    low, high = (units.percent(share, 0) for share in (min(shares), max(shares)))
    return low if low == high else f"{low} to {high}"


def _memories(peaks: Sequence[int]) -> str:
    low, high = units.memory(min(peaks)), units.memory(max(peaks))
    return low if low == high else f"{low} to {high}"


def _share(share: float | None, *, shaky: bool) -> str:
    return units.ABSENT if share is None else marked(units.percent(share), shaky=shaky)


def _slowest(ranks: Ranks) -> str:
    if ranks.excess is None:
        return units.ABSENT
    excess = f"+{units.percent(ranks.excess, 0)}"
    if ranks.slowest is None:
        return f"none (up to {excess})"
    return marked(f"rank {ranks.slowest} ({excess})", shaky=ranks.processes < 2)


def _about(known: Sequence[WorkloadFacts]) -> tuple[str, ...]:
    if not known:
        return ("not begun",)
    facts = known[0]
    times = f"{facts.accumulation} × " if facts.accumulation > 1 else ""
    size = f"{times}{facts.batch_size}"
    weak = f"Weak scaling: every rank trains batches of {size}"
    lines = [f"{weak}; scaling is the throughput of all over so many times that of single."]
    if facts.device.get("type") != "cuda":
        shared = "All ranks share the cores of this CPU: its scaling says nothing about GPUs"
        lines.append(f"{shared}, and what is shown here is that the strategies train.")
    return tuple(lines)


def _notes(record: RunRecord, cells: Sequence[Cell]) -> tuple[str, ...]:
    notes = []
    if SINGLE not in record.header.plan.strategies:
        notes.append("no process of single in this run: --strategy single,… shows the scaling")
    reasons = by_reason(
        (said, f"{cell.subject.variant} {cell.mode}")
        for cell in cells
        if (said := cell.reason if cell.throughput is None else _unread(record, cell))
    )
    return (*notes, *(f"{', '.join(names)}: {said}" for said, names in reasons.items()))


def _unread(record: RunRecord, cell: Cell) -> str | None:
    said = ranks_of(processes(record, cell.subject, cell.mode)).unread
    return said and f"which rank is slow, and what exchange costs, is not told: {said}"
