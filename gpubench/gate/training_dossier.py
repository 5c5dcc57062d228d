"""All that a page shows of trainings: each with its tables and pictures."""

from collections.abc import Sequence

from gpubench.bench.learning.record import FILE_NAME, TrainingRecord
from gpubench.gate.charts.training import training_charts
from gpubench.gate.dossier import Dossier, Section
from gpubench.gate.labels import public_name
from gpubench.gate.training_tables import title, training_tables


def training_dossier(records: Sequence[TrainingRecord]) -> Dossier:
    """The page's content; of one training its title is what the page is about."""
    names = tuple(public_name(record.source, FILE_NAME) for record in records)
    several = f"{len(records)} trainings"
    return Dossier(
        heading=several if len(records) > 1 else title(records[0]),
        names=names,
        chapters=(),
        together=tuple(map(_section, records, names)),
    )


def _section(record: TrainingRecord, name: str) -> Section:
    return Section(
        title=name, tables=tuple(training_tables(record)), charts=training_charts(record)
    )
