"""Scaling of strategies: what ranks do together over as many times what one does alone."""

from gpubench.gate.chart import Bars, Chart, Mark
from gpubench.gate.table import Row, Table


def scaling_chart(table: Table) -> Chart | None:
    """A bar a mode and strategy from the table of strategies; None where nothing was scaled."""
    rows = [row for row in table.rows if (row.values.get("ranks") or 1) > 1]
    if not any(row.values.get("scaling_efficiency") for row in rows):
        return None
    marks = tuple(map(_mark, rows))
    shaky = any(mark.is_shaky for mark in marks)
    return Chart(
        name="scaling",
        title="How it scales",
        about="throughput over so many times that of one process, with 95 % intervals; 1 is "
        "perfect",
        parts=(Bars(unit="of perfect", marks=marks, reference=1.0),),
        notes=("hollow and ~: not to be taken as it stands; the notes say why",) if shaky else (),
    )


def _mark(row: Row) -> Mark:
    """The row's own words; its value is drawn where the table gives one as a number."""
    label = f"{row.texts['mode']} · {row.texts['strategy']}"
    text, value = row.texts["efficiency"], row.values["scaling_efficiency"]
    if value is None:
        return Mark(label=label, text=row.texts["throughput"])
    if not any(character.isdigit() for character in text):
        return Mark(label=label, text=text)
    return Mark(
        label=label,
        text=text,
        value=value,
        low=row.values["scaling_efficiency_low"],
        high=row.values["scaling_efficiency_high"],
        is_shaky=bool(row.values["is_shaky"]),
    )
