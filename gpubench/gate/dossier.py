"""All that a page shows of records: side by side first, then each with its tables and pictures."""

import dataclasses
from collections.abc import Sequence

from gpubench.bench.record import RunRecord
from gpubench.gate.chart import Chart
from gpubench.gate.charts import charts
from gpubench.gate.charts.machines import machines_chart, price_chart
from gpubench.gate.charts.scene import Scene
from gpubench.gate.charts.sweep import sweep_charts
from gpubench.gate.claims.table import claims_table
from gpubench.gate.glance import Glance, glance
from gpubench.gate.labels import Label, labels
from gpubench.gate.machine_tables import tables_of
from gpubench.gate.machines import Abreast, abreast, of_subject
from gpubench.gate.prices import Price, price_tables
from gpubench.gate.sweeps import sweep_tables
from gpubench.gate.table import Table
from gpubench.gate.tables import Compared, compared


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """What is shown under one heading."""

    title: str
    tables: tuple[Table, ...] = ()
    charts: tuple[Chart, ...] = ()


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Chapter:
    """One record with what it says at a glance, and a section a subject."""

    record: RunRecord
    label: Label
    glances: tuple[Glance, ...]
    sections: tuple[Section, ...]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Dossier:
    """``together`` is what several records, or prices, say; empty for one record without.

    ``claims`` is there where the records are held against those of the source documents.
    """

    chapters: tuple[Chapter, ...]
    together: tuple[Section, ...]
    claims: Table | None = None


def dossier(records: Sequence[RunRecord], prices: Sequence[Price] = ()) -> Dossier:
    """The page's content; ``prices`` are none, or one for each record."""
    return Dossier(
        chapters=tuple(map(_chapter, records, labels(records))),
        together=_together(records, prices) if len(records) > 1 or prices else (),
    )


def with_claims(shown: Dossier, records: Sequence[RunRecord]) -> Dossier:
    """The same page that says first what the records show of the documents' claims."""
    return dataclasses.replace(shown, claims=claims_table(records))


def _together(records: Sequence[RunRecord], prices: Sequence[Price]) -> tuple[Section, ...]:
    lines = abreast(records)
    several = tables_of(records, lines) if len(records) > 1 else ()
    priced = price_tables(records, prices, lines) if prices else ()
    return tuple(
        Section(
            title=subject.title,
            tables=tuple(table for tables in (several, priced) for table in tables[at : at + 1]),
            charts=_drawn(records, prices, found),
        )
        for at, (subject, found) in enumerate(of_subject(lines).items())
    )


def _drawn(
    records: Sequence[RunRecord], prices: Sequence[Price], lines: Sequence[Abreast]
) -> tuple[Chart, ...]:
    found = [machines_chart(records, lines)]
    found += [price_chart(records, prices, lines)] if prices else []
    return tuple(chart for chart in found if chart is not None)


def _chapter(record: RunRecord, label: Label) -> Chapter:
    subjects = compared(record)
    return Chapter(
        record=record,
        label=label,
        glances=tuple(found for each in subjects if (found := glance(each)) is not None),
        sections=(*_sweeps(record, subjects), *map(_section, subjects)),
    )


def _sweeps(record: RunRecord, subjects: Sequence[Compared]) -> tuple[Section, ...]:
    """A section per suite of a sweep, which says first what it is about."""
    tables = sweep_tables(record, [table for each in subjects for table in each.tables])
    drawn = dict(sweep_charts(record))
    return tuple(
        Section(
            title=f"{suite}, the sweep",
            tables=(table,),
            charts=(drawn[suite],) if suite in drawn else (),
        )
        for suite, table in zip(record.header.plan.suites, tables, strict=False)
    )


def _section(found: Compared) -> Section:
    scene = Scene(record=found.part, subject=found.subject, cells=found.cells)
    return Section(
        title=found.subject.title,
        tables=found.tables,
        charts=charts(scene) if found.cells else (),
    )
