"""Windows of one work: long enough, each after a refresh, and refused where clocks disagree."""

import itertools
import time

import pytest

from gpubench.bench.ceilings.windows import MOST_WINDOWS, Budget, ClocksDisagree, sample
from gpubench.bench.steps import WallClock

QUICK = Budget(seconds=0.05, window_seconds=0.005)


class LyingClock(WallClock):
    """Counts ``factor`` seconds for one."""

    def __init__(self, factor):
        self._factor = factor

    def seconds(self, start, end):
        return (end - start) * self._factor


@pytest.fixture
def nap(monkeypatch):
    """Work of a millisecond, on a clock that this alone winds."""
    now = [0.0]
    monkeypatch.setattr(time, "perf_counter", lambda: now[0])

    def work(seconds=0.001):
        now[0] += seconds

    return work


def test_a_window_is_about_as_long_as_asked(nap):
    found = sample(nap, WallClock(), shape="a nap", amount=7.0, budget=QUICK)
    assert found["repetitions"] == 5
    assert found["seconds"] == found["device_seconds"] == pytest.approx([0.005] * 10)
    assert (found["shape"], found["amount"]) == ("a nap", 7.0)


def test_every_window_has_the_processor_time_it_got(nap, monkeypatch):
    moments = itertools.count()
    monkeypatch.setattr(time, "process_time", lambda: 0.004 * next(moments))
    found = sample(nap, WallClock(), shape="", amount=1.0, budget=QUICK)
    assert found["cpu_seconds"] == pytest.approx([0.004] * 10)


def test_every_window_is_refreshed_and_the_refreshing_is_not_timed(nap):
    refreshed = []

    def refresh():
        refreshed.append(1)
        nap(0.02)

    found = sample(nap, WallClock(), shape="", amount=1.0, budget=QUICK, refresh=refresh)
    assert len(refreshed) == len(found["seconds"]) + 1 > 2
    assert found["seconds"] == pytest.approx([0.005] * len(found["seconds"]))


def test_work_that_takes_longer_than_all_the_time_has_one_window(nap):
    budget = Budget(seconds=0.001, window_seconds=0.0005)
    found = sample(nap, WallClock(), shape="", amount=1.0, budget=budget)
    assert (found["repetitions"], len(found["seconds"])) == (1, 1)


def test_a_long_measurement_keeps_a_bounded_number_of_windows():
    budget = Budget(seconds=30, window_seconds=1e-5)
    found = sample(lambda: None, WallClock(), shape="", amount=1.0, budget=budget)
    assert len(found["seconds"]) == MOST_WINDOWS


@pytest.mark.parametrize("factor", [0.5, 2.0, float("nan")])
def test_a_clock_of_the_device_that_lies_is_found_out(nap, factor):
    with pytest.raises(ClocksDisagree, match="by the host's clock"):
        sample(nap, LyingClock(factor), shape="", amount=1.0, budget=Budget(
            seconds=0.05, window_seconds=0.02
        ))  # fmt: skip
