"""Axes have round values, and put a value where it belongs."""

import pytest

from gpubench.render.html.scale import Scale, decades, over, written


@pytest.mark.parametrize(
    ("low", "high", "ticks"),
    [
        (0, 700, [0, 200, 400, 600]),
        (0, 1.1, [0, 0.2, 0.4, 0.6, 0.8, 1.0]),
        (1895, 1985, [1900, 1920, 1940, 1960, 1980]),
        (-3, 9, [-2, 0, 2, 4, 6, 8]),
    ],
)
def test_ticks_are_round_and_within(low, high, ticks):
    assert Scale(low=low, high=high).ticks == pytest.approx(ticks)


def test_a_logarithmic_axis_has_whole_decades_few_enough_to_read():
    scale = decades([3e-8, 0.2])
    assert (scale.low, scale.high) == pytest.approx((1e-8, 1.0))
    assert len(scale.ticks) <= 5
    assert scale.at(1e-4) == pytest.approx(0.5)


def test_a_value_beyond_the_ends_stays_in_the_picture():
    scale = Scale(low=0, high=10)
    assert (scale.at(-5), scale.at(5), scale.at(50)) == (0.0, 0.5, 1.0)


@pytest.mark.parametrize("values", [[], [0.0], [5.0, 5.0], [-1.0, 1.0], [1e-300]])
def test_any_values_make_an_axis_with_an_extent(values):
    for from_zero in (True, False):
        scale = over(values, from_zero=from_zero)
        assert scale.high > scale.low
        assert scale.ticks


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"), (0.25, "0.25"), (250, "250"), (2_000, "2000"), (20_000, "20k"), (1.5e6, "1.5M"),
        (1e-8, "10⁻⁸"), (2e-5, "2·10⁻⁵"), (3e9, "3G"),
    ],
)  # fmt: skip
def test_a_tick_is_written_short(value, text):
    assert written(value) == text
