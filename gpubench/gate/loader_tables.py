"""The loader's table: how fast batches can be made, whatever is trained on them."""

from collections.abc import Sequence
from typing import Any

from gpubench import units
from gpubench.bench.job import Subject
from gpubench.bench.record import LOADER, RunRecord
from gpubench.gate.input_texts import TOKEN_HEADINGS
from gpubench.gate.loading import TOKENS, LoaderRow, loader_rows
from gpubench.gate.marks import half_width, marked, ratio_text
from gpubench.gate.table import STATE_WORDS, Column, Row, Table


def loader_table(
    record: RunRecord, subject: Subject, *, title: str, about: Sequence[str], item: str
) -> Table:
    """A row per number of workers and way of copying."""
    rows = loader_rows(record, subject)
    counted = [name for name in TOKEN_HEADINGS if any(name in row.contents for row in rows)]
    return Table(
        title=title,
        about=tuple(about),
        columns=(
            Column(key="workers", heading="workers"),
            Column(key="pinned", heading="pinned", numeric=False),
            Column(key="copy", heading="copy", numeric=False),
            Column(key="rate", heading=f"{item}s/s"),
            Column(key="interval", heading="± 95 %"),
            *(Column(key=name, heading=TOKEN_HEADINGS[name]) for name in counted),
            Column(key="cpu", heading=f"CPU ms per {item}"),
            Column(key="scaling", heading="× 0 workers"),
        ),
        rows=tuple(
            Row(values=loader_values(subject, row), texts=_texts(record, row)) for row in rows
        ),
        notes=tuple(loader_notes(record, subject, rows)),
    )


def _texts(record: RunRecord, row: LoaderRow) -> dict[str, str]:
    on_gpu = record.header.plan.device != "cpu"
    state = STATE_WORDS.get(row.state, row.state)
    cost = row.cpu_seconds_per_item
    return {
        "workers": str(row.feed.processes),
        "pinned": ("yes" if row.feed.pinned else "no") if on_gpu else units.ABSENT,
        "copy": ("non-blocking" if row.feed.non_blocking else "blocking")
        if on_gpu
        else units.ABSENT,
        "rate": marked(units.significant(row.rate.value), shaky=row.is_shaky)
        if row.rate
        else state,
        "interval": half_width(row.rate),
        "cpu": units.ABSENT
        if cost is None
        else marked(units.significant(1e3 * cost), shaky=row.is_shaky),
        "scaling": ratio_text(
            row.scaling if row.feed.processes else None, shaky=row.scaling_is_shaky
        ),
        **{
            name: marked(units.significant(row.contents[name]), shaky=row.is_shaky)
            if name in row.contents
            else units.ABSENT
            for name in TOKEN_HEADINGS
        },
    }


def loader_values(subject: Subject, row: LoaderRow) -> dict[str, Any]:
    """The raw values of a row, for CSV and JSON."""
    rate, scaling = row.rate, row.scaling
    return {
        "suite": subject.suite,
        "variant": subject.variant or None,
        "workers": row.feed.processes,
        "pinned": row.feed.pinned,
        "non_blocking": row.feed.non_blocking,
        "augment": row.feed.augment,
        "lengths": row.feed.lengths,
        "long": row.feed.long,
        "state": row.state,
        "reason": row.reason,
        "processes": row.processes,
        "items_per_second": rate and rate.value,
        "items_per_second_low": rate and rate.low,
        "items_per_second_high": rate and rate.high,
        "cpu_seconds_per_item": row.cpu_seconds_per_item,
        "scaling": scaling and scaling.value,
        "scaling_low": scaling and scaling.low,
        "scaling_high": scaling and scaling.high,
        **{f"{name}_per_second": row.contents.get(name) for name in (*TOKENS, *row.contents)},
    }


def loader_notes(record: RunRecord, subject: Subject, rows: Sequence[LoaderRow]) -> list[str]:
    """Why rows have no number or a doubtful one, and what the rows are."""
    notes = [
        f"{row.feed.title}: {STATE_WORDS.get(row.state, row.state)}: {row.reason}"
        for row in rows
        if row.state != "ok" and row.reason
    ]
    notes += [
        f"{row.feed.title}: a process left out: {fault}" for row in rows for fault in row.faults
    ]
    planned = record.header.plan.processes
    notes += [
        f"{row.feed.title}: {row.processes} of {planned} processes measured"
        for row in rows
        if row.rate and not row.faults and row.processes < planned
    ]
    closing = record.closing(subject, LOADER)
    if closing and closing.left_out:
        notes.append(
            f"the budget of {units.seconds(closing.budget_seconds)} was spent: left out "
            f"{'; '.join(closing.left_out)} (--resume goes on)"
        )
    wide = [row.feed.title for row in rows if row.rate and row.rate.is_wide]
    if wide:
        notes.append(f"{'; '.join(wide)}: the processes differ too much to give a figure")
    if record.header.plan.device == "cpu":
        notes.append("without a GPU nothing is copied, and memory is not pinned")
    notes.append(
        "files are read again and again, so they come from the page cache: a rate from disk "
        "may be lower"
    )
    return notes
