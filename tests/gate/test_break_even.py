"""Compiling pays off after its seconds over those it saves per step."""

import pytest

from gpubench.gate.break_even import break_even


def test_seconds_of_compiling_are_won_back_step_by_step():
    found = break_even(30.0, [200, 202, 198], [100, 101, 99], 8)
    assert found.verdict == "steps"
    assert found.steps == pytest.approx(30 / (8 / 100 - 8 / 200), rel=1e-3)


def test_what_is_slower_never_pays_off():
    found = break_even(30.0, [90, 91, 89], [100, 101, 99], 8)
    assert (found.verdict, found.steps) == ("never", None)


@pytest.mark.parametrize("compiled", [(100, 104, 98), (99, 103, 95)])
def test_a_difference_within_the_noise_is_inconclusive(compiled):
    found = break_even(30.0, compiled, [100, 101, 99], 8)
    assert (found.verdict, found.steps) == ("inconclusive", None)


def test_one_process_each_gives_a_figure_that_is_not_sure():
    found = break_even(30.0, [200], [100], 8)
    assert (found.verdict, found.steps) == ("likely", pytest.approx(750))


@pytest.mark.parametrize("compiled", [90, 99.9])
def test_one_slower_process_does_not_say_never(compiled):
    found = break_even(30.0, [compiled], [100], 8)
    assert (found.verdict, found.steps) == ("inconclusive", None)


def test_what_was_not_measured_gives_nothing():
    assert break_even(None, [200], [100], 8) is None
    assert break_even(30.0, [], [100], 8) is None
    assert break_even(30.0, [200], [], 8) is None


def test_compiling_in_no_time_pays_off_at_once():
    assert break_even(0.0, [200, 201], [100, 101], 8).steps == 0
