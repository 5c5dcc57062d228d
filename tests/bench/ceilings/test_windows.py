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


def nap():
    time.sleep(0.001)


def test_a_window_is_about_as_long_as_asked():
    found = sample(nap, WallClock(), shape="a nap", amount=7.0, budget=QUICK)
    assert 2 <= found["repetitions"] <= 6
    assert all(0.001 < seconds < 1 for seconds in found["seconds"])
    assert (found["shape"], found["amount"]) == ("a nap", 7.0)
    assert len(found["seconds"]) == len(found["device_seconds"]) >= 2


def test_every_window_has_the_processor_time_it_got(monkeypatch):
    moments = itertools.count()
    monkeypatch.setattr(time, "process_time", lambda: 0.004 * next(moments))
    found = sample(nap, WallClock(), shape="", amount=1.0, budget=QUICK)
    assert found["cpu_seconds"] == pytest.approx([0.004] * len(found["seconds"]))


def test_every_window_is_refreshed_and_the_refreshing_is_not_timed():
    def slow():
        refreshed.append(1)
        time.sleep(0.02)

    refreshed = []
    found = sample(nap, WallClock(), shape="", amount=1.0, budget=QUICK, refresh=slow)
    assert len(refreshed) == len(found["seconds"]) + 1
    assert min(found["seconds"]) < 0.02


def test_work_that_takes_longer_than_all_the_time_has_one_window():
    budget = Budget(seconds=0.001, window_seconds=0.0005)
    found = sample(nap, WallClock(), shape="", amount=1.0, budget=budget)
    assert (found["repetitions"], len(found["seconds"])) == (1, 1)


def test_a_long_measurement_keeps_a_bounded_number_of_windows():
    budget = Budget(seconds=30, window_seconds=1e-5)
    found = sample(lambda: None, WallClock(), shape="", amount=1.0, budget=budget)
    assert len(found["seconds"]) == MOST_WINDOWS


@pytest.mark.parametrize("factor", [0.5, 2.0, float("nan")])
def test_a_clock_of_the_device_that_lies_is_found_out(factor):
    with pytest.raises(ClocksDisagree, match="by the host's clock"):
        sample(nap, LyingClock(factor), shape="", amount=1.0, budget=Budget(
            seconds=0.05, window_seconds=0.02
        ))  # fmt: skip
