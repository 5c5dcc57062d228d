"""A peak is the best window with what it is good to; a cell's share of it follows from its work."""

import dataclasses

import pytest

pytest.importorskip("pandas")

from gpubench.bench import ceilings
from gpubench.bench.job import Subject
from gpubench.gate.roofline import LEAST_NOISE, measured, nominal_of, peak_of
from gpubench.gate.summary import summarise
from gpubench.gate.tables import comparison
from tests.fakes.ceilings import GFLOPS, H200, PEAKS, ended, ran, with_ceilings
from tests.fakes.records import FACTS, HEADER, HEALTHY, PLAN, record

pytestmark = pytest.mark.torch

DEIT = Subject("deit")


def cells(*lines, **changes):
    return {cell.mode: cell for cell in summarise(with_ceilings(*lines, **changes), DEIT)}


def test_a_cell_s_utilisation_is_its_model_flops_over_the_peak_of_its_format():
    fp32, amp = cells().values()
    assert fp32.roofline.mfu == pytest.approx(FACTS.step_flops / 0.101 / 100e9, rel=1e-3)
    assert amp.roofline.mfu == pytest.approx(FACTS.step_flops / 0.0505 / 400e9, rel=1e-3)
    assert fp32.roofline.mfu_nominal is None


def test_model_flops_are_those_of_the_samples_whatever_a_step_holds():
    """With accumulated gradients a step has several of the batches that were counted."""
    doubled = [dataclasses.replace(m, samples_per_step=16, step_seconds=(0.2,) * 5,
                                   window_seconds=1.0) for m in HEALTHY]  # fmt: skip
    amp = cells(measurements=doubled)["amp-bf16"]
    assert amp.roofline.achieved.value == pytest.approx(80 * FACTS.step_flops / 8)


def test_a_gpu_on_record_also_has_a_share_of_its_nominal_peak():
    facts = dataclasses.replace(FACTS, device=H200)
    lines = [dataclasses.replace(line, device=H200) for line in PEAKS]
    amp = cells(*lines, facts=facts)["amp-bf16"]
    assert amp.roofline.mfu_nominal == pytest.approx(amp.roofline.achieved.value / 989.5e12)


def test_without_a_measured_peak_there_is_no_utilisation():
    assert cells(ran("launch", 1e-6))["amp-bf16"].roofline.mfu is None
    assert cells(*PEAKS, facts=dataclasses.replace(FACTS, step_flops=None))["fp32"].roofline is None


def test_the_best_window_of_every_process_counts():
    lines = (
        ran("gemm-float32", 50.0, 60.0),
        ran("gemm-float32", 90.0, 100.0, subject=ceilings.AFTER),
    )
    assert peak_of(with_ceilings(*lines), "float32").best == pytest.approx(100)


def test_a_peak_is_good_to_what_its_windows_and_processes_agree_on():
    steady = measured([ran("gemm-float32", 100.0, 100.0)], "flop/s")
    noisy = measured([ran("gemm-float32", 100.0, 50.0, 50.0)], "flop/s")
    drifting = measured([ran("gemm-float32", 100.0), ran("gemm-float32", 80.0, process=1)],
                        "flop/s")  # fmt: skip
    assert steady.doubt == LEAST_NOISE
    assert noisy.doubt == pytest.approx(1.0)
    assert drifting.spread == pytest.approx(20 / 90)


def test_a_peak_whose_threads_waited_for_a_processor_is_good_to_what_they_missed():
    """A neighbour has half of every core: all windows agree, and all are half as fast."""
    shared = measured([ran("gemm-float32", 50.0, 50.0, ran_for=0.5)], "flop/s")
    assert shared.noise == 0
    assert shared.highest == pytest.approx(100)
    on_gpu = measured([ran("gemm-float32", 50.0, ran_for=0.5, device=H200)], "flop/s")
    assert on_gpu.doubt == LEAST_NOISE
    assert measured([ran("gemm-float32", 50.0, ran_for=0.0)], "flop/s").doubt == pytest.approx(9)


def test_a_record_without_processor_time_has_a_peak_all_the_same():
    older = ran("gemm-float32", 50.0)
    sample = dataclasses.replace(older.samples[0], cpu_seconds=())
    assert measured([dataclasses.replace(older, samples=(sample,))], "flop/s").best == 50


