"""The report on real decisions: what it counts, and the interpreter that does more work."""

import subprocess
import sys

import pytest

pytest.importorskip("scipy")

from benchmarks import real_pairs
from benchmarks.slower import slower

pytestmark = pytest.mark.torch


def decision(word="PASS", suite="deit", differences=(0.01, -0.01, 0.02, 0.0, -0.02)):
    return {
        "suite": suite, "word": word, "pairs": len(differences), "effect": 0.01, "low": -0.02,
        "high": 0.02, "differences": list(differences),
    }  # fmt: skip


def page(alike, injected=()):
    return real_pairs.page(
        {
            "tolerance": "3%",
            "cell": "small",
            "seconds": 60.0,
            "at_once": 2,
            "alike": alike,
            "injected": injected,
        }
    )


def row(text, suite):
    return [cell.strip() for cell in next(
        line for line in text.splitlines() if line.startswith(f"| {suite} ")
    ).split("|")[1:-1]]  # fmt: skip


def test_what_is_neither_passed_nor_open_is_a_false_alarm():
    words = ("PASS", "INCONCLUSIVE", "REGRESSION", "IMPROVED")
    assert row(page([decision(word) for word in words]), "deit")[1:5] == ["4", "2", "1", "1 (25%)"]


def test_the_spread_of_pairs_is_that_about_each_session_s_own_mean():
    apart = [decision(differences=(0.0, 0.02)), decision(differences=(1.0, 1.02))]
    assert row(page(apart), "deit")[6] == "1.41 %"
    assert real_pairs.pooled([[0.1]]) is None


def test_a_suite_without_decisions_has_no_figures():
    assert row(page([decision()]), "bert-ner")[1:4] == ["0", "0", "0"]


def test_a_slower_interpreter_trains_every_fourth_step_twice(tmp_path):
    code = (
        "from gpubench.bench.training import TrainingStep as step\n"
        "step.__init__ = lambda self: None\n"
        "print(step.__call__.__module__)\n"
    )
    plain = [subprocess.run([python, "-c", code], capture_output=True, text=True, check=True).stdout
             for python in (sys.executable, slower(tmp_path))]  # fmt: skip
    assert plain == ["gpubench.bench.training\n", "sitecustomize\n"]
