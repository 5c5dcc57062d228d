"""The GPUs of all ranks, watched as one."""

import contextlib

from gpubench.bench.runner import Answer
from gpubench.bench.several_gpus import all_of, merged
from gpubench.bench.undisturbed import undisturbed
from gpubench.env.telemetry import Telemetry


def seen(**changes):
    plain = {
        "samples": 10, "power_watts": 300.0, "utilization": 90.0, "energy_joules": 100.0,
        "processes": 1, "sm_clock_mhz": 1900.0,
    }  # fmt: skip
    return Telemetry(**{**plain, **changes})


class Recorded:
    def __init__(self, telemetry):
        self.telemetry = telemetry

    def between(self, began, ended):
        return self.telemetry

    def xids(self):
        return self.telemetry.xids

    def latest(self):
        return None


def watched(*each):
    """The answer of a process whose GPUs did this meanwhile."""
    gpus = dict(zip("abcd", each, strict=False))
    sampling = all_of(list(gpus), lambda gpu: contextlib.nullcontext(Recorded(gpus[gpu])))

    def ask():
        result = {"state": "ok", "reason": None, "window_monotonic": [0.0, 1.0]}
        return Answer(result=result, seconds=1.0)

    return undisturbed(ask, "a", sampling, lambda latest: None).result


def test_power_and_energy_are_sums_and_every_gpu_keeps_its_own_use():
    telemetry = watched(seen(), seen(utilization=40.0, sm_clock_mhz=1500.0))["telemetry"]
    assert (telemetry["power_watts"], telemetry["energy_joules"]) == (600.0, 200.0)
    assert telemetry["utilization_each"] == [90.0, 40.0]
    assert telemetry["sm_clock_mhz"] == 1500.0


def test_a_fault_of_any_gpu_spoils_the_process():
    for fault in ({"xids": (79,)}, {"processes": 2}, {"throttled": {"hardware slow-down": 0.1}}):
        result = watched(seen(), seen(**fault))
        if "throttled" in fault:
            assert result["telemetry"]["throttled"] == fault["throttled"]
        else:
            assert (result["state"], result["disturbed"]) == ("invalid", True)


def test_a_cap_of_any_gpu_marks_the_figure():
    assert watched(seen(), seen(cap="its clocks are locked"))["state"] == "capped"


def test_a_gpu_that_cannot_be_watched_leaves_no_figure_of_the_others():
    found = merged([seen(), Telemetry(samples=0, unavailable="no NVML", xids=(79,))])
    assert found.unavailable == "no NVML"
    assert found.power_watts is None
    assert found.xids == (79,)
