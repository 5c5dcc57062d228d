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
    written = plots.write([record()], tmp_path, ["sweep"])
    assert not any(path.name.startswith("sweep") for path in written)


def test_a_sweep_in_which_nothing_counts_draws_nothing():
    none = sweep_record(
        "batch-size=8,16", lambda b: 1, failing=lambda mode, b: ("failed", "killed", None)
    )
    assert sweep_panels(none, "deit") == ()


def test_pictures_of_a_sweep_are_written(tmp_path):
    written = plots.write([BATCHES], tmp_path, ["sweep"])
    assert {path.name for path in written} == {"sweep-deit.svg", "sweep-deit.png"}


def test_an_interval_that_is_far_too_wide_does_not_squeeze_the_dots(tmp_path):
    (first, *rest) = BATCHES.measurements
    noisy = dataclasses.replace(first, window_seconds=first.window_seconds * 50)
    made = dataclasses.replace(BATCHES, measurements=(noisy, *rest))
    assert plots.write([made], tmp_path, ["sweep"])


def hostile(item):
    facts = {
        subject: dataclasses.replace(own, settings={**own.settings, "item": item})
        for subject, own in BATCHES.workloads.items()
    }
    return dataclasses.replace(BATCHES, workloads=facts)


def test_a_name_in_a_record_cannot_drive_the_terminal():
    said = plots.text("sweep", [hostile("\x1b[2Jimage\u202e")])
    assert "\x1b" not in said
    assert "\u202e" not in said


@pytest.mark.parametrize("item", ["$\\frac{$", "\x1b[2J", "$x_{$", "\x00"])
def test_a_name_in_a_record_is_neither_maths_nor_a_control_character(tmp_path, item):
    svg, _ = plots.write([hostile(item)], tmp_path, ["sweep"])
    assert not any(character in svg.read_text() for character in "\x1b\x00")


def test_a_mode_s_name_is_no_maths_either(tmp_path):
    odd = sweep_record("batch-size=8,16", lambda b: 0.01 * b, modes=("fp32", "$\\frac{$\x1b"))
    assert plots.write([odd], tmp_path, ["sweep"])
    assert "\x1b" not in plots.text("sweep", [odd])


def test_a_sweep_of_which_no_dot_has_a_place_is_drawn_empty(tmp_path):
    """A timm model without patches: nobody knows how many tokens an image is."""
    whole = sweep_record("image-size=160,224", lambda n: 0.1)
    facts = {
        subject: dataclasses.replace(
            own, settings={k: v for k, v in own.settings.items() if k != "tokens"}
        )
        for subject, own in whole.workloads.items()
    }
    bare = dataclasses.replace(whole, workloads=facts)
    assert plots.write([bare], tmp_path, ["sweep"])
    assert "nothing of it was counted" in plots.text("sweep", [bare])


def test_peaks_of_no_bytes_are_drawn(tmp_path):
    none = sweep_record("batch-size=8,16", lambda b: 0.01 * b, lambda b: 0)
    assert plots.write([none], tmp_path, ["sweep"])
    assert "peak memory" in plots.text("sweep", [none])


def test_dots_that_are_not_to_be_taken_as_they_stand_are_marked(tmp_path):
    first, *rest = BATCHES.measurements
    shaky = dataclasses.replace(first, state="capped", reason="why")
    made = dataclasses.replace(BATCHES, measurements=(shaky, *rest))
    lines = [line for line in plots.text("sweep", [made]).splitlines() if "█" in line]
    assert ["~" in line for line in lines] == [True] + [False] * (len(lines) - 1)
    svg, _ = plots.write([made], tmp_path, ["sweep"])
    plain, _ = plots.write([BATCHES], tmp_path / "plain", ["sweep"])
    assert "#ffffff; stroke: #0072b2" in svg.read_text()
    assert "#ffffff; stroke: #0072b2" not in plain.read_text()


def test_what_its_input_holds_back_is_no_point_of_the_curve():
    from tests.gate.test_sweeps import starving

    text = "sequence-length=64,128,256,384,512"
    free = starving(text, lambda n: 1e-4 * n, 10_000, suite="bert-ner")
    held = starving(text, lambda n: 1e-4 * n, 256, suite="bert-ner")
    assert sweep_panels(free, "bert-ner")[0].series[0].fitted
    time, memory = sweep_panels(held, "bert-ner")
    assert time.series[0].fitted == ()
    assert [dot.is_shaky for dot in time.series[0].dots] == [False, False, True, True, True]
    assert memory.series[0].fitted
