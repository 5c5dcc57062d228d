"""What a unit of money and a joule buy: samples, with their intervals.

A figure that is not to be taken as it stands buys nothing that could be promised, and so has a
word instead of a number.
"""

import dataclasses
import math
import re
from collections.abc import Iterator, Sequence
from typing import Any

from gpubench import units
from gpubench.bench.record import Measurement, RunRecord
from gpubench.errors import BadUsage
from gpubench.gate.intervals import Estimate, mean_of
from gpubench.gate.labels import labels
from gpubench.gate.machines import Abreast, Entry, abreast, of_subject
from gpubench.gate.marks import half_width, ratio_text
from gpubench.gate.odd_lines import processes
from gpubench.gate.table import STATE_WORDS, Column, Row, Table

SIGNS = {"$": "USD", "€": "EUR", "£": "GBP", "¥": "JPY"}
USUAL = "USD"
"""The currency of a price that names none."""

_PRICE = re.compile(r"([A-Za-z]{3}|[$€£¥])?\s*(\d{1,9}(?:\.\d{1,9})?)\s*([A-Za-z]{3}|[$€£¥])?")

SECONDS_AN_HOUR = 3600.0

ASSUMED = (
    "the price is that of an hour of what the run used, as it was given; training at the measured "
    "throughput without a pause is assumed"
)
REFUSED = (
    "a figure that is not to be taken as it stands (~, or of a smoke test) buys nothing that could "
    "be promised, and has no number here"
)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """What an hour costs, in a currency of three letters."""

    per_hour: float
    currency: str

    @property
    def text(self) -> str:
        """2.50 USD an hour; cents, unless there are finer parts."""
        has_cents = round(self.per_hour, 2) == self.per_hour
        amount = f"{self.per_hour:,.2f}" if has_cents else f"{self.per_hour:.10g}"
        return f"{amount} {self.currency} an hour".replace(",", " ")


def parse_prices(text: str, records: int) -> tuple[Price, ...]:
    """One price for each record; BadUsage where their number or currencies do not go together."""
    prices = [_price(part) for part in text.split(",")]
    if len(prices) not in (1, records):
        raise BadUsage(
            f"--price-per-hour: give one price, or one for each of the {records} records; "
            f"there are {len(prices)}"
        )
    if len({price.currency for price in prices}) > 1:
        raise BadUsage("--price-per-hour: give all prices in one currency")
    return tuple(prices) if len(prices) == records else tuple(prices * records)


def _price(text: str) -> Price:
    found = _PRICE.fullmatch(text.strip())
    if found is None or (found[1] and found[3]) or not float(found[2]) > 0:
        raise BadUsage(
            f"--price-per-hour {text.strip()}: give a price such as 2.49, $2.49 or 2.49EUR"
        )
    said = found[1] or found[3] or USUAL
    return Price(per_hour=float(found[2]), currency=SIGNS.get(said, said.upper()))


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Worth:
    """What a record's cell buys: samples per unit of money and per joule of the GPU.

    ``ratio`` is money's worth over the first record's, None where the two ``is_apart``. ``why`` is
    said where there is no number.
    """

    per_money: Estimate | None = None
    per_joule: Estimate | None = None
    ratio: Estimate | None = None
    why: str | None = None
    is_apart: bool = False


def worth(entry: Entry, price: Price, first: Price) -> Worth:
    """What one record's part in a cell buys at a price; the first record has another."""
    cell = entry.cell
    if cell is None:
        return Worth(why=units.ABSENT)
    if cell.throughput is None:
        return Worth(why=STATE_WORDS.get(cell.state, cell.state))
    if cell.is_shaky:
        return Worth(why="not to be promised")
    if entry.record.header.plan.preset == "smoke":
        return Worth(why="smoke test")
    own, ratio = processes(entry.record, cell.subject, cell.mode), None
    if entry.ratio is not None and not entry.ratio_is_shaky:
        ratio = scaled(entry.ratio, first.per_hour / price.per_hour)
    return Worth(
        per_money=scaled(cell.throughput, SECONDS_AN_HOUR / price.per_hour),
        per_joule=None if _is_spread(entry) else per_joule(own),
        ratio=ratio,
        is_apart=entry.is_apart,
    )


