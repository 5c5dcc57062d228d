"""Intervals of throughputs, and what stopping at a width costs them."""

import math
import random
import statistics

import pytest

from gpubench.bench.intervals import log_half_width, quantile


def test_one_process_has_no_interval():
    assert log_half_width([100.0]) is None


def test_half_a_width_is_students_t_over_the_logarithms():
    logs = [math.log(value) for value in (100, 102, 101)]
    expected = 4.302653 * statistics.stdev(logs) / math.sqrt(3)
    assert log_half_width([100, 102, 101]) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("scatter", [0.003, 0.01, 0.02])
def test_stopping_at_a_width_keeps_nine_intervals_of_ten(scatter):
    """The decision to go on looks at the width; the price was found to be at most 5 points."""
    noise = random.Random(1)
    held, runs = 0, 1500
    t = {n: quantile(n - 1) for n in range(3, 9)}
    for _ in range(runs):
        logs = [noise.gauss(0, scatter) for _ in range(8)]
        for n in range(3, 9):
            half = t[n] * statistics.stdev(logs[:n]) / math.sqrt(n)
            if half <= 0.01 or n == 8:
                held += abs(statistics.fmean(logs[:n])) <= half
                break
    assert held / runs >= 0.89
