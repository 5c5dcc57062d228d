"""Throttling of the past, clocks that were set, heat, fans."""

import pytest

from gpubench.checks.outcome import Status
from tests.checks.healthy import HEALTHY, judge, with_driver, with_gpu, with_gpus

DAY = 86400.0


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({}, Status.PASS),
        ({"throttled_thermal_seconds": 800.0}, Status.NOTE),  # under 1 % of a day
        ({"throttled_thermal_seconds": 900.0}, Status.WARN),
        ({"throttled_power_brake_seconds": 900.0}, Status.WARN),
        ({"throttled_software_thermal_seconds": 900.0}, Status.WARN),
    ],
)
def test_what_slowed_a_gpu_down_for_long_warns(fields, status):
    snapshot = with_driver(with_gpu(HEALTHY, 7, **fields), uptime_seconds=DAY)
    assert judge("clk.throttle_history", snapshot).status is status


def test_a_short_slow_down_after_a_boot_and_an_unknown_uptime_are_notes():
    short = with_gpu(HEALTHY, 7, throttled_thermal_seconds=59.0)
    for uptime in (120.0, None):
        judged = judge("clk.throttle_history", with_driver(short, uptime_seconds=uptime))
        assert judged.status is Status.NOTE


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({"clock_graphics_applications_mhz": 1200}, Status.WARN),
        ({"clock_memory_applications_mhz": 1593}, Status.WARN),
        ({"clock_graphics_default_mhz": 1500}, Status.PASS),  # set higher than the default
        ({"clock_graphics_mhz": 210}, Status.PASS),  # idle
    ],
)
def test_clocks_that_someone_lowered_warn(fields, status):
    assert judge("clk.limits", with_gpus(HEALTHY, **fields)).status is status
    assert judge("clk.limits", with_gpu(HEALTHY, 7, **fields)).status is status


def test_clocks_that_differ_between_siblings_warn():
    odd = with_gpu(
        with_gpus(HEALTHY, clock_graphics_default_mhz=None),
        7,
        clock_graphics_applications_mhz=1755,
    )
    assert judge("clk.limits", odd).status is Status.WARN


@pytest.mark.parametrize(
    ("margin", "status"),
    [(56, Status.PASS), (3, Status.PASS), (2, Status.WARN), (-1, Status.WARN), (-2, Status.FAIL)],
)
def test_heat_is_judged_by_the_degrees_that_are_left_where_they_are_told(margin, status):
    newer = with_gpu(
        with_gpus(HEALTHY, temperature_slowdown_c=None),
        7,
        temperature_margin_c=margin,
        temperature_margin_slowdown_c=-2,
    )
    assert judge("tmp.core", newer).status is status


@pytest.mark.parametrize(
    ("now", "limit", "status"),
    [
        (89, 95, Status.PASS),
        (91, 95, Status.WARN),
        (95, 95, Status.FAIL),
        (91, None, Status.PASS),
        (91, 0, Status.PASS),
    ],
)
def test_hot_memory_is_judged_by_its_own_limit(now, limit, status):
    hot = with_gpu(HEALTHY, 7, temperature_memory_c=now, temperature_memory_max_c=limit)
    assert judge("tmp.hbm", hot).status is status


@pytest.mark.parametrize(
    ("percent", "temperature", "status"),
    [(0, 45, Status.PASS), (0, 80, Status.WARN), (30, 80, Status.PASS), (None, 80, Status.SKIP)],
)
def test_a_fan_may_rest_on_a_cool_gpu_alone(percent, temperature, status):
    card = with_gpus(HEALTHY, fan_percent=percent, temperature_c=temperature)
    assert judge("fan.speed", card).status is status
