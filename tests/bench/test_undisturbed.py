"""What happens to a GPU while it is measured costs another try, a state, or a remark.

The sampler and the NVML binding are the real ones; the driver beneath is the fake one.
"""

import contextlib
import time

import pytest

from gpubench.bench.runner import Answer
from gpubench.bench.undisturbed import undisturbed
from gpubench.env.sampler import sampling
from gpubench.env.telemetry import Telemetry
from tests.env.test_sampler import GPU, TRAINING
from tests.fakedriver import build


class Watched:
    """A GPU whose processes went as told, one after the other."""

    def __init__(self, *seen):
        self._seen = list(seen)
        self._now = {}

    @contextlib.contextmanager
    def __call__(self, gpu):
        self._now = self._seen.pop(0) if self._seen else {}
        yield self

    def latest(self):
        return None

    def xids(self):
        return self._now.get("xids", ())

    def between(self, began, ended):
        return Telemetry(samples=9, **self._now)


def ask(*states):
    """Processes that end in these states, the last one again and again."""
    left = list(states)

    def answer():
        state = left.pop(0) if len(left) > 1 else left[0]
        result = {"state": state, "reason": None if state == "ok" else f"it was {state}"}
        if state in ("ok", "unstable", "invalid"):
            result["window_monotonic"] = [1.0, 2.0]
        asked.append(state)
        return Answer(result=result, seconds=1.0)

    asked = []
    answer.asked = asked
    return answer


def done(asked, *seen):
    return undisturbed(asked, "gpu", Watched(*seen), lambda latest: None).result


SLOWED = {"throttled": {"hardware slow-down": 0.5}}
LOST = {"xids": (79,)}
SHARED = {"processes": 2}
HELD = {"cap": "application clocks hold the SM clock at 1 200 of 1 980 MHz"}


@pytest.mark.parametrize("fault", [SLOWED, LOST, SHARED, {"ecc_uncorrected": 1}])
def test_a_fault_is_discarded_and_measured_again(fault):
    asked = ask("ok")
    result = done(asked, fault)
    assert (result["state"], len(asked.asked)) == ("ok", 2)
    assert len(result["telemetry"]["discarded"]) == 1


@pytest.mark.parametrize("fault", [SLOWED, LOST, SHARED])
def test_a_fault_that_stays_makes_the_measurement_invalid(fault):
    asked = ask("ok")
    result = done(asked, fault, fault, fault)
    assert (result["state"], result["disturbed"], len(asked.asked)) == ("invalid", True, 3)
    assert result["reason"].endswith("three times in a row")
    assert len(result["telemetry"]["discarded"]) == 2


def test_held_clocks_count_with_a_state_of_their_own_and_no_other_try():
    asked = ask("ok")
    result = done(asked, HELD, HELD)
    assert (result["state"], result["reason"]) == ("capped", HELD["cap"])
    assert len(asked.asked) == 1


def test_held_clocks_of_an_unstable_process_are_said_as_well():
    result = done(ask("unstable"), HELD)
    assert result["state"] == "unstable"
    assert result["reason"] == f"it was unstable; {HELD['cap']}"


def test_held_clocks_do_not_save_what_is_invalid():
    result = done(ask("invalid"), HELD)
    assert (result["state"], "disturbed" in result) == ("invalid", False)


def test_a_process_that_an_xid_ended_is_done_again():
    asked = ask("failed", "ok")
    result = done(asked, LOST)
    assert (result["state"], len(asked.asked)) == ("ok", 2)
    assert result["telemetry"]["discarded"] == [
        "Xid 79 (GPU has fallen off the bus) while it was measured: it was failed"
    ]


def test_a_process_that_xids_end_every_time_says_so():
    result = done(ask("failed"), LOST, LOST, LOST)
    assert result["state"] == "failed"
    assert result["reason"].startswith("Xid 79 (GPU has fallen off the bus)")


@pytest.mark.parametrize("state", ["failed", "timed-out", "out-of-memory"])
def test_a_process_that_ends_by_itself_is_not_done_again(state):
    asked = ask(state)
    result = done(asked, {})
    assert (result["state"], len(asked.asked)) == (state, 1)


def test_a_process_that_hangs_is_not_waited_for_again():
    asked = ask("timed-out")
    result = done(asked, LOST)
    assert len(asked.asked) == 1
    assert "Xid 79" in result["reason"]


# -- through the real sampler and binding -------------------------------------------------------


@pytest.fixture
def driver(tmp_path, monkeypatch):
    """Sets what the driver says from now on; a scenario is replaced whole."""

    def says(*lines):
        scenario = build.but(build.healthy(2), *lines, *TRAINING)
        (tmp_path / "next").write_text(scenario)
        (tmp_path / "next").replace(tmp_path / "scenario")

    for name, value in build.variables(tmp_path, "").items():
        monkeypatch.setenv(name, value)
    says()
    return says


def measured(*meanwhile):
    """The record of a process of half a second; before each try one of ``meanwhile`` happens."""
    latest, left, tries = [], list(meanwhile), []

    def one():
        if left:
            left.pop(0)()
        tries.append(1)
        ends = time.monotonic() + 20
        while latest[-1]() is None and time.monotonic() < ends:
            time.sleep(0.02)
        began = time.monotonic()
        time.sleep(0.5)
        window = [began, time.monotonic()]
        return Answer(
            result={"state": "ok", "reason": None, "window_monotonic": window}, seconds=1.0
        )

    result = undisturbed(one, GPU, sampling, latest.append).result
    return result["state"], result["reason"], result["telemetry"], len(tries)


@build.needs_cc
def test_a_quiet_gpu_is_recorded_with_its_energy_and_course(driver):
    state, reason, seen, tries = measured()
    assert (state, reason, tries) == ("ok", None, 1)
    assert seen["energy_joules"] == pytest.approx(650 * 0.5, rel=0.1)
    assert seen["throttled"] == {"software power cap": 1.0}
    assert seen["series"]["sm_clock_mhz"] == [1950]


@build.needs_cc
@pytest.mark.parametrize(
    ("line", "fault"),
    [
        ("gpu.1.xid 79", "Xid 79 (GPU has fallen off the bus) while it was measured"),
        ("gpu.1.processes 2", "1 other compute process(es) on the GPU"),
        ("gpu.1.throttle 8", "hardware slow-down during 100% of the window"),
    ],
)
def test_what_the_driver_tells_once_costs_one_try(driver, line, fault):
    state, _, seen, tries = measured(lambda: driver(line), driver)
    assert (state, tries, seen["discarded"]) == ("ok", 2, [fault])


@build.needs_cc
def test_a_clock_that_is_held_is_measured_once_and_marked(driver):
    driver("gpu.1.throttle 2", "gpu.1.clock.1 1200")
    state, reason, _, tries = measured()
    assert (state, tries) == ("capped", 1)
    assert reason == "application clocks hold the SM clock at 1 200 of 1 980 MHz"


@build.needs_cc
def test_a_driver_without_events_says_where_it_listened_instead(driver):
    driver("events error 999")
    assert measured()[2]["xid_watch"] in ("kernel log", None)
