"""The table of ceilings: every one a row, with what was measured, and what the vendor says."""

import dataclasses

import pytest

pytest.importorskip("pandas")

from gpubench.bench import ceilings
from gpubench.gate.summary import is_sound
from gpubench.gate.tables import comparison
from gpubench.render.registry import FORMATS, renderer
from tests.fakes.ceilings import CPU, H200, ended, ran, with_ceilings
from tests.fakes.records import HEADER, PLAN

pytestmark = pytest.mark.torch

RUN = dataclasses.replace(HEADER, plan=dataclasses.replace(PLAN, suites=("ceilings",)))


def run(*lines, device=H200):
    lines = [
        dataclasses.replace(line, variant="", device=device if line.state == "ok" else {})
        for line in lines
    ]
    return with_ceilings(*lines, header=RUN)


def table(*lines, **device):
    (only,) = comparison(run(*lines, **device))
    return only


def row(made, name):
    return next(row for row in made.rows if row.values["ceiling"] == name)


def test_every_ceiling_is_a_row_with_a_text_for_every_column():
    made = table(ran("gemm-tf32", 400e12))
    assert [r.values["ceiling"] for r in made.rows] == [c.name for c in ceilings.CEILINGS]
    for each in made.rows:
        assert set(each.texts) == {column.key for column in made.columns}


def test_a_rate_has_its_spread_between_processes_and_its_share_of_nominal():
    made = table(ran("gemm-bfloat16", 700e12), ran("gemm-bfloat16", 714e12, process=1))
    texts = row(made, "gemm-bfloat16").texts
    assert (texts["measured"], texts["best"]) == ("707 TFLOP/s", "714 TFLOP/s")
    assert (texts["spread"], texts["nominal"]) == ("1.0 %", "990 TFLOP/s")
    assert texts["share"] == "71.5 %"


def test_memory_is_written_in_bytes_and_latency_in_time():
    made = table(ran("memory-copy", 4.1e12), ran("launch", 2.1e-6))
    assert row(made, "memory-copy").texts["measured"] == "4.10 TB/s"
    assert row(made, "launch").texts["measured"] == "2.10 µs"
    assert row(made, "launch").values["measured"] == pytest.approx(2.1e-6)


def test_a_cpu_has_no_nominal_figures():
    made = table(ran("gemm-float32", 1e11), device=CPU)
    assert row(made, "gemm-float32").values["nominal"] is None
    assert "2 threads" in made.about[0]


def test_what_the_device_does_not_have_says_so_and_is_not_unsound():
    found = run(ran("launch", 1e-6), ended("all-reduce", "not-supported", "one GPU"))
    made = comparison(found)[0]
    assert row(made, "all-reduce").texts["measured"] == "not supported"
    assert "all-reduce: not supported: one GPU" in made.notes
    assert is_sound(found)


@pytest.mark.parametrize("state", ["invalid", "failed", "timed-out"])
def test_what_went_wrong_is_a_word_and_makes_the_run_unsound(state):
    found = run(ended("gemm-float32", state, "why"))
    assert row(comparison(found)[0], "gemm-float32").values["measured"] is None
    assert not is_sound(found)


def test_a_process_that_broke_leaves_the_others_figure():
    found = run(ran("launch", 1e-6), ended("launch", "failed", "killed", process=1))
    assert row(comparison(found)[0], "launch").values["processes"] == 1


def test_one_process_that_is_invalid_takes_the_figure_away():
    """What ran as TF32 in one process is not float32's peak, whatever the other says."""
    found = run(ran("gemm-float32", 5e13), ended("gemm-float32", "invalid", "TF32", process=1))
    assert row(comparison(found)[0], "gemm-float32").values["measured"] is None


@pytest.mark.parametrize(("name", "rate"), [("gemm-bfloat16", 1.4e15), ("memory-copy", 5.3e12)])
def test_a_rate_beyond_the_nominal_one_is_implausible(name, rate):
    found = run(ran(name, rate))
    made = comparison(found)[0]
    assert row(made, name).texts["measured"] == "implausible"
    assert row(made, name).values["measured"] is None
    assert any("a clock is wrong" in note for note in made.notes)
    assert not is_sound(found)


def test_a_run_cut_short_says_what_was_not_measured():
    assert row(table(ran("launch", 1e-6)), "memory-copy").texts["measured"] == "not measured"


def test_a_sweep_has_one_table_of_ceilings():
    plan = dataclasses.replace(PLAN, suites=("ceilings", "deit"), variants=("batch 8", "batch 16"))
    found = with_ceilings(ran("launch", 1e-6), header=dataclasses.replace(HEADER, plan=plan))
    titles = [made.title for made in comparison(found)]
    assert [title.partition(" · ")[0] for title in titles] == [
        "ceilings", "deit batch 8", "deit batch 16",
    ]  # fmt: skip


@pytest.mark.parametrize("name", [entry.name for entry in FORMATS])
def test_every_format_renders_it(name):
    text = renderer(name)([table(ran("gemm-bfloat16", 7e14))])
    assert "bfloat16" in text
    assert "700" in text
