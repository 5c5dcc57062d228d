"""What a GPU did during a window, and what of it spoils a measurement."""

import pytest

from gpubench.env import telemetry
from gpubench.env.telemetry import MOST_POINTS, Telemetry


def sample(seconds=0.0, **changes):
    good = {
        "seconds": seconds,
        "sm_clock_mhz": 1980,
        "power_watts": 600.0,
        "temperature_c": 60,
        "energy_joules": 1000.0 + 600 * seconds,
        "throttle_reasons": 0x4,
        "processes": 1,
        "ecc_uncorrected": 0,
    }
    return {**good, **changes}


def summarise(samples, began=0.0, ended=1.0, **limits):
    return telemetry.summarise(samples, began=began, ended=ended, limits=limits)


def test_a_software_power_cap_is_recorded_and_no_fault():
    seen = summarise([sample(), sample()])
    assert (seen.throttled, seen.fault) == ({"software power cap": 1.0}, None)


@pytest.mark.parametrize(
    ("mask", "name"),
    [(0x08, "hardware slow-down"), (0x40, "thermal"), (0x80, "power brake"), (0x49, "hardware")],
)
def test_one_sample_of_hardware_slow_down_is_a_fault(mask, name):
    seen = summarise([sample(), sample(throttle_reasons=mask), sample(), sample()])
    assert name in seen.fault
    assert "25%" in seen.fault


@pytest.mark.parametrize("mask", [0x0, 0x1, 0x2, 0x4, 0x5, 0x10, 0x20, 0x100])
def test_other_reasons_are_no_fault(mask):
    assert summarise([sample(throttle_reasons=mask)]).fault is None


def test_another_process_on_the_gpu_is_a_fault():
    assert "1 other compute process" in summarise([sample(), sample(processes=2)]).fault


def test_memory_errors_during_the_window_are_a_fault_and_older_ones_are_not():
    assert summarise([sample(ecc_uncorrected=3), sample(ecc_uncorrected=3)]).fault is None
    assert "2 uncorrected" in summarise([sample(), sample(ecc_uncorrected=2)]).fault


def test_an_xid_is_a_fault_and_is_called_by_its_meaning():
    fault = Telemetry(samples=1, xids=(79, 79, 9999)).fault
    assert fault == "Xid 79 (GPU has fallen off the bus), Xid 9999 while it was measured"


def test_what_the_gpu_does_not_tell_is_absent():
    assert summarise([{"seconds": 1.0}]) == Telemetry(samples=1)


def test_energy_is_that_of_the_whole_window_though_samples_lie_inside_it():
    samples = [sample(at / 10) for at in range(1, 15)]
    assert summarise(samples, 0.03, 1.47).energy_joules == pytest.approx(600 * 1.44)


def test_a_counter_read_once_gives_no_energy():
    assert summarise([sample(0.5)]).energy_joules is None


def test_a_window_is_kept_over_time_with_a_point_a_second():
    samples = [
        sample(100 + at / 10, power_watts=500 + at, throttle_reasons=0x4 if at == 15 else 0)
        for at in range(30)
    ]
    series = summarise(samples, 100.0, 103.0).series
    assert series["seconds"] == (0.0, 1.0, 2.0)
    assert series["power_watts"] == (504.5, 514.5, 524.5)
    assert series["throttle_reasons"] == (0, 4, 0)


def test_a_long_window_keeps_no_more_points_than_a_short_one():
    series = summarise([sample(float(at)) for at in range(5000)], 0.0, 5000.0).series
    assert {len(values) for values in series.values()} == {MOST_POINTS}


def test_a_reading_that_is_missing_for_a_while_leaves_a_gap_in_time():
    gone = {"seconds": 1.5}
    series = summarise([sample(0.5), gone, sample(2.5)], 0.0, 3.0).series
    assert series["sm_clock_mhz"] == (1980, None, 1980)
