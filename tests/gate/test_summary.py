"""What is said of a cell follows from its processes, and no number is given that should not be."""

import dataclasses

import pytest

pytest.importorskip("pandas")

from gpubench.bench.job import Subject
from gpubench.gate.summary import frame, is_sound, summarise
from tests.fakes.records import (
    HEADER,
    HEALTHY,
    PARITIES,
    PLAN,
    broken,
    measurement,
    parity,
    record,
)

pytestmark = pytest.mark.torch


def cell(mode="amp-bf16", **changes):
    return next(c for c in summarise(record(**changes), Subject("deit")) if c.mode == mode)


def test_a_healthy_record_gives_throughput_and_speed_up():
    fp32, amp = summarise(record(), Subject("deit"))
    assert fp32.throughput.value == pytest.approx(8 / 0.101, rel=1e-3)
    assert (fp32.speedup.value, fp32.speedup.low) == (1.0, None)
    assert amp.speedup.value == pytest.approx(2.0, rel=1e-3)
    assert amp.processes == 2
    assert amp.parity.holds
    assert is_sound(record())


def test_the_frame_has_a_row_per_process():
    rows = frame(record())
    assert len(rows) == 4
    assert rows["throughput"].tolist() == pytest.approx([80, 8 / 0.102, 160, 8 / 0.051])


def test_a_parity_that_fails_takes_the_number_away():
    parted = [PARITIES[0], parity("amp-bf16", losses=(2.0, 1.9, 1.2))]
    amp = cell(parities=parted)
    assert (amp.state, amp.throughput, amp.speedup) == ("invalid", None, None)
    assert "parts from float32 by 33.33% at step 3" in amp.reason
    assert not is_sound(record(parities=parted))


@pytest.mark.parametrize("state", ["not-supported", "out-of-memory", "invalid"])
def test_one_process_without_an_answer_takes_the_cell_s_number_away(state):
    amp = cell(measurements=[*HEALTHY[:3], broken(state, "why", "amp-bf16", 1)])
    assert (amp.state, amp.reason, amp.throughput) == (state, "why", None)


def test_a_process_that_was_killed_is_left_out_and_said():
    measurements = [*HEALTHY[:3], broken("failed", "killed by SIGKILL", "amp-bf16", 1)]
    amp = cell(measurements=measurements)
    assert (amp.state, amp.processes) == ("ok", 1)
    assert amp.faults == ("killed by SIGKILL",)
    assert not is_sound(record(measurements=measurements))


def test_a_cell_of_which_all_processes_broke_has_no_number():
    measurements = [*HEALTHY[:2], *(broken("failed", "killed", "amp-bf16", p) for p in (0, 1))]
    amp = cell(measurements=measurements)
    assert (amp.state, amp.throughput, amp.faults) == ("failed", None, ())
    assert not is_sound(record(measurements=measurements))


def test_what_the_device_cannot_do_is_not_unsound():
    measurements = [*HEALTHY[:2], broken("not-supported", "no TF32", "amp-bf16")]
    assert is_sound(record(measurements=measurements))
    assert is_sound(record(measurements=[*HEALTHY[:2], broken("out-of-memory", "", "amp-bf16")]))


def test_a_cell_the_run_did_not_get_to_is_not_measured():
    assert cell(measurements=HEALTHY[:2]).state == "not-measured"


def test_without_float32_there_is_no_speed_up():
    amp = cell(measurements=HEALTHY[2:])
    assert amp.throughput is not None
    assert amp.speedup is None


def test_an_unstable_process_marks_the_cell_and_keeps_its_number():
    shaky = dataclasses.replace(HEALTHY[3], state="unstable", reason="did not settle")
    amp = cell(measurements=[*HEALTHY[:3], shaky])
    assert (amp.state, amp.processes) == ("unstable", 2)


