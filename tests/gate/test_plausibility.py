"""What cannot be true is named with its figure and never shown as a number."""

import dataclasses

import pytest

pytest.importorskip("pandas")

from gpubench.bench.job import Subject
from gpubench.gate.intervals import Estimate
from gpubench.gate.plausibility import scaling_fault
from gpubench.gate.summary import is_sound, summarise
from gpubench.gate.tables import comparison
from gpubench.render.registry import FORMATS, renderer
from tests.fakes.ceilings import GFLOPS, H200, PEAKS, ran, with_ceilings
from tests.fakes.records import FACTS, HEADER, HEALTHY, PLAN, measurement
from tests.gate.test_loading import FROM_FILES, fed, loading

pytestmark = pytest.mark.torch

FP32, AMP = HEALTHY[:2], HEALTHY[2:]


def twice(mode, step, **changes):
    return [measurement(mode, process, step * (1 + process / 100), **changes) for process in (0, 1)]


def made(measurements, lines=PEAKS, modes=("fp32", "amp-bf16"), facts=FACTS):
    header = dataclasses.replace(HEADER, plan=dataclasses.replace(PLAN, modes=modes))
    return with_ceilings(*lines, measurements=measurements, header=header, facts=facts)


def states(found):
    return {cell.mode: cell.state for cell in summarise(found, Subject("deit"))}


def test_a_healthy_record_is_plausible():
    found = made(HEALTHY)
    assert set(states(found).values()) == {"ok"}
    assert is_sound(found)


def test_an_impossible_speed_up_is_a_word_with_its_figure():
    """A step that skips nine tenths of its work: ten times as fast, the peaks allow 4.4."""
    found = made([*FP32, *twice("amp-bf16", 0.01)])
    (table,) = comparison(found)
    assert states(found) == {"fp32": "ok", "amp-bf16": "implausible"}
    assert table.rows[1].texts["throughput"] == "implausible"
    assert any("amp-bf16: implausible" in n and "the measured peaks allow 4.41" in n
               for n in table.notes)  # fmt: skip
    assert not is_sound(found)


@pytest.mark.parametrize("name", [entry.name for entry in FORMATS])
def test_no_format_shows_an_implausible_number(name):
    found = made([*FP32, *twice("amp-bf16", 0.0101)])
    text = renderer(name)(comparison(found))
    assert "implausible" in text
    assert "788" not in text.replace(" ", "").replace(",", ".")
    assert "792" not in text.replace(" ", "")
    values = comparison(found)[0].rows[1].values
    gone = ("samples_per_second", "speedup", "step_seconds", "mfu", "model_flops_per_second")
    assert [values[key] for key in gone] == [None] * len(gone)


@pytest.mark.parametrize(("step", "state"), [(0.0222, "implausible"), (0.0240, "ok")])
def test_a_speed_up_within_the_ratio_of_the_peaks_and_its_noise_is_plausible(step, state):
    assert states(made([*FP32, *twice("amp-bf16", step)]))["amp-bf16"] == state


def test_model_flops_beyond_the_peak_are_implausible():
    """The clock of one cell runs at an eighth: 18 GFLOP/s become 143 % of what products do."""
    found = made([*twice("fp32", 0.0125), *AMP])
    assert states(found) == {"fp32": "implausible", "amp-bf16": "ok"}
    (table,) = comparison(found)
    assert "143 % of the measured peak (100 GFLOP/s, good to 5 %)" in table.notes[0]


def test_over_a_reference_that_is_implausible_there_is_no_speed_up():
    fp32, amp = summarise(made([*twice("fp32", 0.0125), *AMP]), Subject("deit"))
    assert (fp32.speedup, amp.speedup) == (None, None)
    assert amp.throughput is not None


def test_against_an_eager_mode_that_is_implausible_nothing_pays_off():
    modes = ("fp32", "fp32+compile")
    compiled = twice("fp32+compile", 0.05, compile_cache="cold", compile_seconds=30.0)
    true = made([*FP32, *compiled], modes=modes)
    assert summarise(true, Subject("deit"))[1].break_even is not None
    false = made([*twice("fp32", 0.0125), *compiled], modes=modes)
    assert summarise(false, Subject("deit"))[1].break_even is None


def test_energy_per_sample_is_refused_with_the_samples():
    seen = {"samples": 9, "power_watts": 600.0, "energy_joules": 160.0}
    metered = [dataclasses.replace(m, telemetry=seen) for m in twice("fp32", 0.0125)]
    (fp32, _) = summarise(made([*metered, *AMP]), Subject("deit"))
    assert fp32.conditions.power_watts == 600.0
    assert fp32.conditions.joules_per_sample is None


def test_a_utilisation_above_the_peak_by_noise_is_marked_and_not_refused():
    """The windows of this peak differ by a third, as on a shared CPU; 110 % says nothing."""
    noisy = [ran("gemm-float32", 100 * GFLOPS, 75 * GFLOPS, 75 * GFLOPS), PEAKS[1]]
    found = made([*twice("fp32", 0.01625), *AMP], lines=noisy)
    (table,) = comparison(found)
    assert states(found)["fp32"] == "ok"
    assert table.rows[0].texts["mfu"].startswith("~110")
    assert any("MFU above 100 %" in note for note in table.notes)
    quiet = made([*twice("fp32", 0.01625), *AMP], lines=PEAKS)
    assert states(quiet)["fp32"] == "implausible"


