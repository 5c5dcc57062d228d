"""What ``gpubench report`` writes of records: tables in a format, or a page."""

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from gpubench.cli import terminal
from gpubench.errors import BadUsage

if TYPE_CHECKING:
    from gpubench.bench.record import RunRecord
    from gpubench.gate.prices import Price

PRICED = ("text", "markdown", "json", "html")
"""Formats that have a place for what a price buys; a row of CSV is a cell of a record."""


def hold_price(asked: str | None, format: str, records: int) -> "tuple[Price, ...]":  # noqa: A002
    """The prices that were asked for, none or one a record; errors before any file is read."""
    from gpubench.gate.prices import parse_prices

    if asked is None:
        return ()
    if format not in PRICED:
        raise BadUsage(f"--price-per-hour has no place in {format}; use {', '.join(PRICED)}")
    return parse_prices(asked, records)


def answer_of(
    records: "Sequence[RunRecord]",
    format: str,  # noqa: A002
    prices: "Sequence[Price]",
    *,
    of_claims: bool = False,
) -> str:
    """The records in a format: their tables, side by side where there are several, or a page.

    ``of_claims`` asks for the table of claims instead of theirs; on a page it comes first.
    """
    from gpubench.gate.claims.table import claims_table
    from gpubench.gate.machine_tables import side_by_side
    from gpubench.gate.pages import pages
    from gpubench.gate.prices import price_tables
    from gpubench.render.registry import PAGE, renderer

    if format == PAGE.name:
        from gpubench.render.html.page import render

        return render(records, prices, of_claims=of_claims)
    if of_claims:
        return renderer(format)([claims_table(records)])
    tables = [table for record in records for table in pages(record)]
    tables += side_by_side(records)
    tables += price_tables(records, prices) if prices else ()
    return renderer(format)(tables)


def with_picture(text: str, records: "Sequence[RunRecord]", format: str) -> str:  # noqa: A002
    """On a terminal, the tables with the throughput as bars below; else the tables alone."""
    from gpubench.render import plots

    if format != "text" or not sys.stdout.isatty():
        return text
    drawn = plots.text("throughput", records, terminal.columns())
    return text + "\n" + terminal.drawn(drawn)
