"""Tables of several records side by side: figures, and ratios to the first record."""

import dataclasses
from collections.abc import Sequence
from typing import Any

from gpubench import units
from gpubench.bench.record import RunRecord
from gpubench.gate.labels import labels
from gpubench.gate.machines import Abreast, Entry, abreast, of_subject, what_to_know
from gpubench.gate.marks import by_reason, half_width, ratio_text
from gpubench.gate.table import Column, Row, Table
from gpubench.gate.tables import throughput_text

NO_RATIO = "not comparable"


ABREAST = 4
"""Records that stand beside the first in one table: what paper is wide enough for (own choice)."""


def side_by_side(records: Sequence[RunRecord]) -> tuple[Table, ...]:
    """Tables of every subject that any record has; none of fewer than two records."""
    if len(records) < 2:
        return ()
    found = of_subject(abreast(records))
    return tuple(table for lines in found.values() for table in machine_tables(records, lines))


def machine_tables(records: Sequence[RunRecord], lines: Sequence[Abreast]) -> tuple[Table, ...]:
    """The tables of one subject: the first record with a few of the others in each."""
    others = range(1, len(records))
    begins = range(0, len(others), ABREAST)
    return tuple(_table(records, lines, (0, *others[at : at + ABREAST])) for at in begins)


def _table(records: Sequence[RunRecord], lines: Sequence[Abreast], places: Sequence[int]) -> Table:
    """The records at those places, of which the first is what ratios are to."""
    named = [labels(records)[place] for place in places]
    letters = [label.letter for label in named]
    shown = [
        dataclasses.replace(line, entries=tuple(line.entries[place] for place in places))
        for line in lines
    ]
    return Table(
        title=f"{lines[0].name.subject.title} · {lines[0].item}s/s of {', '.join(letters)} "
        "side by side",
        about=(
            *(label.title for label in named),
            *what_to_know([records[place] for place in places], letters),
        ),
        columns=(
            Column(key="mode", heading="mode", numeric=False),
            *(Column(key=letter, heading=letter) for letter in letters),
            *(_ratio_column(letter, letters[0]) for letter in letters[1:]),
        ),
        rows=tuple(_row(line, letters) for line in shown),
        notes=tuple(_notes(shown, letters)),
        repeats=True,
    )


def _ratio_column(letter: str, first: str) -> Column:
    return Column(key=f"ratio {letter}", heading=f"{letter} ÷ {first}")


def _row(line: Abreast, letters: Sequence[str]) -> Row:
    named = list(zip(letters, line.entries, strict=True))
    values: dict[str, Any] = {
        "suite": line.name.subject.suite,
        "variant": line.name.subject.variant or None,
        "mode": line.name.mode,
        "records": [_values(letter, entry) for letter, entry in named],
    }
    texts = {
        "mode": line.name.mode,
        **{letter: figure_text(entry) for letter, entry in named},
        **{f"ratio {letter}": _ratio_text(entry) for letter, entry in named[1:]},
    }
    return Row(values=values, texts=texts)


def _values(letter: str, entry: Entry) -> dict[str, Any]:
    """The raw values of one record's part."""
    cell, ratio = entry.cell, entry.ratio
    found = cell and cell.throughput
    return {
        "record": letter,
        "state": cell.state if cell else None,
        "samples_per_second": found and found.value,
        "samples_per_second_low": found and found.low,
        "samples_per_second_high": found and found.high,
        "is_shaky": cell.is_shaky if cell else None,
        "ratio": ratio and ratio.value,
        "ratio_low": ratio and ratio.low,
        "ratio_high": ratio and ratio.high,
        "ratio_is_shaky": entry.ratio_is_shaky if ratio else None,
        "not_comparable": entry.apart,
    }


def figure_text(entry: Entry) -> str:
    """What a record came to, with its interval; a word or a dash where it has no figure."""
    if entry.cell is None:
        return units.ABSENT
    text = throughput_text(entry.cell)
    estimate = entry.cell.throughput
    if estimate is None or estimate.half_width is None:
        return text
    return f"{text} ± {half_width(estimate)}"


def _ratio_text(entry: Entry) -> str:
    if entry.ratio is None:
        return NO_RATIO
    return ratio_text(entry.ratio, shaky=entry.ratio_is_shaky)


def _notes(lines: Sequence[Abreast], letters: Sequence[str]) -> list[str]:
    """Why there is no ratio, and what the marks stand for; alike reasons share a line."""
    reasons = by_reason(
        ((letter, entry.apart), line.name.mode)
        for line in lines
        for letter, entry in zip(letters, line.entries, strict=True)
        if entry.apart
    )
    notes = []
    for (letter, reason), modes in reasons.items():
        said = (reason or "").replace("the first record", letters[0]).replace("this record", letter)
        named = "every mode" if len(modes) == len(lines) else ", ".join(modes)
        notes.append(f"{letter} ÷ {letters[0]}, {named}: not comparable: {said}")
    if any(entry.cell and entry.cell.is_shaky for line in lines for entry in line.entries):
        notes.append("~: not to be taken as it stands; the notes of the record's own table say why")
    return notes
