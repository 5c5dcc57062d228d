"""All that a page shows of records: side by side first, then each with its tables and pictures."""

import dataclasses
from collections.abc import Sequence

from gpubench import units
from gpubench.bench.record import RunRecord
from gpubench.gate.chart import Chart
from gpubench.gate.charts import charts
from gpubench.gate.charts.loader import loader_chart
from gpubench.gate.charts.machines import machines_chart, price_chart
from gpubench.gate.charts.scaling import scaling_chart
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
    """``heading`` says what the page is about, ``names`` of which files it was made.

    ``together`` is what several records, or prices, say; empty for one record without.
    ``claims`` is there where the records are held against those of the source documents.
    """

    heading: str
    names: tuple[str, ...]
    chapters: tuple[Chapter, ...]
    together: tuple[Section, ...]
    claims: Table | None = None


def dossier(records: Sequence[RunRecord], prices: Sequence[Price] = ()) -> Dossier:
    """The page's content; ``prices`` are none, or one for each record."""
    named = labels(records)
    several = f"{len(records)} runs side by side"
    return Dossier(
        heading=several if len(records) > 1 else named[0].device,
        names=tuple(label.name for label in named),
        chapters=tuple(map(_chapter, records, named)),
        together=_together(records, prices) if len(records) > 1 or prices else (),
    )


def with_claims(shown: Dossier, records: Sequence[RunRecord]) -> Dossier:
    """The same page that says first what the records show of the documents' claims.

    Parts of one answer are no machines to choose between, so they do not stand side by side.
    """
    heading = f"Claims of the documents, held against {units.count(len(records), 'run')}"
    return dataclasses.replace(shown, heading=heading, together=(), claims=claims_table(records))


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
    """What stands before the subjects; a sweep and strategies with their pictures."""
    tables = opening(record, [table for each in subjects for table in each.tables])
    drawn = dict(sweep_charts(record))
    titles = [_heading(table) for table in tables]
    return tuple(
        Section(title=title, tables=(table,), charts=_beside(drawn, table))
        for title, table in zip(titles, tables, strict=True)
    )


def _heading(table: Table) -> str:
    """The suite, and what is said of it."""
    return " · ".join(table.title.split(" · ")[:2])


def _beside(sweeps: dict[str, Chart], table: Table) -> tuple[Chart, ...]:
    """The picture of a table that stands before the subjects."""
    suites = {row.values.get("suite") for row in table.rows}
    found = [*(chart for suite, chart in sweeps.items() if suite in suites), scaling_chart(table)]
    return tuple(chart for chart in found if chart is not None)


def _section(found: Compared) -> Section:
    return Section(title=found.subject.title, tables=found.tables, charts=_charts(found))


def _charts(found: Compared) -> tuple[Chart, ...]:
    """Those of its cells; where nothing was trained, of its loader."""
    if found.cells:
        scene = Scene(record=found.part, subject=found.subject, cells=found.cells)
        return charts(scene)
    loader = loader_chart(found.part, found.subject)
    return (loader,) if loader else ()