def test_of_times_the_shortest_is_the_best():
    found = measured([ran("launch", 3e-6, 2e-6), ran("launch", 4e-6, process=1)], "second")
    assert (found.best, found.value) == pytest.approx((2e-6, 3e-6))


def test_of_a_process_done_again_the_last_counts():
    again = [ended("gemm-float32", "failed", "killed"), ran("gemm-float32", 70.0)]
    assert peak_of(with_ceilings(*again), "float32").best == pytest.approx(70)


def test_a_peak_beyond_what_the_gpu_can_do_is_no_peak():
    """The clock lies: half the seconds make twice the operations."""
    true = ran("gemm-bfloat16", 700e12, device=H200)
    lying = ran("gemm-bfloat16", 1400e12, device=H200)
    assert peak_of(with_ceilings(true), "bfloat16").best == pytest.approx(700e12)
    assert peak_of(with_ceilings(lying), "bfloat16") is None
    facts = dataclasses.replace(FACTS, device=H200)
    (made,) = comparison(with_ceilings(lying, facts=facts))
    assert made.rows[1].texts["mfu"] == "–"
    assert any("bfloat16" in note and "above what the device can do" in note for note in made.notes)


def test_windows_that_took_no_time_are_no_windows():
    stopped = ran("gemm-float32", 100.0)
    sample = dataclasses.replace(stopped.samples[0], seconds=(0.0, 1.0))
    (found,) = [dataclasses.replace(stopped, samples=(sample,))]
    assert measured([found], "flop/s").best == pytest.approx(100)
    assert measured([dataclasses.replace(stopped, samples=())], "flop/s") is None


@pytest.mark.parametrize(
    ("name", "nominal"), [("gemm-tf32", 494.5e12), ("memory-copy", 4.8e12), ("to-device", None)]
)
def test_nominal_figures_are_those_of_the_gpu(name, nominal):
    assert nominal_of(ceilings.ceiling_named(name), H200) == nominal


def test_a_cpu_of_a_gpu_s_name_has_no_nominal_figure():
    assert nominal_of(ceilings.ceiling_named("gemm-tf32"), {**H200, "type": "cpu"}) is None


def test_the_table_has_the_share_of_the_measured_peak_and_the_data_both():
    (made,) = comparison(with_ceilings())
    assert made.rows[0].texts["mfu"] == "17.8 %"
    assert made.rows[0].values["mfu"] == pytest.approx(0.178, abs=1e-3)
    assert made.rows[0].values["mfu_nominal"] is None
    assert any("float32 100 GFLOP/s (good to 5 %)" in line for line in made.about)


def test_a_share_of_a_doubtful_peak_is_marked():
    noisy = [ran("gemm-float32", 100 * GFLOPS, 60 * GFLOPS, 60 * GFLOPS), *PEAKS[1:2]]
    (made,) = comparison(with_ceilings(*noisy))
    assert made.rows[0].texts["mfu"].startswith("~")
    assert made.rows[1].texts["mfu"] == "8.9 %"


def test_a_peak_that_failed_is_noted_and_the_numbers_stay():
    (made,) = comparison(with_ceilings(ended("gemm-float32", "timed-out", "no answer")))
    assert made.rows[0].texts["mfu"] == "–"
    assert made.rows[0].texts["throughput"] == "79.2"
    assert any("no MFU for products in float32" in note for note in made.notes)


def test_a_record_from_before_there_were_peaks_is_a_table_without_them():
    (made,) = comparison(record())
    assert [row.texts["mfu"] for row in made.rows] == ["–", "–"]
    assert not any("MFU" in line for line in (*made.about, *made.notes))


def test_peaks_of_the_suite_count_for_training_in_the_same_run():
    plan = dataclasses.replace(PLAN, suites=("ceilings", "deit"))
    lines = [ran("gemm-float32", 120 * GFLOPS, subject=ceilings.SUBJECT)]
    found = with_ceilings(*lines, header=dataclasses.replace(HEADER, plan=plan))
    assert peak_of(found, "float32").best == pytest.approx(120e9)
