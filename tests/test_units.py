"""Quantities are written with three significant digits and their unit."""

import pytest

from gpubench import units


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.00085, "850 µs"),
        (0.0123, "12.3 ms"),
        (4.561, "4.56 s"),
        (200, "3 min 20 s"),
        (7500, "2 h 05 min"),
        (None, "–"),
    ],
)
def test_durations(value, text):
    assert units.seconds(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [(512, "512 B"), (512 * 2**20, "512 MiB"), (85 * 2**30, "85.0 GiB"), (None, "–")],
)
def test_sizes(value, text):
    assert units.memory(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.01234, "0.0123"), (4.567, "4.57"), (12345.6, "12 346"), (0, "0"), (float("nan"), "nan")],
)
def test_numbers_have_three_digits_and_no_exponent(value, text):
    assert units.significant(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (187.2e9, "187 GB/s"),
        (999.4e9, "999 GB/s"),
        (2.25e15, "2 250 TB/s"),
        (12.0, "12.0 B/s"),
        (None, "–"),
    ],
)
def test_rates_have_decimal_prefixes(value, text):
    assert units.si(value, "B/s") == text


def test_a_noun_agrees_with_its_number():
    assert units.count(1, "class", "classes") == "1 class"
    assert units.count(3442, "sentence") == "3 442 sentences"


def test_a_share_is_a_percentage():
    assert units.percent(0.034) == "3.4 %"


@pytest.mark.parametrize(
    ("text", "share"),
    [("2%", 0.02), (" 0.5 % ", 0.005), ("0.02", 0.02), (".5", 0.5), ("1e-2", None), ("100%", None),
     ("0", None), ("-1%", None), ("nan", None), ("2%%", None), ("", None)],
)  # fmt: skip
def test_a_share_is_read_in_one_way_for_all_options(text, share):
    assert units.parse_share(text) == (share if share is None else pytest.approx(share))