def test_cold_and_warm_compilation_are_told_apart():
    plan = dataclasses.replace(PLAN, modes=("fp32", "fp32+compile"))
    compiled = [
        measurement("fp32+compile", 0, compile_cache="cold", compile_seconds=30.0),
        measurement("fp32+compile", 1, compile_cache="warm", compile_seconds=5.0),
    ]
    made = cell(
        "fp32+compile",
        measurements=[*HEALTHY[:2], *compiled],
        header=dataclasses.replace(HEADER, plan=plan),
    )
    assert (made.compile_cold_seconds, made.compile_warm_seconds) == (30.0, 5.0)


def test_losses_are_those_of_the_start_and_the_end():
    assert cell().losses == pytest.approx((1.9, 0.9))


def test_telemetry_gives_clock_power_and_energy_per_sample():
    seen = {
        "sm_clock_mhz": 1980.0,
        "power_watts": 600.0,
        "energy_joules": 160.0,
        "discarded": ["x"],
    }
    metered = [dataclasses.replace(m, telemetry=seen) for m in HEALTHY]
    amp = cell(measurements=metered)
    assert (amp.conditions.sm_clock_mhz, amp.conditions.power_watts) == (1980.0, 600.0)
    assert amp.conditions.joules_per_sample == pytest.approx(320 / (2 * 10 * 8))
    assert amp.discarded == ("x", "x")
    assert cell().conditions is None


@pytest.mark.parametrize("which", [0, 1])
@pytest.mark.parametrize("state", ["failed", "timed-out", "out-of-memory"])
def test_a_parity_that_has_no_answer_is_said(which, state):
    runs = list(PARITIES)
    runs[which] = dataclasses.replace(runs[which], state=state, reason="killed", losses=())
    amp = cell(parities=runs)
    assert amp.parity is None
    assert f"{state}: killed" in amp.unchecked
    broke = state != "out-of-memory"
    assert is_sound(record(parities=runs)) is not broke


def test_a_parity_that_was_never_run_is_said():
    assert cell(parities=()).unchecked == "no parity run of fp32"


def test_a_reference_that_is_not_finite_leaves_modes_unchecked():
    assert "not finite" in cell(parities=[parity(losses=(2.0, None, 1.8)), PARITIES[1]]).unchecked


def test_there_is_no_speed_up_over_a_reference_that_is_refused():
    spoilt = [HEALTHY[0], broken("invalid", "TF32 leaked in", "fp32", 1), *HEALTHY[2:]]
    amp = cell(measurements=spoilt)
    assert amp.throughput is not None
    assert amp.speedup is None


def test_a_speed_up_over_a_reference_that_did_not_settle_is_marked():
    shaky = dataclasses.replace(HEALTHY[0], state="unstable", reason="did not settle")
    assert cell(measurements=[shaky, *HEALTHY[1:]]).speedup_is_shaky
    assert not cell().speedup_is_shaky


def test_a_mode_whose_loss_is_not_finite_in_parity_is_invalid_with_the_step():
    amp = cell(parities=[PARITIES[0], parity("amp-bf16", losses=(2.0, None, 1.8))])
    assert amp.state == "invalid"
    assert amp.reason == "its loss is NaN or infinite at step 2, where float32's is finite"


def test_against_an_eager_mode_that_parity_refuses_nothing_pays_off():
    plan = dataclasses.replace(PLAN, modes=("fp32", "amp-bf16", "amp-bf16+compile"))
    compiled = [
        measurement("amp-bf16+compile", p, 0.02, compile_cache="cold", compile_seconds=30.0)
        for p in (0, 1)
    ]
    changes = {
        "measurements": [*HEALTHY, *compiled], "header": dataclasses.replace(HEADER, plan=plan)
    }  # fmt: skip
    assert cell("amp-bf16+compile", **changes).break_even is not None
    parted = [PARITIES[0], parity("amp-bf16", losses=(2.0, 1.9, 1.2))]
    assert cell("amp-bf16+compile", parities=parted, **changes).break_even is None
