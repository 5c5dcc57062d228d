"""Bars tell whoever cannot see them what they show."""

import pytest

pytest.importorskip("markupsafe")

from gpubench.gate.chart import Bars, Mark
from gpubench.render.html.bars import bars


def labels(*marks):
    html = str(bars(Bars(unit="images/s", marks=marks)))
    return [piece.partition('"')[0] for piece in html.split('aria-label="')[1:]]


def test_a_figure_is_told_with_its_unit():
    assert labels(Mark(label="fp32", text="10", value=10.0)) == ["fp32: 10 images/s"]


def test_a_word_in_place_of_a_figure_has_no_unit():
    assert labels(Mark(label="fp8", text="not supported")) == ["fp8: not supported"]
