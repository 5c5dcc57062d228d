"""The live view of pairs, and its lines where there is no terminal."""

import io
import re
import types

import pytest

pytest.importorskip("scipy")
pytest.importorskip("pandas")

from rich.console import Console

from gpubench.bench.job import Subject
from gpubench.bench.modes import REFERENCE, mode_named
from gpubench.bench.schedule import Step
from gpubench.cli.pair_live import SCALE_WIDTH, LivePairs, scale
from gpubench.cli.pair_progress import PlainPairs, watcher
from gpubench.cli.pair_standing import line
from gpubench.gate.pair_standing import Standing
from gpubench.gate.sides import CellName

DEIT = Subject("deit")
OPEN = Standing(pairs=6, effect=0.004, low=-0.012, high=0.034, tolerance=0.03, to_look=2)
PASSED = Standing(
    pairs=5, word="PASS", effect=0.0, low=-0.01, high=0.01, tolerance=0.03,
    waits_for=("peak memory",),
)  # fmt: skip
REFUSED = Standing(pairs=0, word="NOT-COMPARABLE", reason="different workloads: parameters 1 and 2")


class Judge:
    def __init__(self, cells):
        self.cells = cells
        self.records = types.SimpleNamespace(names=tuple(cells))

    def standing(self, subject, mode):
        return self.cells[CellName(subject, mode)]


CELLS = {
    CellName(DEIT, "fp32"): PASSED,
    CellName(DEIT, "amp-bf16"): OPEN,
    CellName(DEIT, "tf32"): REFUSED,
}


def step(mode=REFERENCE, process=0, kind="measure"):
    return Step(subject=DEIT, kind=kind, mode=mode, process=process)


def seen(*changes, cells=CELLS, height=30):
    screen = Console(
        file=io.StringIO(), force_terminal=True, width=120, height=height, highlight=False
    )
    view = LivePairs(Judge(cells), screen)
    for change in changes:
        change(view)
    screen.print(view.picture())
    return re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", screen.file.getvalue())


def began(view):
    view.began("b", step(mode_named("amp-bf16"), 5), 200.9)


def test_the_view_names_the_side_the_pair_and_when_the_next_looks_are():
    first = seen(began).splitlines()[0]
    assert first.startswith("B deit · amp-bf16 · process 6")
    assert first.rstrip().endswith("next looks: about 3 min 20 s left")


def test_every_cell_shows_its_pairs_and_what_it_waits_for():
    shown = seen(began)
    assert re.search(r"deit fp32 +5 +\+0.0 % .*PASS, waits for peak memory", shown)
    assert re.search(r"deit amp-bf16 +6 +\+0.4 % .*2 pairs to go", shown)
    assert re.search(r"deit tf32 +0 +– .*NOT-COMPARABLE: different workloads", shown)


def test_a_cell_is_shown_anew_when_it_has_one_more_pair():
    judge = Judge(dict(CELLS))
    screen = Console(file=io.StringIO(), force_terminal=True, width=120, highlight=False)
    view = LivePairs(judge, screen)
    began(view)
    judge.cells[CellName(DEIT, "amp-bf16")] = PASSED
    screen.print(view.picture())
    assert "2 pairs to go" in screen.file.getvalue()
    view.paired(DEIT, "amp-bf16")
    screen.file.truncate(0)
    screen.print(view.picture())
    assert "to go" not in screen.file.getvalue()


def test_an_interval_closes_in_between_the_marks_of_the_tolerance():
    inside = scale(PASSED)
    assert len(inside) == SCALE_WIDTH
    assert inside.index("·") < inside.index("=") < inside.index("o") < inside.rindex("·")
    assert inside.count("+") == 0
    across = scale(OPEN)
    assert "+" in across
    assert across.rindex("=") > across.index("+")


def test_an_interval_beyond_the_picture_is_cut_off():
    wide = Standing(pairs=3, effect=5.0, low=-0.9, high=50.0, tolerance=0.03)
    assert len(scale(wide)) == SCALE_WIDTH
    assert (scale(wide)[0], scale(wide)[-1]) == ("=", "o")
    assert scale(REFUSED) == ""


def test_a_low_terminal_shows_the_cell_that_is_measured():
    cells = {CellName(DEIT, f"mode-{n}"): OPEN for n in range(20)} | CELLS
    shown = seen(began, cells=cells, height=12)
    assert len(shown.splitlines()) <= 12
    assert "deit amp-bf16" in shown


def test_names_cannot_drive_the_terminal():
    evil = {CellName(Subject("de\x1b[31mit"), "fp32"): OPEN}
    screen = Console(file=io.StringIO(), force_terminal=True, width=100, highlight=False)
    view = LivePairs(Judge(evil), screen)
    began(view)
    screen.print(view.picture())
    assert "\x1b[31mit" not in screen.file.getvalue()


@pytest.mark.parametrize(
    ("standing", "said"),
    [
        (OPEN, "deit fp32: 6 pairs, +0.4 % [−1.2 %, +3.4 %] of 3.0 %, 2 pairs to go"),
        (PASSED,
         "deit fp32: 5 pairs, +0.0 % [−1.0 %, +1.0 %] of 3.0 %, PASS, waits for peak memory"),
        (REFUSED, "deit fp32: 0 pairs, NOT-COMPARABLE: different workloads: parameters 1 and 2"),
        (Standing(pairs=1, effect=0.1, tolerance=0.03, to_look=4),
         "deit fp32: 1 pair, +10.0 %, 4 pairs to go"),
        (Standing(pairs=3, effect=0.1, low=-0.9, high=99.0, tolerance=0.03, to_look=2),
         "deit fp32: 3 pairs, +10.0 % too wide to tell of 3.0 %, 2 pairs to go"),
    ],
)  # fmt: skip
def test_a_cell_is_told_in_one_line(standing, said):
    assert line("deit fp32", standing) == said


def test_lines_where_there_is_no_terminal(capsys, monkeypatch):
    judge = Judge(CELLS)
    shown = watcher(judge)
    assert isinstance(shown, PlainPairs)
    with shown:
        shown.began("a", step(), 90.0)
        shown.stage("window", 0, 10)
        shown.ended("a", step(), "ok", None, 4.0)
        shown.paired(DEIT, "amp-bf16")
    said = capsys.readouterr().err.splitlines()
    assert said[0] == "A ✓ deit · fp32 · process 1 4.00 s"
    assert said[1].endswith("2 pairs to go; about 90.0 s left")
    assert "\x1b" not in "".join(said)
