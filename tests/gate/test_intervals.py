"""Intervals hold the share of cases they promise, and say nothing of one process."""

import math
import random

import pytest

pytest.importorskip("scipy")

from gpubench.gate.intervals import mean_of, ratio_of

pytestmark = pytest.mark.torch


def test_the_mean_is_geometric():
    assert mean_of([50.0, 200.0]).value == pytest.approx(100)


def test_the_interval_is_student_s():
    # logs 0 and 1: mean 0.5, standard error 0.5, t(0.975, 1) = 12.706
    estimate = mean_of([1.0, math.e])
    assert math.log(estimate.high) == pytest.approx(0.5 + 12.7062 * 0.5, rel=1e-4)
    assert math.log(estimate.low) == pytest.approx(0.5 - 12.7062 * 0.5, rel=1e-4)


def test_one_process_has_no_interval():
    estimate = mean_of([100.0])
    assert (estimate.value, estimate.low, estimate.half_width) == (pytest.approx(100), None, None)
    assert ratio_of([100.0, 101.0], [50.0]).low is None


def test_a_ratio_of_equal_processes_is_exact():
    estimate = ratio_of([200.0, 200.0], [100.0, 100.0])
    assert (estimate.value, estimate.low, estimate.high) == pytest.approx((2, 2, 2))


def test_noise_beyond_all_bounds_stays_a_number():
    assert math.isfinite(mean_of([1e-300, 1e300]).high)


@pytest.mark.parametrize("processes", [2, 3, 5])
def test_nineteen_intervals_in_twenty_hold_the_truth(processes):
    source = random.Random(processes)
    runs = 4000

    def draw(truth):
        return [truth * math.exp(source.gauss(0, 0.05)) for _ in range(processes)]

    means = [mean_of(draw(100.0)) for _ in range(runs)]
    ratios = [ratio_of(draw(200.0), draw(100.0)) for _ in range(runs)]
    assert sum(e.low <= 100 <= e.high for e in means) / runs == pytest.approx(0.95, abs=0.012)
    # Welch's approximation is on the safe side for few processes
    assert 0.94 < sum(e.low <= 2 <= e.high for e in ratios) / runs <= 1
