"""The plot of a sweep shows each mode's dots, their intervals and the fit, from zero."""

import dataclasses

import pytest

pytest.importorskip("pandas")
pytest.importorskip("matplotlib")

from gpubench.gate.sweep_series import sweep_panels
from gpubench.render import plots
from tests.fakes.records import record
from tests.fakes.sweeps import sweep_record

pytestmark = pytest.mark.torch
GIB = 2**30
BATCHES = sweep_record(
    "batch-size=8,16,32",
    lambda b: 0.01 * b,
    lambda b: GIB + b * GIB // 8,
    modes=("fp32", "amp-bf16"),
)


def test_throughput_and_memory_are_drawn_against_the_batch():
    speed, memory = sweep_panels(BATCHES, "deit")
    assert (speed.x_label, speed.y_label) == ("batch size", "images/s")
    assert [series.mode for series in speed.series] == ["fp32", "amp-bf16"]
    assert [dot.x for dot in speed.series[0].dots] == [8, 16, 32]
    assert all(dot.low < dot.y < dot.high for dot in speed.series[0].dots)
    assert speed.series[0].fitted == ()
    assert [dot.y for dot in memory.series[0].dots] == [2, 3, 5]
    first, *_, last = memory.series[0].fitted
    assert (first, last) == ((8, pytest.approx(2)), (32, pytest.approx(5)))


def test_a_step_s_time_against_tokens_has_a_curve_once_points_are_left_over():
    four = sweep_record("sequence-length=64,128,256,512", lambda n: 1e-4 * n, suite="bert-ner")
    time, _ = sweep_panels(four, "bert-ner")
    assert (time.x_label, time.y_label) == ("tokens in a sample", "ms per step")
    assert time.series[0].fitted[-1] == (512, pytest.approx(51.2, rel=0.01))
    assert time.series[0].dots[0].low < 6.4 * 1.001 < time.series[0].dots[0].high
    three = sweep_record("sequence-length=64,128,256", lambda n: 1e-4 * n, suite="bert-ner")
    assert sweep_panels(three, "bert-ner")[0].series[0].fitted == ()


def test_what_ran_out_of_memory_is_no_dot():
    cut = sweep_record(
        "batch-size=8,16",
        lambda b: 0.01 * b,
        failing=lambda mode, b: ("out-of-memory", "…", None) if b == 16 else None,
    )
    assert [dot.x for dot in sweep_panels(cut, "deit")[0].series[0].dots] == [8]


def test_the_text_has_a_bar_a_variant_and_the_longest_is_the_largest():
    said = plots.text("sweep", [BATCHES])
    assert "images/s by batch size" in said
    bars = [line.count("█") for line in said.splitlines() if line.count("█")]
    assert len(bars) == 12
    memory = bars[6:9]
    assert memory == [16, 24, 40]


def test_a_run_without_a_sweep_says_so_and_draws_nothing_of_it(tmp_path):
    assert "nothing was swept" in plots.text("sweep", [record()])
    written = plots.write([record()], tmp_path)
    assert not any(path.name.startswith("sweep") for path in written)


def test_a_sweep_in_which_nothing_counts_draws_nothing():
    none = sweep_record(
        "batch-size=8,16", lambda b: 1, failing=lambda mode, b: ("failed", "killed", None)
    )
    assert sweep_panels(none, "deit") == ()


def test_pictures_of_a_sweep_are_written(tmp_path):
    written = plots.write([BATCHES], tmp_path)
    assert {path.name for path in written} == {"sweep-deit.svg", "sweep-deit.png"}


def test_an_interval_that_is_far_too_wide_does_not_squeeze_the_dots(tmp_path):
    (first, *rest) = BATCHES.measurements
    noisy = dataclasses.replace(first, window_seconds=first.window_seconds * 50)
    made = dataclasses.replace(BATCHES, measurements=(noisy, *rest))
    assert plots.write([made], tmp_path)
