"""A loader's picture has a bar for each way of making batches, and words where there is no rate."""

import pytest

pytest.importorskip("pandas")

from gpubench.bench.job import Subject
from gpubench.gate.charts.loader import loader_chart
from gpubench.gate.dossier import dossier
from tests.gate.test_loading import LOADER_HEADER, loading, read

pytestmark = pytest.mark.torch

DEIT = Subject("deit")


def test_each_way_is_a_bar_with_its_interval():
    made = read([], *(loading(n, p, 100.0 * (n + 1) + p) for n in (0, 2) for p in (0, 1)))
    chart = loader_chart(made, DEIT)
    alone, two = chart.parts[0].marks
    assert (round(alone.value), round(two.value)) == (100, 300)
    assert alone.low < alone.value < alone.high
    assert "±" in alone.text


def test_one_that_broke_is_a_word_and_one_that_is_marked_is_hollow():
    made = read(
        [],
        loading(0, 0, 100.0, state="unstable", reason="did not settle"),
        loading(2, 0, state="failed", reason="died"),
    )
    alone, two = loader_chart(made, DEIT).parts[0].marks
    assert alone.is_shaky
    assert alone.text.startswith("~")
    assert (two.value, two.text) == (None, "failed")


def test_where_nothing_was_loaded_there_is_no_picture():
    assert loader_chart(read([]), DEIT) is None
    assert loader_chart(read([], loading(2, 0, state="failed", reason="died")), DEIT) is None


def test_it_stands_on_the_page_of_a_loader_s_run():
    made = read([], loading(), header=LOADER_HEADER)
    (chapter,) = dossier([made]).chapters
    assert [chart.name for chart in chapter.sections[0].charts] == ["loader"]
