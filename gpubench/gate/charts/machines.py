"""Pictures of several records side by side: throughput, and what a price buys."""

import dataclasses
from collections.abc import Sequence

from gpubench.bench.record import RunRecord
from gpubench.gate.chart import Bars, Chart, Mark
from gpubench.gate.charts.throughput import throughput_mark
from gpubench.gate.labels import labels
from gpubench.gate.machines import Abreast, Entry
from gpubench.gate.marks import half_width
from gpubench.gate.prices import Price, number, worth


def machines_chart(records: Sequence[RunRecord], lines: Sequence[Abreast]) -> Chart | None:
    """A bar a mode and record of one subject; None of fewer than two records."""
    if len(records) < 2:
        return None
    groups = tuple(label.letter for label in labels(records))
    unit = f"{lines[0].item}s/s"
    marks = [
        _held_apart(throughput_mark(entry.cell, line.name.mode, group), entry)
        for line in lines
        for group, entry in enumerate(line.entries)
        if entry.cell is not None
    ]
    shaky = any(mark.is_shaky for mark in marks)
    return Chart(
        name="machines",
        title="Throughput by record",
        about=f"{unit}, with 95 % intervals over processes; longer is faster",
        parts=(Bars(unit=unit, marks=tuple(marks), groups=groups),),
        notes=(
            *(("hollow and ~: not to be taken as it stands",) if shaky else ()),
            *_apart_notes(lines, groups),
        ),
    )


APART = "≠"
"""Stands beside a figure of other work than the first record's."""


def _held_apart(mark: Mark, entry: Entry) -> Mark:
    return dataclasses.replace(mark, text=f"{mark.text} {APART}") if entry.is_apart else mark


def _apart_notes(lines: Sequence[Abreast], groups: Sequence[str]) -> tuple[str, ...]:
    if not any(entry.is_apart for line in lines for entry in line.entries):
        return ()
    return (f"{APART}: not comparable with {groups[0]}; the notes of the table say why",)


def price_chart(
    records: Sequence[RunRecord], prices: Sequence[Price], lines: Sequence[Abreast]
) -> Chart | None:
    """A bar a mode and record: samples for a unit of money. None where nothing can be promised."""
    groups = tuple(label.letter for label in labels(records)) if len(records) > 1 else ()
    unit = f"{lines[0].item}s per {prices[0].currency}"
    marks = [
        _priced(line.name.mode, entry, price, prices[0], group)
        for line in lines
        for group, (entry, price) in enumerate(zip(line.entries, prices, strict=True))
        if entry.cell is not None
    ]
    if all(mark.value is None for mark in marks):
        return None
    return Chart(
        name="price",
        title=f"What one {prices[0].currency} buys",
        about=f"{unit}, with 95 % intervals over processes; longer is cheaper",
        parts=(Bars(unit=unit, marks=tuple(marks), groups=groups),),
        notes=_apart_notes(lines, groups),
    )


def _priced(mode: str, entry: Entry, price: Price, first: Price, group: int) -> Mark:
    found = worth(entry, price, first)
    if found.per_money is None:
        return Mark(label=mode, text=found.why or "", group=group)
    text = number(found.per_money)
    if found.per_money.half_width is not None:
        text += f" ± {half_width(found.per_money)}"
    return _held_apart(Mark.of(mode, text, found.per_money, group=group), entry)
