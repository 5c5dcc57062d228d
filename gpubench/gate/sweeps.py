"""The table of a sweep: a row per mode and variant, and under it what the fits say."""

from collections.abc import Sequence
from typing import Any

from gpubench import units
from gpubench.bench.record import RunRecord
from gpubench.bench.sweep import Sweep
from gpubench.gate.marks import by_reason, marked
from gpubench.gate.odd_lines import whole
from gpubench.gate.spots import Spot, spots
from gpubench.gate.sweep_lines import notes
from gpubench.gate.table import Column, Row, Table


def sweep_tables(record: RunRecord, comparisons: Sequence[Table]) -> tuple[Table, ...]:
    """A table per suite of a sweep, whose texts are those of the ``comparisons``; else none."""
    sweep = record.header.plan.sweep
    if sweep is None:
        return ()
    texts = {
        tuple(row.values.get(key) for key in ("suite", "variant", "mode")): row.texts
        for table in comparisons
        if not table.repeats
        for row in table.rows
    }
    return tuple(_table(record, sweep, suite, texts) for suite in record.header.plan.suites)


def _table(
    record: RunRecord, sweep: Sweep, suite: str, texts: dict[tuple[Any, ...], dict[str, str]]
) -> Table:
    by_mode = spots(record, suite)
    shown = {mode: found for mode, found in by_mode.items() if not _is_out_of_reach(found)}
    rows = [
        _row(spot, sweep, texts[(suite, spot.cell.subject.variant, mode)])
        for mode, found in shown.items()
        for spot in found
    ]
    known = [spot for found in by_mode.values() for spot in found]
    settings = known[0].facts.settings if known else {}
    preset = record.header.plan.preset
    return Table(
        title=f"{suite} · sweep of {sweep.dimension.replace('-', ' ')} · "
        + ("SMOKE TEST, not for figures" if preset == "smoke" else preset),
        about=_about(sweep, known),
        columns=_columns(settings),
        rows=tuple(rows),
        notes=(*notes(sweep, shown, known), *_left_out(record, by_mode, shown)),
        repeats=True,
    )


def _is_out_of_reach(found: Sequence[Spot]) -> bool:
    return bool(found) and all(spot.cell.state == "not-supported" for spot in found)


def _columns(settings: dict[str, Any]) -> tuple[Column, ...]:
    rate = "tokens/s" if "sequence_length" in settings else "Mpixel/s"
    return (
        Column(key="mode", heading="mode", numeric=False),
        Column(key="variant", heading="variant", numeric=False),
        Column(key="throughput", heading=f"{settings.get('item', 'sample')}s/s"),
        Column(key="interval", heading="± 95 %"),
        Column(key="rate", heading=rate),
        Column(key="step", heading="step"),
        Column(key="memory", heading="peak memory"),
        Column(key="memory_per_sample", heading="memory ÷ batch"),
    )


def _row(spot: Spot, sweep: Sweep, texts: dict[str, str]) -> Row:
    cell, per_sample = spot.cell, _units_per_sample(spot.facts.settings)
    throughput = cell.throughput
    rate = throughput.value * per_sample if throughput and per_sample else None
    in_millions = "sequence_length" not in spot.facts.settings
    shown = None if rate is None else units.significant(rate / 1e6 if in_millions else rate)
    memory = spot.memory_per_sample
    return Row(
        values={
            "suite": cell.subject.suite,
            "variant": cell.subject.variant,
            "mode": cell.mode,
            "dimension": sweep.dimension,
            "value": _value(sweep, cell.subject.variant),
            "state": cell.state,
            "samples_per_second": throughput and throughput.value,
            "samples_per_second_low": throughput and throughput.low,
            "samples_per_second_high": throughput and throughput.high,
            "is_shaky": cell.is_shaky,
            "pixels_per_second": rate if in_millions else None,
            "tokens_per_second": None if in_millions else rate,
            "step_seconds": cell.step_seconds,
            "peak_memory_bytes": cell.peak_bytes,
            "peak_memory_bytes_per_sample": memory,
        },
        texts={
            "mode": cell.mode,
            "variant": cell.subject.variant,
            "throughput": texts["throughput"],
            "interval": texts["interval"],
            "rate": marked(shown or units.ABSENT, shaky=cell.is_shaky),
            "step": texts["step"],
            "memory": texts["memory"],
            "memory_per_sample": units.memory(None if memory is None else round(memory)),
        },
    )


def _value(sweep: Sweep, variant: str) -> int | None:
    """What a variant stands for; None for one that the sweep does not have."""
    return sweep.value(variant) if variant in sweep.variants else None


def _units_per_sample(settings: dict[str, Any]) -> int | None:
    """Tokens of a sentence, padding counted, or pixels of an image."""
    if "sequence_length" in settings:
        return whole(settings["sequence_length"])
    side = whole(settings.get("image_size"))
    return None if side is None else side**2


def _about(sweep: Sweep, known: Sequence[Spot]) -> tuple[str, ...]:
    if not known:
        return ("not begun",)
    facts = known[0].facts
    held = [
        text
        for field, text in (
            ("batch_size", f"batch {facts.batch_size}"),
            ("sequence_length", f"{facts.settings.get('sequence_length')} tokens"),
            ("image_size", f"{facts.settings.get('image_size')} px"),
        )
        if field != sweep.field and (field == "batch_size" or field in facts.settings)
    ]
    if facts.accumulation > 1:
        held.append(f"{facts.accumulation} batches accumulated in a step")
    return (f"{facts.settings.get('model', 'model')} with {', '.join(held)} in every variant",)


def _left_out(
    record: RunRecord, by_mode: dict[str, list[Spot]], shown: dict[str, list[Spot]]
) -> list[str]:
    missing = [
        mode for mode, found in shown.items() if len(found) < len(record.header.plan.variants)
    ]
    notes = [
        f"{', '.join(modes)}: not supported here: {reason}"
        for reason, modes in by_reason(
            (found[0].cell.reason or "", mode)
            for mode, found in by_mode.items()
            if mode not in shown
        ).items()
    ]
    return notes + (["the run ended before the last variant"] if missing else [])
