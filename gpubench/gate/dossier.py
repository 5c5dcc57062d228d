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
from gpubench.gate.machine_tables import machine_tables
from gpubench.gate.machines import Abreast, abreast, of_subject
from gpubench.gate.pages import opening
from gpubench.gate.prices import Price, price_table
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
    return tuple(
        Section(
            title=subject.title,
            tables=(
                *(machine_tables(records, lines) if len(records) > 1 else ()),
                *((price_table(records, prices, lines),) if prices else ()),
            ),
            charts=_drawn(records, prices, lines),
        )
        for subject, lines in of_subject(abreast(records)).items()
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
        sections=(*_opening(record, subjects), *map(_section, subjects)),
    )


def _opening(record: RunRecord, subjects: Sequence[Compared]) -> tuple[Section, ...]:
    """What stands before the subjects; a sweep with its pictures."""
    tables = opening(record, [table for each in subjects for table in each.tables])
    drawn = dict(sweep_charts(record))
    titles = [_heading(table) for table in tables]
    return tuple(
        Section(title=title, tables=(table,), charts=_of_suite(drawn, table))
        for title, table in zip(titles, tables, strict=True)
    )


def _heading(table: Table) -> str:
    """The suite, and what is said of it."""
    return " · ".join(table.title.split(" · ")[:2])


def _of_suite(drawn: dict[str, Chart], table: Table) -> tuple[Chart, ...]:
    suites = {row.values.get("suite") for row in table.rows}
    return tuple(chart for suite, chart in drawn.items() if suite in suites)


def _section(found: Compared) -> Section:
    scene = Scene(record=found.part, subject=found.subject, cells=found.cells)
    return Section(
        title=found.subject.title,
        tables=found.tables,
        charts=charts(scene) if found.cells else (),
    )
