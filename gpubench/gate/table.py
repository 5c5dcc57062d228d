"""What a table is: rows of raw values beside their words, for every format to render."""

import dataclasses
from typing import Any


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """A column: its key in data formats, its heading for people, and whether it holds numbers."""

    key: str
    heading: str
    numeric: bool = True


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """``values`` in base units by name, None for what is absent; ``texts`` by column key."""

    values: dict[str, Any]
    texts: dict[str, str]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """One table with a title, lines about how it came about, and notes on its rows.

    ``repeats`` says that its rows stand in other tables as well, seen from another side.
    """

    title: str
    about: tuple[str, ...]
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    notes: tuple[str, ...]
    repeats: bool = False


STATE_WORDS = {
    "not-supported": "not supported",
    "out-of-memory": "out of memory",
    "timed-out": "timed out",
    "capped": "clocks held",
    "not-measured": "not measured",
}
