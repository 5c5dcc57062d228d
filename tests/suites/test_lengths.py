"""Every word is in a window, every length has its share of the batches."""

import itertools
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gpubench.suites.lengths import CYCLE, OVERLAP_SHARE, buckets, edges, mixed, windows

COUNTS = st.lists(st.integers(0, 9), max_size=300)


@given(COUNTS, st.integers(8, 40))
def test_windows_hold_every_word_and_each_is_new_once(counts, room):
    found = windows(counts, room)
    new = [word for _, end, first in found for word in range(first, end)]
    assert new == list(range(len(counts)))


@given(COUNTS, st.integers(9, 40))
def test_windows_fit_and_repeat_no_more_than_the_overlap(counts, room):
    for start, end, first in windows(counts, room):
        assert sum(counts[start:end]) <= room
        assert sum(counts[start:first]) <= room // OVERLAP_SHARE


def test_a_window_begins_with_the_end_of_the_one_before():
    assert windows([1] * 20, 12) == [(0, 12, 0), (9, 20, 12)]


def test_a_word_longer_than_a_window_stands_alone():
    assert windows([1, 50, 1], 12) == [(0, 1, 0), (1, 2, 1), (2, 3, 2)]


def test_edges_are_quarters_of_the_longest():
    assert edges([10, 40, 80, 120], 128) == (32, 64, 96, 128)
    assert edges([10, 40, 80, 500], 128) == (32, 64, 96, 128)


def test_edges_beyond_the_longest_sentence_are_left_out():
    assert edges([10, 40], 128) == (32, 64)


def test_a_length_that_hardly_a_sentence_has_is_padded_further():
    lengths = [100] * 1000 + [10]
    assert edges(lengths, 128) == (128,)
    assert buckets(lengths, edges(lengths, 128)) == {128: list(range(1001))}


def test_no_sentence_is_longer_than_its_edge():
    lengths = list(range(1, 129)) * 3
    for edge, indices in buckets(lengths, edges(lengths, 128)).items():
        assert all(lengths[index] <= edge for index in indices)


@pytest.mark.parametrize("shares", [(700, 200, 100), (1, 1, 1), (640, 200, 5)])
def test_a_cycle_has_every_length_in_its_share(shares):
    start = itertools.accumulate(shares, initial=0)
    by_edge = {
        32 * (i + 1): list(range(at, at + n))
        for i, (at, n) in enumerate(zip(start, shares, strict=False))
    }
    drawn = [edge for edge, _ in itertools.islice(mixed(by_edge, 4, seed=1), CYCLE)]
    counted = Counter(drawn)
    assert set(drawn[: len(shares)]) == set(by_edge), "every shape is met before the window"
    for edge, indices in by_edge.items():
        assert abs(counted[edge] - CYCLE * len(indices) / sum(shares)) <= 1


def test_every_sentence_of_a_length_is_read_before_any_is_read_again():
    by_edge = {32: list(range(10)), 64: list(range(10, 30))}
    drawn = [
        index for _, indices in itertools.islice(mixed(by_edge, 5, 1), 60) for index in indices
    ]
    for indices in by_edge.values():
        own = [index for index in drawn if index in indices]
        assert sorted(own[: len(indices)]) == indices


def test_the_seed_fixes_the_order():
    by_edge = {32: list(range(10)), 64: list(range(10, 30))}
    first, second = (list(itertools.islice(mixed(by_edge, 5, 7), 20)) for _ in range(2))
    assert first == second
