"""A figure that is not to be taken as it stands has the same sign in every column and view."""

import dataclasses

import pytest

pytest.importorskip("pandas")

from gpubench.bench import ceilings
from gpubench.gate.intervals import Estimate
from gpubench.gate.marks import by_reason, half_width, marked
from gpubench.gate.tables import comparison
from tests.fakes.ceilings import GFLOPS, PEAKS, ran, with_ceilings
from tests.fakes.records import HEADER, HEALTHY, PLAN, measurement, record
from tests.gate.test_loading import FROM_FILES, fed, loading

pytestmark = pytest.mark.torch

FIGURES = ("throughput", "mfu", "step", "break_even")
MODES = ("fp32", "fp32+compile")


def compiled_record(*, state="ok", lines=PEAKS, times=(0.05, 0.0501), eager=(0.1, 0.1002)):
    """Two modes with peaks, so that every column of figures has one."""
    measured = [measurement("fp32", p, t, state=state, reason="why") for p, t in enumerate(eager)]
    measured += [
        measurement("fp32+compile", p, t, compile_cache="cold", compile_seconds=30.0)
        for p, t in enumerate(times)
    ]
    header = dataclasses.replace(HEADER, plan=dataclasses.replace(PLAN, modes=MODES))
    return with_ceilings(*lines, measurements=measured, header=header)


def row(made, place):
    return comparison(made)[0].rows[place]


def test_plain_figures_have_no_sign():
    texts = row(compiled_record(), 1).texts
    assert all(texts[name][0] not in "~–" for name in FIGURES)


@pytest.mark.parametrize("state", ["unstable", "capped"])
def test_every_figure_of_a_cell_that_is_not_ok_is_marked(state):
    texts = row(compiled_record(state=state), 0).texts
    assert all(texts[name].startswith("~") for name in ("throughput", "mfu", "step", "speedup"))


@pytest.mark.parametrize("state", ["unstable", "capped"])
def test_what_pays_off_against_a_mode_that_is_not_ok_is_marked(state):
    made = row(compiled_record(state=state), 1)
    assert made.texts["break_even"].startswith("~")
    assert made.values["break_even_is_shaky"]
    assert not made.values["is_shaky"]


def test_every_figure_of_processes_that_differ_too_much_is_marked():
    texts = row(compiled_record(times=(0.02, 0.09)), 1).texts
    assert all(texts[name].startswith("~") for name in ("throughput", "mfu", "step"))


def test_every_figure_of_a_cell_that_its_input_holds_back_is_marked():
    held = [fed(mode, p, 50 + p, 100, waited=0.8) for mode in PLAN.modes for p in (0, 1)]
    made = record(measurements=held, header=FROM_FILES)
    made = dataclasses.replace(made, lines=(*made.lines, loading(rate=52), *PEAKS))
    texts = row(made, 0).texts
    assert all(texts[name].startswith("~") for name in ("throughput", "mfu", "step"))


@pytest.mark.parametrize("state", ["unstable", "capped"])
def test_a_share_of_a_peak_measured_under_held_clocks_is_marked_and_noted(state):
    lines = [dataclasses.replace(PEAKS[0], state=state), *PEAKS[1:]]
    (table,) = comparison(compiled_record(lines=lines))
    assert table.rows[0].texts["mfu"].startswith("~")
    assert not table.rows[0].texts["throughput"].startswith("~")
    assert any("a peak was measured with clocks held" in note for note in table.notes)
    assert any("float32 ~100 GFLOP/s" in line for line in table.about)


def test_a_peak_that_gives_no_plain_utilisation_is_no_plain_figure_itself():
    plan = dataclasses.replace(PLAN, suites=("ceilings",))
    noisy = ran("gemm-float32", 100 * GFLOPS, 60 * GFLOPS, 60 * GFLOPS, subject=ceilings.SUBJECT)
    steady = ran("gemm-bfloat16", 400 * GFLOPS, subject=ceilings.SUBJECT)
    found = with_ceilings(noisy, steady, header=dataclasses.replace(HEADER, plan=plan))
    (table,) = comparison(found)
    texts = {row.values["ceiling"]: row.texts for row in table.rows}
    assert texts["gemm-float32"]["measured"] == texts["gemm-float32"]["best"] == "~100 GFLOP/s"
    assert texts["gemm-bfloat16"]["measured"] == "400 GFLOP/s"
    assert any("gemm-float32: good to no more than 67 %" in note for note in table.notes)


def test_energy_of_a_cell_under_held_clocks_is_marked():
    seen = {"samples": 9, "power_watts": 600.0, "energy_joules": 160.0}
    held = [dataclasses.replace(m, telemetry=seen, state="capped", reason="x") for m in HEALTHY]
    _, meanwhile = comparison(record(held))
    assert meanwhile.rows[0].texts["energy"] == "~2.00 J"


def test_what_is_absent_is_never_marked():
    assert marked("–", shaky=True) == "–"


def test_half_an_interval_beyond_its_value_is_no_number():
    assert half_width(Estimate(value=1.0, low=0.1, high=9.0)) == "> 100 %"
    assert half_width(Estimate(value=1.0, low=0.99, high=1.01)) == "1.0 %"
    assert half_width(None) == "–"


def test_names_of_one_reason_stand_together():
    assert by_reason([("x", "a"), ("y", "b"), ("x", "c")]) == {"x": ["a", "c"], "y": ["b"]}
