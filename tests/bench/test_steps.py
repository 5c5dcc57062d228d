"""The timing loop, driven by a clock that a test winds."""

import dataclasses

import pytest

from gpubench.bench.protocol import SMOKE
from gpubench.bench.steps import WallClock, time_window, warm_up


class ScriptedClock:
    """A device that works through its steps only when it is waited for."""

    def __init__(self, step_seconds):
        self._script = iter(step_seconds)
        self.now = 0.0
        self.waits = 0

    def step(self):
        self.now += next(self._script)

    def mark(self):
        return self.now

    def seconds(self, start, end):
        return end - start

    def settle(self):
        self.waits += 1


def test_each_step_is_timed_between_its_marks():
    clock = ScriptedClock([0.1, 0.3, 0.2])
    window = time_window(clock.step, clock, steps=3)
    assert window.step_seconds == pytest.approx((0.1, 0.3, 0.2))


def test_the_window_waits_before_and_after_and_never_between():
    clock = ScriptedClock([0.1] * 50)
    time_window(clock.step, clock, steps=50)
    assert clock.waits == 2


def test_a_window_of_no_steps_has_no_times():
    assert time_window(lambda: None, WallClock(), steps=0).step_seconds == ()


def test_warming_up_ends_when_two_blocks_agree():
    slow_start = [1.0, 0.5] + [0.3] * 3 + [0.2] * 3 + [0.1] * 6
    clock = ScriptedClock(slow_start)
    warmup = warm_up(clock.step, clock, SMOKE)
    assert warmup.stable
    assert warmup.block_medians == pytest.approx((0.3, 0.2, 0.1, 0.1))
    assert warmup.steps == len(slow_start)


def test_steps_that_never_settle_are_unstable_at_the_cap():
    clock = ScriptedClock(1.0 if step // 3 % 2 else 2.0 for step in range(1000))
    warmup = warm_up(clock.step, clock, dataclasses.replace(SMOKE, warmup_max_steps=21))
    assert not warmup.stable
    assert 21 <= warmup.steps < 21 + SMOKE.block_steps


def test_the_cap_in_seconds_ends_the_warm_up(monkeypatch):
    clock = ScriptedClock(1.0 if step // 3 % 2 else 2.0 for step in range(1000))
    monkeypatch.setattr("gpubench.bench.steps.time.perf_counter", lambda: clock.now)
    warmup = warm_up(clock.step, clock, dataclasses.replace(SMOKE, warmup_max_seconds=10.0))
    assert not warmup.stable
    assert warmup.steps < SMOKE.warmup_max_steps


def test_a_block_longer_than_the_cap_in_seconds_is_still_compared_with_another(monkeypatch):
    clock = ScriptedClock([9.0] * 1000)
    monkeypatch.setattr("gpubench.bench.steps.time.perf_counter", lambda: clock.now)
    warmup = warm_up(clock.step, clock, dataclasses.replace(SMOKE, warmup_max_seconds=10.0))
    assert warmup.stable
    assert len(warmup.block_medians) == 2


def test_a_block_in_which_something_was_compiled_does_not_count():
    clock = ScriptedClock([0.1] * 100)
    compiled = iter([0, 1, 1, 1, 1, 1] + [1, 2] + [2] * 100)
    warmup = warm_up(clock.step, clock, SMOKE, compilations=lambda: next(compiled))
    assert warmup.stable
    assert warmup.steps > 2 + 2 * SMOKE.block_steps


def test_first_steps_go_on_until_two_compile_nothing():
    clock = ScriptedClock([30.0, 20.0] + [0.1] * 50)
    counts = iter([0, 1, 1, 2, 2, 2, 2, 2] + [2] * 50)
    warmup = warm_up(clock.step, clock, SMOKE, compilations=lambda: next(counts))
    assert len(warmup.start_seconds) == 4


def test_first_steps_wait_for_every_shape_of_a_mixture():
    clock = ScriptedClock([0.1] * 100)
    counts = iter([0, 1] + [1, 1] * 5 + [1, 2] + [2] * 200)  # the seventh step compiles again
    warmup = warm_up(clock.step, clock, SMOKE, compilations=lambda: next(counts), quiet=8)
    assert len(warmup.start_seconds) == 7 + 8


def test_compile_seconds_are_what_the_first_steps_took_beyond_steady_ones(monkeypatch):
    clock = ScriptedClock([30.0] + [0.5] * 50)
    monkeypatch.setattr("gpubench.bench.steps.time.perf_counter", lambda: clock.now)
    warmup = warm_up(clock.step, clock, SMOKE)
    assert warmup.compile_seconds == pytest.approx(29.5)
