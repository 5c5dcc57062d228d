"""What a price buys is told with its interval, and never of a figure that is not to be trusted."""

import dataclasses

import pytest

pytest.importorskip("pandas")

from gpubench.errors import BadUsage
from gpubench.gate.prices import Price, parse_prices, per_joule, price_tables, scaled
from tests.fakes.machines import gpu_record
from tests.fakes.records import measurement, record

pytestmark = pytest.mark.torch

MODES = ("fp32", "amp-bf16")


def told(*records, asked="3.6"):
    """The texts of the one table, by mode and record."""
    (table,) = price_tables(records, parse_prices(asked, len(records)))
    return table, {(row.texts["mode"], row.texts["record"]): row for row in table.rows}


def machine(speed=1.0, **changes):
    return gpu_record(speed=speed, modes=MODES, seed=round(10 * speed), **changes)


@pytest.mark.parametrize(
    ("text", "price"),
    [
        ("2.5", Price(per_hour=2.5, currency="USD")),
        ("$2.5", Price(per_hour=2.5, currency="USD")),
        ("2.49EUR", Price(per_hour=2.49, currency="EUR")),
        ("chf 3", Price(per_hour=3.0, currency="CHF")),
        (" 0.02 € ", Price(per_hour=0.02, currency="EUR")),
    ],
)
def test_a_price_is_read_with_its_currency(text, price):
    assert parse_prices(text, 1) == (price,)


@pytest.mark.parametrize(
    "text", ["", "0", "-1", "nan", "inf", "1e3", "2,5,", "$2USD", "two", "2 dollars", "1" * 12]
)
def test_what_is_no_price_is_said_in_a_line(text):
    with pytest.raises(BadUsage, match="--price-per-hour"):
        parse_prices(text, 1)


def test_one_price_is_for_all_and_several_are_one_each():
    assert len(parse_prices("2", 3)) == 3
    assert [price.per_hour for price in parse_prices("1,2,3", 3)] == [1, 2, 3]
    with pytest.raises(BadUsage, match="one for each of the 3 records; there are 2"):
        parse_prices("1,2", 3)
    with pytest.raises(BadUsage, match="one currency"):
        parse_prices("1EUR,2USD", 2)


def test_samples_for_a_price_are_those_of_an_hour_over_it():
    made = machine()
    _, rows = told(made)
    row = rows["fp32", "A"]
    throughput = sum(m.throughput for m in made.measurements if m.mode == "fp32") / 3
    assert row.values["samples_per_money"] == pytest.approx(1000 * throughput, rel=1e-3)
    low, high = row.values["samples_per_money_low"], row.values["samples_per_money_high"]
    assert low < row.values["samples_per_money"] < high
    assert row.texts["money"].endswith(" M")


def test_joules_are_those_of_the_counter_with_their_interval():
    _, rows = told(machine(watts=500.0))
    row = rows["fp32", "A"]
    assert row.values["samples_per_joule"] == pytest.approx(1600 / 500, rel=0.02)
    assert row.values["samples_per_joule_low"] < row.values["samples_per_joule_high"]


def test_joules_of_one_device_are_not_those_of_several():
    metered = {"energy_joules": 100.0}
    assert per_joule([measurement(telemetry=metered)]) is not None
    assert per_joule([measurement(telemetry=metered, ranks={"world": 2})]) is None
    both = metered | {"utilization_each": [0.9, 0.8]}
    assert per_joule([measurement(telemetry=both, ranks={"world": 2, "nodes": 1})]) is not None
    assert per_joule([measurement(telemetry=both, ranks={"world": 4, "nodes": 2})]) is None
    made = machine()
    facts = {s: dataclasses.replace(f, ranks=2) for s, f in made.workloads.items()}
    _, rows = told(dataclasses.replace(made, workloads=facts))
    assert rows["fp32", "A"].values["samples_per_joule"] is None
    assert rows["fp32", "A"].values["samples_per_money"] is not None


def test_where_nothing_was_metered_there_is_no_column_of_joules():
    table, _ = told(machine(watched=False))
    assert [column.key for column in table.columns] == ["mode", "money", "interval"]
    assert per_joule([measurement()]) is None


@pytest.mark.parametrize("joules", [0.0, -1.0, float("nan"), None])
def test_an_energy_that_is_none_is_no_figure(joules):
    assert per_joule([measurement(telemetry={"energy_joules": joules})]) is None


@pytest.mark.parametrize(
    ("trouble", "word"),
    [
        (("unstable", "did not settle"), "not to be promised"),
        (("capped", "clocks held"), "not to be promised"),
        (("out-of-memory", "no room"), "out of memory"),
        (("invalid", "TF32 leaked in"), "invalid"),
    ],
)
def test_a_figure_that_is_not_to_be_trusted_buys_nothing(trouble, word):
    _, rows = told(machine(trouble={"amp-bf16": trouble}), machine(1.5))
    row = rows["amp-bf16", "A"]
    assert row.texts["money"] == word
    assert row.values["samples_per_money"] is None
    assert row.values["samples_per_joule"] is None
    assert rows["amp-bf16", "B"].values["money_ratio"] is None


def test_processes_that_lie_too_far_apart_buy_nothing():
    made = record([measurement("fp32", p, 0.1 * (1 + 9 * p)) for p in (0, 1)])
    plan = dataclasses.replace(made.header.plan, preset="standard")
    made = dataclasses.replace(made, header=dataclasses.replace(made.header, plan=plan))
    _, rows = told(made)
    assert rows["fp32", "A"].texts["money"] == "not to be promised"


def test_a_smoke_test_buys_nothing():
    _, rows = told(record())
    assert {row.texts["money"] for row in rows.values()} == {"smoke test"}


def test_a_dearer_machine_is_held_against_the_first_by_what_it_buys():
    _, rows = told(machine(), machine(1.5), asked="2,4EUR".replace("EUR", ""))
    ratio = rows["fp32", "B"].values
    assert ratio["money_ratio"] == pytest.approx(0.75, rel=0.02)
    assert ratio["money_ratio_low"] < ratio["money_ratio"] < ratio["money_ratio_high"]


def test_other_work_is_not_held_against_it():
    _, rows = told(machine(), machine(batch=64))
    assert rows["fp32", "B"].texts["ratio"] == "not comparable"
    assert rows["fp32", "B"].values["samples_per_money"] is not None


def test_the_currency_is_said_in_heading_and_price():
    table, _ = told(machine(), asked="2.49EUR")
    assert table.columns[1].heading == "images per EUR"
    assert "2.49 EUR an hour" in table.about[0]


def test_an_interval_scales_with_its_value():
    from gpubench.gate.intervals import Estimate

    assert scaled(Estimate(value=2.0, low=1.0, high=None), 3.0) == Estimate(
        value=6.0, low=3.0, high=None
    )
