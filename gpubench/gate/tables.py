"""Tables: what a reader is shown of a record, with the raw values beside their words."""

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

from gpubench import units
from gpubench.bench import ceilings
from gpubench.bench.job import Subject
from gpubench.bench.record import RunRecord, WorkloadFacts
from gpubench.gate.advice import memory_notes
from gpubench.gate.break_even import BreakEven
from gpubench.gate.ceilings import ceilings_table
from gpubench.gate.conditions import condition_values
from gpubench.gate.endings import ending_notes, left_out
from gpubench.gate.input_texts import TOKEN_HEADINGS, input_notes, input_texts, input_values
from gpubench.gate.loader_tables import loader_table
from gpubench.gate.loading import TOKENS, loader_faults
from gpubench.gate.marks import by_reason, half_width, marked, ratio_text
from gpubench.gate.odd_lines import counted, device_line
from gpubench.gate.parity_words import parity_text
from gpubench.gate.roofline import peaks_line, roofline_notes, roofline_values
from gpubench.gate.searches import search_lines
from gpubench.gate.standing import by_subject
from gpubench.gate.step_notes import step_notes
from gpubench.gate.summary import Cell, summarise
from gpubench.gate.table import STATE_WORDS, Column, Row, Table
from gpubench.gate.telemetry_table import telemetry_table, unwatched_notes


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """One subject of a record: its tables and, where something was trained, its cells.

    ``part`` is the record, cut down to the subject where nothing else judges it, which is quicker
    to read.
    """

    subject: Subject
    part: RunRecord
    tables: tuple[Table, ...]
    cells: tuple[Cell, ...] = ()


def comparison(record: RunRecord) -> tuple[Table, ...]:
    """Tables per subject of the plan: modes against float32, and what a GPU did meanwhile."""
    return tuple(table for found in compared(record) for table in found.tables)


def compared(record: RunRecord) -> tuple[Compared, ...]:
    """The subjects of the plan in order, each with what is shown of it."""
    subjects = dict.fromkeys(  # of ceilings there is one table, whatever the variants
        ceilings.SUBJECT if subject.suite == ceilings.SUITE else subject
        for subject in record.header.plan.subjects
    )
    parts = by_subject(record)
    return tuple(_compared(record, parts.get(subject, record), subject) for subject in subjects)


def _compared(record: RunRecord, part: RunRecord, subject: Subject) -> Compared:
    plain = Compared(subject=subject, part=part, tables=())
    if subject == ceilings.SUBJECT:
        return dataclasses.replace(plain, tables=(ceilings_table(record),))
    if record.header.plan.tier == "loader":
        return dataclasses.replace(plain, tables=(_loader_table(record, subject),))
    cells = tuple(summarise(part, subject))
    shown = _subject_table(record, subject, cells)
    meanwhile = telemetry_table(shown.title, item_of(record.workloads.get(subject)), cells)
    tables = (shown,) if meanwhile is None else (shown, meanwhile)
    return dataclasses.replace(plain, tables=tables, cells=cells)


def _subject_table(record: RunRecord, subject: Subject, cells: Sequence[Cell]) -> Table:
    facts = record.workloads.get(subject)
    columns = _columns(record, cells, item_of(facts))
    return Table(
        title=title(record, subject),
        about=tuple(_about(record, facts)),
        columns=columns,
        rows=tuple(_row(cell, columns) for cell in cells),
        notes=tuple(_notes(record, cells)),
    )


def _loader_table(record: RunRecord, subject: Subject) -> Table:
    facts = record.workloads.get(subject)
    return loader_table(
        record,
        subject,
        title=title(record, subject),
        about=_about(record, facts),
        item=item_of(facts),
    )


def item_of(facts: WorkloadFacts | None) -> str:
    """What a sample is called."""
    return str(facts.settings.get("item", "sample")) if facts else "sample"


