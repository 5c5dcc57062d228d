"""Tables as GitHub-flavoured Markdown."""

from collections.abc import Sequence

from gpubench.gate.table import Table
from gpubench.render.text import printable


def render(tables: Sequence[Table]) -> str:
    """A heading, a table and a list of notes for each; markup in names is escaped."""
    return "\n\n".join(_one(table) for table in tables) + "\n"


def _one(table: Table) -> str:
    lines = [f"### {escaped(table.title)}", "", *(escaped(line) + "  " for line in table.about)]
    lines += ["", _line([column.heading for column in table.columns])]
    lines.append("|" + "|".join("---:" if c.numeric else "---" for c in table.columns) + "|")
    lines += [_line([row.texts[column.key] for column in table.columns]) for row in table.rows]
    if table.notes:
        lines += ["", *(f"- {escaped(note)}" for note in table.notes)]
    return "\n".join(lines)


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(escaped(cell) for cell in cells) + " |"


def escaped(text: str) -> str:
    """The text with everything escaped that Markdown would take for markup."""
    for mark in "\\`*_{}[]<>#|":
        text = text.replace(mark, "\\" + mark)
    return printable(text).replace("\\<", "&lt;").replace("\\>", "&gt;")
