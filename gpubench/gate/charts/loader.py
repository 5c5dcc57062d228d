"""How fast batches can be made: a bar for each number of workers and way of copying."""

from gpubench.bench.job import Subject
from gpubench.bench.record import RunRecord
from gpubench.gate.chart import Bars, Chart, Mark
from gpubench.gate.loading import LoaderRow, loader_rows
from gpubench.gate.marks import half_width, marked
from gpubench.gate.table import STATE_WORDS
from gpubench.gate.tables import item_of
from gpubench.units import significant


def loader_chart(record: RunRecord, subject: Subject) -> Chart | None:
    """The loader's rates of one subject; None where no process of it is known."""
    rows = loader_rows(record, subject)
    if not any(row.rate for row in rows):
        return None
    unit = f"{item_of(record.workloads.get(subject))}s/s"
    return Chart(
        name="loader",
        title="How fast batches are made",
        about=f"{unit} by loader processes, with 95 % intervals; longer is faster",
        parts=(Bars(unit=unit, marks=tuple(map(_mark, rows))),),
    )


def _mark(row: LoaderRow) -> Mark:
    if row.rate is None:
        return Mark(label=row.feed.title, text=STATE_WORDS.get(row.state, row.state))
    text = marked(significant(row.rate.value), shaky=row.is_shaky)
    if row.rate.half_width is not None:
        text += f" ± {half_width(row.rate)}"
    return Mark.of(row.feed.title, text, row.rate, is_shaky=row.is_shaky)
