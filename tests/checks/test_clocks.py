"""Throttling of the past, clocks that were set, heat, fans."""

import pytest

from gpubench.checks.outcome import Status
from tests.checks.healthy import HEALTHY, judge, results, with_driver, with_gpu, with_gpus

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
    ("mask", "status"),
    [
        (0x0, Status.PASS),
        (0x1, Status.PASS),  # idle
        (0x4, Status.PASS),  # software power cap
        (0x5, Status.PASS),  # both, which an equality test would flag
        (0x112, Status.PASS),
        (0x8, Status.FAIL),
        (0x40, Status.FAIL),
        (0x80, Status.FAIL),
        (0x49, Status.FAIL),
        (0x20, Status.WARN),
    ],
)
def test_throttle_reasons_are_read_bit_by_bit(mask, status):
    assert judge("clk.throttle_now", with_gpu(HEALTHY, 6, throttle_reasons=mask)).status is status


def test_a_power_cap_warns_as_degraded_and_a_cold_driver_as_tuning():
    capped = results(with_gpu(HEALTHY, 7, power_limit_w=350.0))["pwr.limit"]
    assert (capped.status, capped.cause) == (Status.WARN, "gpu-degraded")
    assert capped.outcome.remedy == ("sudo nvidia-smi -i 7 -pl 700",)
    cold = results(with_gpus(HEALTHY, persistence=False))["drv.persistence"]
    assert (cold.status, cold.cause) == (Status.WARN, "host-tuning")
    desktop = with_gpus(HEALTHY, persistence=False, name="NVIDIA GeForce RTX 4090")
    assert results(desktop)["drv.persistence"].status is Status.NOTE
