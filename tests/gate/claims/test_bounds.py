"""A figure against the bound of a claim."""

import dataclasses

import pytest

pytest.importorskip("scipy")

from gpubench.gate.claims.bounds import UNDECIDED, held_against, processes_needed, shorter
from gpubench.gate.growth import Bounded
from tests.fakes.claims import claim

pytestmark = pytest.mark.torch

FASTER = claim("F1 speed")  # at least 1.3
SLOW = claim("F6 CPU")  # below 2
MEMORY = claim("F8 memory")  # from 0.99 to 1.3 GB


def figure(low, value, high):
    return Bounded(value=value, low=low, high=high)


@pytest.mark.parametrize(
    ("of", "ends", "verdict"),
    [
        (FASTER, (1.31, 1.4, 1.5), "reproduced"),
        (FASTER, (1.30, 1.4, 1.5), "reproduced"),
        (FASTER, (1.1, 1.2, 1.29), "not reproduced"),
        (FASTER, (1.1, 1.4, 1.7), UNDECIDED),
        (FASTER, (1.1, 1.2, 1.30), UNDECIDED),
        (SLOW, (1.0, 1.5, 1.9), "reproduced"),
        (SLOW, (2.0, 2.5, 3.0), "not reproduced"),
        (SLOW, (1.9, 2.0, 2.1), UNDECIDED),
        (MEMORY, (1.0e9, 1.1e9, 1.2e9), "reproduced"),
        (MEMORY, (0.5e9, 0.6e9, 0.7e9), "not reproduced"),
        (MEMORY, (1.4e9, 1.5e9, 1.6e9), "not reproduced"),
        (MEMORY, (1.2e9, 1.25e9, 1.4e9), UNDECIDED),
        (MEMORY, (0.9e9, 1.1e9, 1.4e9), UNDECIDED),
    ],
)
def test_the_whole_interval_decides(of, ends, verdict):
    assert held_against(figure(*ends), of) == verdict


def test_a_figure_without_an_interval_decides_nothing():
    assert held_against(figure(None, 9.0, None), FASTER) == UNDECIDED


def test_more_processes_are_needed_the_nearer_the_bound_lies():
    far = processes_needed(figure(1.25, 1.40, 1.57), FASTER, 3)
    near = processes_needed(figure(1.18, 1.33, 1.50), FASTER, 3)
    assert 3 < far < near


def test_a_figure_on_the_bound_is_not_settled_by_more_processes():
    assert processes_needed(figure(1.2, 1.3, 1.4), FASTER, 3) is None
    assert processes_needed(figure(None, 1.4, None), FASTER, 1) is None


def test_an_interval_that_reaches_below_zero_can_be_settled_too():
    share = claim("F4")  # at least 0.36
    assert 3 < processes_needed(figure(-0.1, 0.2, 0.5), share, 3) < 20


def test_the_nearer_end_of_a_range_is_what_has_to_be_cleared():
    upper = processes_needed(figure(1.1e9, 1.25e9, 1.42e9), MEMORY, 3)
    alone = dataclasses.replace(MEMORY, upper=None, bound=1.30e9)
    assert upper == processes_needed(figure(1.1e9, 1.25e9, 1.42e9), alone, 3)


def test_a_ratio_of_speeds_becomes_the_share_by_which_an_iteration_is_shorter():
    found = shorter(figure(1.25, 2.0, 4.0))
    assert (found.low, found.value, found.high) == (pytest.approx(0.2), 0.5, 0.75)
    assert shorter(figure(None, 2.0, None)).low is None
