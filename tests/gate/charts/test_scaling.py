"""Scaling is drawn as its table says it, marks and words included."""

import pytest

pytest.importorskip("pandas")

from gpubench.bench.job import Subject
from gpubench.gate.charts.scaling import scaling_chart
from gpubench.gate.pages import pages
from gpubench.gate.sides import CellName, session_of
from tests.fakes.records import FACTS, record
from tests.gate.test_scaling import HEALTHY, run, spread

pytestmark = pytest.mark.torch

IMPOSSIBLE = (*spread("ddp, 2 processes", (0.04, 0.04)), *spread("fsdp, 2 processes", (0.12,) * 2))


def drawn(made):
    chart = scaling_chart(pages(made)[0])
    return {mark.label: mark for mark in chart.parts[0].marks}


def test_a_strategy_is_a_bar_against_perfect_scaling():
    found = drawn(run(*HEALTHY))
    assert set(found) == {"fp32 · ddp, 2 processes", "fp32 · fsdp, 2 processes"}
    mark = found["fp32 · ddp, 2 processes"]
    assert mark.value == pytest.approx(0.95, abs=0.01)
    assert mark.low < mark.value < mark.high
    assert not mark.is_shaky


def test_on_shared_cores_it_is_hollow():
    mark = drawn(run(*HEALTHY, device=FACTS.device))["fp32 · ddp, 2 processes"]
    assert mark.is_shaky
    assert mark.text.startswith("~")


def test_scaling_that_cannot_be_true_is_a_word():
    mark = drawn(run(*IMPOSSIBLE))["fp32 · ddp, 2 processes"]
    assert (mark.value, mark.text) == (None, "implausible")


def test_a_comparison_takes_it_for_no_figure_either():
    name = CellName(Subject("deit", "ddp, 2 processes"), "fp32")
    assert session_of(run(*IMPOSSIBLE)).cells[name].state == "implausible"


def test_other_tables_have_no_scaling():
    assert scaling_chart(pages(record())[0]) is None
