"""The formats in which tables are written; each is a module with ``render(tables)``.

A page is no such format: it is made from records, since it shows what tables do not hold.
"""

import dataclasses
import importlib
from collections.abc import Callable, Sequence

from gpubench.errors import UnknownName
from gpubench.gate.table import Table

Render = Callable[[Sequence[Table]], str]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Format:
    """A format's name, its module, and the ending of its files."""

    name: str
    module: str
    ending: str


FORMATS = (
    Format(name="text", module="gpubench.render.text", ending="txt"),
    Format(name="markdown", module="gpubench.render.markdown", ending="md"),
    Format(name="csv", module="gpubench.render.csv", ending="csv"),
    Format(name="json", module="gpubench.render.json", ending="json"),
)

PAGE = Format(name="html", module="gpubench.render.html.page", ending="html")
"""What ``report`` writes of records as a page, tables and pictures in one file."""


def format_named(name: str) -> Format:
    """The format of that name; UnknownName with the nearest names otherwise."""
    for entry in FORMATS:
        if entry.name == name:
            return entry
    raise UnknownName("format", name, (entry.name for entry in FORMATS))


def renderer(name: str) -> Render:
    """The function that writes tables in the format of that name."""
    render: Render = importlib.import_module(format_named(name).module).render
    return render
