"""Tables as aligned text, for terminals and logs."""

import unicodedata
from collections.abc import Sequence

from gpubench.gate.table import Table


def render(tables: Sequence[Table]) -> str:
    """Each table under its title, with what it is about and notes; plain characters only."""
    return "\n\n".join(_one(table) for table in tables) + "\n"


def _one(table: Table) -> str:
    heads = [column.heading for column in table.columns]
    rows = [[row.texts[column.key] for column in table.columns] for row in table.rows]
    widths = [max(map(_width, cells)) for cells in zip(heads, *rows, strict=True)]
    lines = [printable(table.title), *(f"  {printable(line)}" for line in table.about), ""]
    lines.append(_line(table, heads, widths))
    lines.append("  " + "  ".join("─" * width for width in widths))
    lines += [_line(table, row, widths) for row in rows]
    if table.notes:
        lines += ["", *(f"  {printable(note)}" for note in table.notes)]
    return "\n".join(line.rstrip() for line in lines)


def _line(table: Table, cells: Sequence[str], widths: Sequence[int]) -> str:
    padded = []
    for column, cell, width in zip(table.columns, cells, widths, strict=True):
        space = " " * (width - _width(cell))
        padded.append(space + printable(cell) if column.numeric else printable(cell) + space)
    return "  " + "  ".join(padded)


def _width(text: str) -> int:
    """How many columns a terminal gives the text; ideographs take two."""
    if text.isascii():
        return len(text)
    return sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in printable(text))


def printable(text: str) -> str:
    """The text without control characters: a name in a record must not drive a terminal."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(c if unicodedata.category(c)[0] != "C" else "�" for c in text)
