"""The rule for stored baselines agrees with SciPy and knows what a session is."""

import pytest

pytest.importorskip("scipy")

from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from gpubench.gate import welch
from gpubench.gate.sequential import Noise

pytestmark = pytest.mark.torch

A, B = (0.01, 0.03, 0.02, 0.05), (0.11, 0.08, 0.12)
costs = st.lists(st.floats(-1, 1, width=32), min_size=3, max_size=6)


def test_one_process_a_session_is_welch_s_test():
    sides = [[[value] for value in A], [[value] for value in B]]
    error = welch.by_sessions(sides)
    found = welch.interval(sides, error, 0.01)
    ours = stats.ttest_ind(B, A, equal_var=False)
    low, high = ours.confidence_interval(0.98)
    assert (found.low, found.high) == pytest.approx((low, high))
    assert error.freedom == pytest.approx(ours.df)


def test_a_calibrated_session_without_noise_leaves_welch_s_test_of_processes():
    sides = [[list(A)], [list(B)]]
    error = welch.by_calibration(sides, Noise(variance=0.0, freedom=5))
    found = welch.interval(sides, error, 0.01)
    low, high = stats.ttest_ind(B, A, equal_var=False).confidence_interval(0.98)
    assert (found.low, found.high) == pytest.approx((low, high))


def test_a_session_counts_once_however_many_processes_it_has():
    assert welch.mean_of([[0.0], [1.0, 1.0, 1.0]]) == 0.5


def test_the_variance_between_sessions_counts_for_each_side():
    quiet = [[[0.0, 0.0, 0.0]], [[0.1, 0.1, 0.1]]]
    error = welch.by_calibration(quiet, Noise(variance=0.01**2, freedom=7))
    assert (error.variance, error.freedom) == (pytest.approx(2 * 0.01**2), pytest.approx(7))


def test_what_never_varies_needs_no_quantile():
    error = welch.by_sessions([[[0.0]] * 3, [[0.5]] * 3])
    assert (error.half_width(0.001), error.gates_at(0.001)) == (0.0, 0.0)


@given(costs, costs)
def test_swapping_the_sides_mirrors_the_interval(one, other):
    sides = [[[value] for value in one], [[value] for value in other]]
    error = welch.by_sessions(sides)
    there = welch.interval(sides, error, 0.01)
    back = welch.interval(sides[::-1], welch.by_sessions(sides[::-1]), 0.01)
    assert (there.low, there.high) == pytest.approx((-back.high, -back.low))


def test_the_sessions_needed_are_more_than_there_are_and_settle_it():
    sides = [[[value] for value in A], [[value] for value in B]]
    error = welch.by_sessions(sides)
    found = welch.interval(sides, error, 0.001)
    needed = welch.needed(error, found, 0.03, 0.001, 3)
    assert needed is not None
    assert needed > 3