def test_one_fast_process_among_slow_ones_is_no_impossible_speed_up():
    apart = [measurement("amp-bf16", 0, 0.010), measurement("amp-bf16", 1, 0.05)]
    assert states(made([*FP32, *apart]))["amp-bf16"] == "ok"


def test_compiling_may_gain_more_than_any_ratio_of_peaks():
    modes = ("fp32", "fp32+compile")
    found = made([*FP32, *twice("fp32+compile", 0.04)], modes=modes)
    assert states(found)["fp32+compile"] == "ok"
    found = made([*FP32, *twice("fp32+compile", 0.015)], modes=modes)
    assert states(found)["fp32+compile"] == "implausible"


def test_a_compiled_mode_is_held_against_float32_compiled_alike():
    modes = ("fp32", "fp32+compile", "amp-bf16+compile")
    compiled = [*FP32, *twice("fp32+compile", 0.04)]
    true = made([*compiled, *twice("amp-bf16+compile", 0.012)], modes=modes)
    assert states(true)["amp-bf16+compile"] == "ok"
    false = made([*compiled, *twice("amp-bf16+compile", 0.008)], modes=modes)
    assert states(false)["amp-bf16+compile"] == "implausible"
    assert any("fp32+compile or more" in note for note in comparison(false)[0].notes)


def test_half_the_bytes_may_double_a_cell_where_the_peaks_are_equal():
    """A CPU without 16-bit units: its products are no faster, its memory traffic is halved."""
    equal = [PEAKS[0], ran("gemm-bfloat16", 100 * GFLOPS)]
    assert states(made([*FP32, *twice("amp-bf16", 0.05)], lines=equal))["amp-bf16"] == "ok"
    found = made([*FP32, *twice("amp-bf16", 0.04)], lines=equal)
    assert states(found)["amp-bf16"] == "implausible"


def test_tf32_moves_as_many_bytes_as_float32():
    equal = [PEAKS[0], ran("gemm-tf32", 100 * GFLOPS)]
    found = made([*FP32, *twice("tf32", 0.05)], lines=equal, modes=("fp32", "tf32"))
    assert states(found)["tf32"] == "implausible"


def test_without_measured_peaks_the_nominal_one_still_bounds_a_cell():
    """An H200 has 67 TFLOP/s in float32; 180 are none of its own."""
    facts = dataclasses.replace(FACTS, device=H200, step_flops=18 * 10**12)
    found = made(HEALTHY, lines=[ran("launch", 1e-6)], facts=facts)
    assert states(found) == {"fp32": "implausible", "amp-bf16": "ok"}
    assert any("of the nominal peak (67.0 TFLOP/s)" in n for n in comparison(found)[0].notes)


def test_without_any_peak_nothing_is_called_impossible():
    assert set(states(made(HEALTHY, lines=[ran("launch", 1e-6)])).values()) == {"ok"}


@pytest.mark.parametrize(
    ("value", "low", "is_fault"),
    [(1.04, None, False), (1.08, None, True), (1.08, 1.02, False), (1.2, 1.1, True)],
)
def test_scaling_beyond_all_devices_together_is_impossible(value, low, is_fault):
    fault = scaling_fault(Estimate(value=value, low=low, high=low and 2 * value - low), 4)
    assert (fault is not None) == is_fault
    assert fault is None or "4 devices" in fault


def test_nothing_that_follows_from_its_times_is_left_of_an_implausible_cell():
    header = dataclasses.replace(FROM_FILES, plan=dataclasses.replace(
        FROM_FILES.plan, modes=("fp32", "amp-bf16")))  # fmt: skip
    fast = [fed("fp32", p, 640 + p, 700) for p in (0, 1)]
    held = [
        dataclasses.replace(
            m, feeding={**m.feeding, "padded_tokens": 900, "real_tokens": 400},
            profile={"busy_seconds": 0.01, "steps": 1, "wall_seconds": 0.0125},
        )
        for m in fast
    ]  # fmt: skip
    found = with_ceilings(*PEAKS, loading(rate=400), measurements=[*held, *AMP], header=header)
    (table,) = comparison(found)
    values, texts = table.rows[0].values, table.rows[0].texts
    assert values["state"] == "implausible"
    for key in (
        "bound_by", "waiting_share", "device_samples_per_second", "cores_to_feed_device",
        "gpu_busy_share", "loss_first", "loss_last", "padded_tokens_per_second",
        "real_tokens_per_second",
    ):  # fmt: skip
        assert values[key] is None, key
    assert (texts["bound"], texts["waiting"], texts["cores"], texts["loss"]) == ("–",) * 4
    assert not any("samples/s from batches on the device" in note for note in table.notes)