def _columns(record: RunRecord, cells: Sequence[Cell], item: str) -> tuple[Column, ...]:
    padded = any(len(set(cell.tokens.values())) > 1 for cell in cells)
    side = {"bound": "bound by", "waiting": "waiting for data", "cores": "cores to feed it"}
    from_files = record.header.plan.tier == "end-to-end"
    return (
        Column(key="mode", heading="mode", numeric=False),
        Column(key="throughput", heading=f"{item}s/s"),
        Column(key="interval", heading="± 95 %"),
        *(Column(key=key, heading=heading) for key, heading in TOKEN_HEADINGS.items() if padded),
        *(Column(key=key, heading=heading) for key, heading in side.items() if from_files),
        Column(key="speedup", heading="× fp32"),
        Column(key="mfu", heading="MFU"),
        Column(key="step", heading="step"),
        Column(key="memory", heading="peak memory"),
        Column(key="compile", heading="compile cold / warm"),
        Column(key="break_even", heading="pays off after"),
        Column(key="loss", heading="loss"),
        Column(key="parity", heading="parity"),
    )


def _row(cell: Cell, columns: Sequence[Column]) -> Row:
    texts = {
        "mode": cell.mode,
        "throughput": throughput_text(cell),
        "interval": half_width(cell.throughput),
        "speedup": ratio_text(cell.speedup, shaky=cell.speedup_is_shaky),
        "mfu": _mfu(cell),
        "step": marked(units.seconds(cell.step_seconds), shaky=cell.is_shaky),
        "memory": units.memory(cell.peak_bytes),
        "compile": _pair(cell.compile_cold_seconds, cell.compile_warm_seconds, units.seconds),
        "break_even": _break_even(cell.break_even),
        "loss": _losses(cell.losses),
        "parity": _parity(cell),
        **input_texts(cell.input, shaky=cell.is_unsteady),
        **{key: _tokens(cell, key) for key in TOKEN_HEADINGS},
    }
    return Row(values=_values(cell), texts={column.key: texts[column.key] for column in columns})


def _values(cell: Cell) -> dict[str, Any]:
    """The raw values, for CSV and JSON."""
    throughput, speedup = cell.throughput, cell.speedup
    return {
        "suite": cell.subject.suite,
        "variant": cell.subject.variant or None,
        "mode": cell.mode,
        "state": cell.state,
        "reason": cell.reason,
        "processes": cell.processes,
        "samples_per_second": throughput and throughput.value,
        "samples_per_second_low": throughput and throughput.low,
        "samples_per_second_high": throughput and throughput.high,
        "is_shaky": cell.is_shaky,
        "speedup": speedup and speedup.value,
        "speedup_low": speedup and speedup.low,
        "speedup_high": speedup and speedup.high,
        **roofline_values(cell.roofline),
        "step_seconds": cell.step_seconds,
        "peak_memory_bytes": cell.peak_bytes,
        "compile_cold_seconds": cell.compile_cold_seconds,
        "compile_warm_seconds": cell.compile_warm_seconds,
        "break_even_steps": cell.break_even and cell.break_even.steps,
        "break_even": cell.break_even and cell.break_even.verdict,
        "break_even_is_shaky": cell.break_even and cell.break_even.is_shaky,
        "loss_first": cell.losses and cell.losses[0],
        "loss_last": cell.losses and cell.losses[1],
        "skipped_steps": cell.skipped_steps,
        **condition_values(cell.conditions),
        "gpu_busy_share": cell.gpu_busy_share,
        "speedup_is_shaky": cell.speedup_is_shaky,
        "parity_unchecked": cell.unchecked,
        "parity_holds": cell.parity and cell.parity.holds,
        "parity_deviation": cell.parity and cell.parity.deviation,
        "parity_allowed": cell.parity and cell.parity.allowed,
        **{f"{name}_per_second": cell.tokens.get(name) for name in TOKENS},
        **input_values(cell.input),
    }


def throughput_text(cell: Cell) -> str:
    """The figure of a cell as tables write it, or the word for why there is none."""
    if cell.throughput is None:
        return STATE_WORDS.get(cell.state, cell.state)
    return marked(units.significant(cell.throughput.value), shaky=cell.is_shaky)


def _tokens(cell: Cell, name: str) -> str:
    if cell.throughput is None or name not in cell.tokens:
        return units.ABSENT
    return marked(units.significant(cell.tokens[name]), shaky=cell.is_shaky)


