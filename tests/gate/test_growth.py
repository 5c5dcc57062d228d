"""What grows how, and what is not said where the data do not say it."""

import itertools
import random

import pytest

pytest.importorskip("scipy")
pytest.importorskip("pandas")

from gpubench.gate import growth

pytestmark = pytest.mark.torch
GIB = 2**30


def noisy(curve, xs, spread, processes=3, seed=1):
    draw = random.Random(seed)
    return [(x, curve(x) * draw.gauss(1, spread)) for x in xs for _ in range(processes)]


def test_memory_per_sample_and_the_fixed_part_are_found():
    found = growth.memory_growth([(b, 2 * GIB + b * 1.1 * GIB) for b in (2, 4, 8, 16)])
    assert found.per_sample.value == pytest.approx(1.1 * GIB)
    assert found.fixed.value == pytest.approx(2 * GIB)
    assert found.r2 == pytest.approx(1)
    assert found.largest_batch(40 * GIB) == 34


def test_two_sizes_give_a_slope_without_an_interval():
    found = growth.memory_growth([(2, 3 * GIB), (4, 4 * GIB)])
    assert found.per_sample.value == pytest.approx(0.5 * GIB)
    assert (found.per_sample.low, found.per_sample.high) == (None, None)


def test_one_size_gives_no_slope():
    assert growth.memory_growth([(8, GIB), (8, 2 * GIB)]) is None


def test_memory_that_does_not_rise_predicts_no_batch():
    assert growth.memory_growth([(2, GIB), (4, GIB), (8, GIB)]).largest_batch(9 * GIB) is None


def test_the_interval_of_a_fit_holds_the_truth_as_often_as_it_says():
    held = 0
    for seed in range(400):
        points = noisy(lambda x: 3 + 2 * x, (1, 2, 3, 4), 0.02, seed=seed)
        slope = growth.fit(points, (0, 1), relative=True).coefficients[1]
        held += slope.low <= 2 <= slope.high
    assert 0.92 < held / 400 < 0.98


@pytest.mark.parametrize("power", [1, 1.4, 2])
def test_the_exponent_of_a_power_is_found_within_its_interval(power):
    found = growth.exponent(noisy(lambda x: 1e-4 * x**power, (128, 256, 384, 512), 0.01))
    assert found.low < power < found.high
    assert found.high - found.low < 0.05


def test_a_quadratic_part_is_seen_where_it_is_large():
    found = growth.quadratic(
        noisy(lambda x: 1e-3 + 1e-4 * x + 3e-7 * x**2, (128, 256, 384, 512), 0.005)
    )
    truth = 3e-7 * 512**2 / (1e-3 + 1e-4 * 512 + 3e-7 * 512**2)
    assert found.verdict == "seen"
    assert found.share.low < truth < found.share.high


def test_linear_time_shows_no_quadratic_part():
    found = growth.quadratic(noisy(lambda x: 1e-3 + 1e-4 * x, (128, 256, 384, 512), 0.002))
    assert found.verdict == "not seen"


def test_noise_leaves_the_question_open():
    verdicts = [
        growth.quadratic(
            noisy(lambda x: 1e-3 + 1e-4 * x, (128, 256, 384, 512), 0.08, seed=seed)
        ).verdict
        for seed in range(100)
    ]
    assert verdicts.count("inconclusive") >= 90


def test_three_points_for_three_parameters_leave_the_question_open():
    found = growth.quadratic([(x, 1e-3 + 1e-4 * x + 3e-6 * x**2) for x in (128, 256, 512)])
    assert (found.verdict, found.share.low) == ("inconclusive", None)


def test_two_lengths_give_no_quadratic_part():
    assert growth.quadratic(noisy(lambda x: x, (128, 256), 0.01)) is None


def test_a_quadratic_part_is_rarely_seen_in_linear_time():
    seen = sum(
        growth.quadratic(
            noisy(lambda x: 1e-3 + 1e-4 * x, (128, 256, 384, 512), 0.02, seed=seed)
        ).verdict
        == "seen"
        for seed in range(400)
    )
    assert seen / 400 < 0.05


def test_operations_are_split_exactly():
    found = growth.quadratic_operations([(x, 1000 * x + 2 * x**2) for x in (64, 128, 512)])
    assert found == pytest.approx(2 * 512**2 / (1000 * 512 + 2 * 512**2))
    assert growth.quadratic_operations([(64, 1.0)]) is None


def test_gains_are_per_doubling_whatever_the_step_between_sizes():
    (found,) = growth.gains([(8, [100.0, 100.0]), (32, [400.0, 400.0])])
    assert (found.smaller, found.larger) == (8, 32)
    assert found.value == pytest.approx(1.0)


def saturating(spread, seed=1):
    draw = random.Random(seed)
    rates = {8: 100, 16: 150, 32: 170, 64: 173, 128: 174}
    return [(b, [rate * draw.gauss(1, spread) for _ in range(3)]) for b, rate in rates.items()]


def test_the_size_from_which_doubling_is_not_worth_it_is_found():
    assert growth.saturated_from(growth.gains(saturating(0.002))) == 32


def test_noise_leaves_that_size_open():
    assert growth.saturated_from(growth.gains(saturating(0.1))) is None


def test_throughput_that_still_rises_is_not_saturated():
    rising = [(b, [100.0 * b, 101.0 * b]) for b in (1, 2, 4)]
    assert growth.saturated_from(growth.gains(rising)) is None


def test_sizes_that_measured_nothing_are_passed_over():
    found = growth.gains([(8, [1.0, 1.0]), (16, []), (32, [2.0, 2.0])])
    assert [(gain.smaller, gain.larger) for gain in found] == [(8, 32)]


def test_fits_do_not_depend_on_the_order_of_points():
    points = noisy(lambda x: 5 + x, (1, 2, 3), 0.01)
    fits = {growth.fit(order, (0, 1)).coefficients[1].value for order in
            itertools.islice(itertools.permutations(points), 20)}  # fmt: skip
    assert max(fits) - min(fits) < 1e-9