def _is_spread(entry: Entry) -> bool:
    """Whether several devices trained together."""
    facts = entry.record.workloads.get(entry.cell.subject) if entry.cell else None
    return facts is not None and facts.ranks > 1


def scaled(estimate: Estimate, factor: float) -> Estimate:
    """The estimate of a figure that is so many times another."""
    return Estimate(
        value=factor * estimate.value,
        low=None if estimate.low is None else factor * estimate.low,
        high=None if estimate.high is None else factor * estimate.high,
    )


def per_joule(measured: Sequence[Measurement]) -> Estimate | None:
    """Samples per joule of all GPUs that trained, over the processes that were metered."""
    each = [measurement.joules_per_sample for measurement in measured if measurement.counts]
    shares = [1 / joules for joules in each if joules is not None and math.isfinite(joules)]
    return mean_of(shares) if shares else None


def price_tables(records: Sequence[RunRecord], prices: Sequence[Price]) -> tuple[Table, ...]:
    """A table of every subject that any record has."""
    return tuple(
        price_table(records, prices, lines) for lines in of_subject(abreast(records)).values()
    )


def price_table(
    records: Sequence[RunRecord], prices: Sequence[Price], lines: Sequence[Abreast]
) -> Table:
    """The table of one subject: a row per mode and record."""
    named = labels(records)
    item, currency = lines[0].item, prices[0].currency
    several = len(records) > 1
    rows = [
        _row(line, label.letter, worth(entry, price, prices[0]))
        for line in lines
        for label, entry, price in zip(named, line.entries, prices, strict=True)
    ]
    joules = any(row.values["samples_per_joule"] for row in rows)
    return Table(
        title=f"{lines[0].name.subject.title} · what a price buys",
        about=tuple(
            f"{label.letter + ': ' if several else ''}{label.name} · {label.device} · {price.text}"
            for label, price in zip(named, prices, strict=True)
        ),
        columns=tuple(_columns(item, currency, named[0].letter, several=several, joules=joules)),
        rows=tuple(rows),
        notes=_notes(item, joules=joules),
        repeats=True,
    )


def _columns(
    item: str, currency: str, first: str, *, several: bool, joules: bool
) -> Iterator[Column]:
    yield Column(key="mode", heading="mode", numeric=False)
    if several:
        yield Column(key="record", heading="record", numeric=False)
    yield Column(key="money", heading=f"{item}s per {currency}")
    yield Column(key="interval", heading="± 95 %")
    if several:
        yield Column(key="ratio", heading=f"÷ {first}")
    if joules:
        yield Column(key="joule", heading=f"{item}s per J")
        yield Column(key="joule_interval", heading="± 95 % of it")


def _notes(item: str, *, joules: bool) -> tuple[str, ...]:
    said = [ASSUMED, REFUSED]
    if joules:
        said.append(f"{item}s per J: of the GPU alone by its own counter; the host is not in it")
    return tuple(said)


def _row(line: Abreast, letter: str, found: Worth) -> Row:
    values: dict[str, Any] = {
        "suite": line.name.subject.suite,
        "variant": line.name.subject.variant or None,
        "mode": line.name.mode,
        "record": letter,
        **_ends("samples_per_money", found.per_money),
        **_ends("samples_per_joule", found.per_joule),
        **_ends("money_ratio", found.ratio),
        "why": found.why,
    }
    return Row(
        values=values,
        texts={
            "mode": line.name.mode,
            "record": letter,
            "money": found.why or number(found.per_money),
            "interval": half_width(found.per_money),
            "ratio": "not comparable" if found.is_apart else ratio_text(found.ratio, shaky=False),
            "joule": number(found.per_joule),
            "joule_interval": half_width(found.per_joule),
        },
    )


def _ends(name: str, estimate: Estimate | None) -> dict[str, float | None]:
    return {
        name: estimate.value if estimate else None,
        f"{name}_low": estimate.low if estimate else None,
        f"{name}_high": estimate.high if estimate else None,
    }


def number(estimate: Estimate | None) -> str:
    """A figure without its interval; nothing that is too wide to mean anything."""
    if estimate is None:
        return units.ABSENT
    if estimate.is_wide:
        return "inconclusive"
    return (
        units.si(estimate.value, "").strip()
        if estimate.value >= 1
        else units.significant(estimate.value)
    )