def _mfu(cell: Cell) -> str:
    """Model FLOPs over the measured peak; marked where the cell or the peak is in doubt."""
    place = cell.roofline if cell.throughput else None
    if place is None or place.mfu is None:
        return units.ABSENT
    return marked(units.percent(place.mfu), shaky=cell.is_shaky or place.is_shaky)


def _pair(first: float | None, second: float | None, write: Callable[[float | None], str]) -> str:
    if first is None and second is None:
        return units.ABSENT
    return f"{write(first)} / {write(second)}"


def _break_even(found: BreakEven | None) -> str:
    """Steps after which compiling has paid off, against the eager mode of the same numerics."""
    if found is None:
        return units.ABSENT
    if found.steps is None:
        return marked(found.verdict, shaky=found.is_shaky and found.verdict == "never")
    steps = f"{units.significant(found.steps, 2)} steps"
    return marked(steps, shaky=found.is_shaky or found.verdict == "likely")


def _losses(ends: tuple[float, float] | None) -> str:
    return units.ABSENT if ends is None else f"{ends[0]:.3f} → {ends[1]:.3f}"


def _parity(cell: Cell) -> str:
    if cell.parity is None:
        return "not checked" if cell.throughput and cell.unchecked else units.ABSENT
    return parity_text(cell.parity)


def title(record: RunRecord, subject: Subject) -> str:
    """What a table or a plot of this subject is about: suite, model, shapes, batch, preset."""
    plan, facts = record.header.plan, record.workloads.get(subject)
    if facts is None:
        return f"{subject.title} · {plan.preset} · not begun"
    settings = facts.settings
    shape = [
        str(settings.get("model", subject.suite)),
        counted(settings.get("layers", 0), "layer"),
    ]
    if "image_size" in settings:
        shape.append(f"{settings['image_size']} px")
    if "sequence_length" in settings:
        shape.append(counted(settings["sequence_length"], "token"))
    times = f"{facts.accumulation} × " if facts.accumulation > 1 else ""
    shape.append(f"batch {times}{facts.batch_size}")
    if plan.preset != "smoke":
        return f"{subject.title} · {', '.join(shape)} · {plan.preset}"
    return f"{subject.title} · SMOKE TEST, not for figures: {', '.join(shape)}"


def _about(record: RunRecord, facts: WorkloadFacts | None) -> list[str]:
    if facts is None:
        return []
    plan = record.header.plan
    processes = units.count(plan.processes, "process", "processes")
    if record.header.protocol.precision is not None and plan.tier != "loader":
        processes += " or more"
    window = f"windows of {record.header.protocol.window_min_seconds:g} s or more"
    data = f"{facts.settings.get('data')}, {plan.tier}"
    row = "row" if plan.tier == "loader" else "mode"
    lines = [f"{device_line(facts.device)} · {data} · {processes} per {row}, {window}"]
    if plan.preset == "smoke":
        lines.append("It shows that training works here; use --preset standard for figures.")
    lines += search_lines(record, facts)
    return lines + [line for line in (peaks_line(record), _data_line(facts.survey)) if line]


def _data_line(survey: dict[str, Any]) -> str:
    """What was read of the data, and what was not."""
    if "sentences_found" in survey:
        return (
            f"data: {units.count(survey['sentences_found'], 'sentence')} read "
            f"({units.count(survey['words_found'], 'word')}, longest "
            f"{survey['longest_sentence_words']}), {survey['sentences_truncated']} truncated "
            f"({units.count(survey['words_cut'], 'word')} cut), 0 skipped, "
            f"{units.count(survey['words_without_token'], 'word')} without a token; "
            f"tokenizer: {survey['tokenizer']}{_rows_line(survey)}"
        )
    if "images_found" in survey:
        unchecked = survey["images_not_checked"]
        return (
            f"data: {units.count(survey['images_found'], 'image')} in "
            f"{units.count(survey['classes'], 'class', 'classes')}, "
            f"{survey['images_decoded']} read, {survey['images_unreadable']} unreadable and "
            f"skipped, {units.count(survey['other_files'], 'other file')} skipped"
            + (f", {unchecked} not checked before the run" if unchecked else "")
        )
    return ""


