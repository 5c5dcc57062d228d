"""The formats of run records: tables for people, a page, and exports for other programs."""

import dataclasses
import importlib
from collections.abc import Callable, Sequence

from gpubench.bench.record import RunRecord
from gpubench.errors import UnknownName
from gpubench.gate.table import Table

Render = Callable[[Sequence[Table]], str]
Export = Callable[[Sequence[RunRecord]], str]


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
"""Tables; each is a module with ``render(tables)``, and is written beside every record."""

EXPORTS = (
    Format(name="junit", module="gpubench.render.run_junit", ending="xml"),
    Format(name="prometheus", module="gpubench.render.run_prometheus", ending="prom"),
    Format(name="pytest-benchmark", module="gpubench.render.run_pytest_benchmark", ending="json"),
    Format(name="github-benchmark", module="gpubench.render.run_github_benchmark", ending="json"),
)
"""What ``report`` writes for other programs; each is a module with ``render(records)``."""

WITHOUT_MARKS = ("pytest-benchmark", "github-benchmark")
"""Exports that leave a figure out which a table marks: they have no place for the mark."""

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


def exporter(name: str) -> Export | None:
    """The function that writes records in the format of that name; None for tables and the page.

    UnknownName, with the nearest of all kinds, where it is none.
    """
    for entry in EXPORTS:
        if entry.name == name:
            render: Export = importlib.import_module(entry.module).render
            return render
    known = (*FORMATS, PAGE, *EXPORTS)
    if all(entry.name != name for entry in known):
        raise UnknownName("format", name, (entry.name for entry in known))
    return None
