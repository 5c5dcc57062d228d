"""The search for a batch size ends for one of five reasons and never tries what cannot fit."""

import dataclasses

import pytest

from gpubench.bench.batch_search import LARGEST, BatchTry, forecast_peak, search

MIB = 2**20


class Machine:
    """Fits up to a size; a sample costs a MiB; fast up to a size, then no faster."""

    def __init__(self, most=10**9, saturates=10**9):
        self.tried = []
        self._most, self._saturates = most, saturates

    def __call__(self, size):
        self.tried.append(size)
        if size > self._most:
            return BatchTry(batch_size=size, fits=False, why="CUDA out of memory")
        return BatchTry(
            batch_size=size,
            fits=True,
            peak_bytes=100 * MIB + size * MIB,
            samples_per_second=float(min(size, self._saturates)),
        )


def test_doubling_ends_where_memory_does_and_the_gap_is_halved():
    machine = Machine(most=100)
    found = search(machine)
    assert machine.tried == [1, 2, 4, 8, 16, 32, 64, 128, 96, 112, 104]
    assert (found.size, found.ended) == (96, "memory")
    assert [each.fits for each in found.tries[-3:]] == [True, False, False]


@pytest.mark.parametrize("most", [1, 2, 3, 5, 7, 13, 63, 64, 65, 1000])
def test_what_is_found_fits_and_an_eighth_more_does_not(most):
    size = search(Machine(most=most)).size
    assert size <= most
    assert size + max(1, size // 8) >= most


def test_not_even_one_sample_is_no_size():
    found = search(Machine(most=0))
    assert (found.size, found.ended) == (None, "memory")
    assert found.tries[0].why == "CUDA out of memory"


def test_a_size_that_is_foreseen_not_to_fit_is_never_tried():
    machine = Machine()

    def forecast(tries, size):
        needed = forecast_peak(tries, size)
        return f"about {needed}" if needed is not None and needed > 165 * MIB else None

    found = search(machine, forecast=forecast)
    assert found.ended == "forecast"
    assert max(machine.tried) == found.size
    assert 100 + found.size <= 165
    assert not any(each.tried for each in found.tries if not each.fits)
    assert found.size > 32, "the gap below the forecast is used"


def test_the_forecast_needs_two_sizes_and_doubts_its_slope():
    one, two = (
        BatchTry(batch_size=size, fits=True, peak_bytes=(100 + size) * MIB) for size in (4, 8)
    )
    assert forecast_peak([one], 16) is None
    assert forecast_peak([one, two], 16) == 108 * MIB + 1.25 * 8 * MIB
    shrunk = dataclasses.replace(two, peak_bytes=50 * MIB)
    assert forecast_peak([one, shrunk], 16) == 50 * MIB


def test_a_search_that_looks_for_speed_ends_where_it_no_longer_rises():
    machine = Machine(saturates=32)
    found = search(machine, until_flat=True)
    assert (found.size, found.ended) == (32, "flat")
    assert max(machine.tried) == 128


def test_one_slow_size_does_not_end_it():
    machine = Machine()
    rates = {4: 1.0}

    def attempt(size):
        made = machine(size)
        return dataclasses.replace(
            made, samples_per_second=rates.get(size, made.samples_per_second)
        )

    assert search(attempt, until_flat=True).ended == "largest"


def test_a_search_that_looks_for_memory_does_not_end_where_speed_does():
    assert search(Machine(most=512, saturates=8)).size == 512


def test_a_search_out_of_time_keeps_what_it_has():
    machine = Machine()
    # a size takes as many seconds as it has samples: 1, 3, 7 are over, the next would end at 15
    found = search(machine, most_seconds=14, clock=lambda: float(sum(machine.tried)))
    assert (found.size, found.ended, machine.tried) == (4, "time", [1, 2, 4])


def test_nothing_ends_a_search_but_the_largest_size_there_is():
    found = search(Machine())
    assert (found.size, found.ended) == (LARGEST, "largest")