def _rows_line(survey: dict[str, Any]) -> str:
    """How sentences became rows, where that is not one each at one length."""
    said = ""
    if survey.get("sentences_windowed"):
        said += (
            f"; {units.count(survey['sentences_windowed'], 'long sentence')} cut into windows, "
            f"{units.count(survey['rows'], 'row')} in all "
            f"({units.count(survey['words_repeated'], 'word')} repeated, labelled once)"
        )
    lengths = survey.get("rows_by_length", {})
    if len(lengths) > 1:
        said += "; rows by padded length: " + ", ".join(f"{n} × {k}" for k, n in lengths.items())
    return said


def _notes(record: RunRecord, cells: Sequence[Cell]) -> list[str]:
    """What must be known of rows: why there is no number, or why it is doubtful."""
    reasons = by_reason(
        ((cell.state, cell.reason), cell.mode)
        for cell in cells
        if cell.state not in ("ok", "out-of-memory") and cell.reason
    )
    notes = [
        f"{', '.join(modes)}: {STATE_WORDS.get(state, state)}: {reason}"
        for (state, reason), modes in reasons.items()
    ]
    notes += memory_notes(record, cells)
    wide = [cell.mode for cell in cells if cell.throughput and cell.throughput.is_wide]
    if wide:
        notes.append(
            f"{', '.join(wide)}: the processes differ too much to give a figure; "
            "a quiet machine or more --processes narrow the interval"
        )
    notes += [
        f"{cell.mode}: parity was not checked: {cell.unchecked}"
        for cell in cells
        if cell.throughput and cell.unchecked
    ]
    notes += [
        f"{cell.mode}: {cell.processes} of {record.header.plan.processes} processes measured"
        for cell in cells
        if cell.throughput and not cell.faults and cell.processes < record.header.plan.processes
        if not left_out(record, cell)
    ]
    notes += ending_notes(record, cells)
    notes += unwatched_notes(record, cells)
    notes += step_notes(record, cells)
    notes += _data_notes(record, cells)
    notes += input_notes([(cell.mode, cell.input) for cell in cells if cell.throughput])
    notes += [f"loader alone: {f}" for c in cells[:1] for f in loader_faults(record, c.subject)]
    notes += roofline_notes(record, [cell.roofline for cell in cells if cell.throughput])
    notes += [
        f"{cell.mode}: {units.count(cell.skipped_steps, 'step')} skipped by the gradient scaler"
        for cell in cells
        if cell.skipped_steps
    ]
    notes += [
        f"{cell.mode}: {units.count(len(cell.faults), 'process', 'processes')} left out: {fault}"
        for cell in cells
        for fault in dict.fromkeys(cell.faults)
    ]
    notes += [
        f"{cell.mode}: {units.count(len(cell.discarded), 'process', 'processes')} discarded and "
        f"done again: {reason}"
        for cell in cells
        for reason in dict.fromkeys(cell.discarded)
    ]
    if any("+compile-" in cell.mode and cell.throughput for cell in cells) and _on_gpu(record):
        notes.append(
            "peak memory of modes with CUDA graphs is what was reserved, not what was used"
        )
    if record.torn:
        notes.append("the record's last line was cut short and is left out")
    if record.unknown_lines:
        notes.append(f"{record.unknown_lines} lines of a newer kind in the record are left out")
    return notes


def _data_notes(record: RunRecord, cells: Sequence[Cell]) -> list[str]:
    """Images that broke after the survey, and so were replaced in the batches."""
    replaced = {
        cell.mode: sum(
            m.data.get("images_replaced", 0) for m in record.measured(cell.subject, cell.mode)
        )
        for cell in cells
    }
    return [
        f"{mode}: {units.count(count, 'image')} could not be read and stood aside for another"
        for mode, count in replaced.items()
        if count
    ]


def _on_gpu(record: RunRecord) -> bool:
    return record.header.plan.device != "cpu"
