"""Heat and fans."""

import pytest

from gpubench.checks.outcome import Status
from tests.checks.healthy import HEALTHY, judge, with_gpu, with_gpus


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


@pytest.mark.parametrize(
    ("temperature", "status"),
    [(60, Status.PASS), (84, Status.PASS), (86, Status.WARN), (89, Status.FAIL)],
)
def test_heat_is_judged_by_the_gpus_own_threshold(temperature, status):
    assert judge("tmp.core", with_gpus(HEALTHY, temperature_c=temperature)).status is status


@pytest.mark.parametrize("threshold", [0, -1, 39, None])
def test_a_threshold_that_is_no_answer_is_not_believed(threshold):
    odd = with_gpus(HEALTHY, temperature_slowdown_c=threshold)
    assert judge("tmp.core", odd).status is Status.PASS
