"""Settings of the machine that never make it ill."""

import dataclasses

import pytest

from gpubench.checks.outcome import Status
from tests.checks.healthy import NO_GPU, QUICK, change, judge
from tests.checks.healthy_host import TUNING


def tuned(snapshot=QUICK, **fields):
    found = dataclasses.replace(TUNING, **fields)
    return change(snapshot, host=dataclasses.replace(snapshot.host, tuning=found))


@pytest.mark.parametrize(
    ("check", "fields", "status"),
    [
        ("host.governor", {"governors": ("powersave",)}, Status.WARN),
        ("host.governor", {"governors": ("performance", "powersave")}, Status.WARN),
        ("host.governor", {"governors": ()}, Status.SKIP),
        ("host.clocksource", {"clocksource": "hpet"}, Status.WARN),
        ("host.clocksource", {"clocksource": "kvm-clock"}, Status.PASS),
        ("host.clocksource", {"clocksource": None}, Status.SKIP),
        ("host.time_sync", {"is_clock_synchronised": False}, Status.WARN),
        ("host.time_sync", {"is_clock_synchronised": None}, Status.SKIP),
        ("host.procs", {"stuck": ("nvidia-smi",)}, Status.WARN),
        ("host.procs", {"stuck": None}, Status.SKIP),
    ],
)
def test_a_setting_that_costs_speed_warns(check, fields, status):
    assert judge(check, tuned(**fields)).status is status
    assert judge(check, tuned(NO_GPU, **fields)).status is Status.SKIP


def test_a_clock_that_the_kernel_does_not_tell_of_is_unknown():
    unread = {"host.tuning.is_clock_synchronised": "the kernel does not say (adjtimex)"}
    silent = change(tuned(is_clock_synchronised=None), unread=unread)
    assert judge("host.time_sync", silent).status is Status.UNKNOWN


def test_tsc_is_offered_only_where_the_kernel_has_it():
    assert "tee" in judge("host.clocksource", tuned(clocksource="hpet")).remedy[0]
    without = tuned(clocksource="hpet", clocksources=("hpet",))
    assert not any("tee" in step for step in judge("host.clocksource", without).remedy)
