"""A clock that is held below what the GPU would do is told from one that is low by itself."""

import pytest

from gpubench.env.clocks import cap_of

BOARD = {"sm_clock_max_mhz": 1980, "sm_clock_boost_mhz": 1980}
GRAPHICS = {"sm_clock_max_mhz": 3105}


def samples(clock, mask, busy=1.0, count=10):
    return [{"sm_clock_mhz": clock, "throttle_reasons": mask, "utilization": busy}] * count


def test_application_clocks_that_hold_the_clock_are_a_cap():
    said = cap_of(samples(1200, 0x2), BOARD)
    assert said == "application clocks hold the SM clock at 1 200 of 1 980 MHz"


def test_application_clocks_at_the_highest_clock_hold_nothing():
    assert cap_of(samples(1980, 0x2), BOARD) is None


def test_a_low_clock_under_load_without_a_reason_is_taken_for_a_lock():
    said = cap_of(samples(1500, 0x0), BOARD)
    assert said == "locked clocks? SM clock at 1 500 of 1 980 MHz with no reason given"


@pytest.mark.parametrize("mask", [0x1, 0x4, 0x8, 0x10, 0x20, 0x40, 0x80, 0x100])
def test_a_low_clock_with_another_reason_is_no_cap(mask):
    assert cap_of(samples(1500, mask), BOARD) is None


def test_a_gpu_that_waits_for_work_is_not_capped():
    assert cap_of(samples(1500, 0x0, busy=0.2), BOARD) is None


def test_a_power_cap_that_flickers_is_no_lock():
    mixed = samples(1700, 0x4, count=6) + samples(1700, 0x0, count=4)
    assert cap_of(mixed, BOARD) is None


def test_a_clock_near_the_promised_boost_is_free():
    assert cap_of(samples(1905, 0x0), BOARD) is None


def test_a_graphics_board_ends_some_steps_below_its_table():
    assert cap_of(samples(2730, 0x0), GRAPHICS) is None
    assert cap_of(samples(2100, 0x0), GRAPHICS) is not None


def test_boost_clocks_count_where_they_are_below_the_table():
    limits = {"sm_clock_max_mhz": 1980, "sm_clock_boost_mhz": 1755}
    assert cap_of(samples(1755, 0x0), limits) is None


def test_what_the_gpu_does_not_tell_gives_no_verdict():
    assert cap_of(samples(1200, 0x2), {}) is None
    assert cap_of([{"sm_clock_mhz": 1200.0}] * 5, BOARD) is None
    assert cap_of([], BOARD) is None
