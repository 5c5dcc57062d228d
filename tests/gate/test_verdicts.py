"""The report's verdict is the worst by the precedence of the exit statuses."""

import itertools

import pytest

from gpubench.errors import ExitStatus
from gpubench.gate.verdicts import STATUSES, WORST_FIRST, Verdict, exit_status, overall


def verdict(word, **changes):
    return Verdict(suite="deit", mode="fp32", metric="throughput", word=word, **changes)


@pytest.mark.parametrize(("worse", "better"), list(itertools.combinations(WORST_FIRST, 2)))
def test_of_two_words_the_worse_is_the_report_s(worse, better):
    assert overall([verdict(better), verdict(worse)]) == worse


def test_the_order_is_six_one_five_four_nought():
    assert [int(STATUSES[word]) for word in WORST_FIRST] == [6, 1, 5, 4, 0, 0]


def test_what_is_not_gated_has_no_say():
    assert overall([verdict("PASS"), verdict("INVALID", gated=False)]) == "PASS"


def test_nothing_gated_settles_nothing():
    assert overall([]) == "INCONCLUSIVE"
    assert overall([verdict("PASS", gated=False)]) == "INCONCLUSIVE"


@pytest.mark.parametrize("asked", ["warn", "pass"])
def test_not_knowing_may_be_let_through_and_nothing_else(asked):
    assert exit_status("INCONCLUSIVE", asked) == ExitStatus.YES
    assert exit_status("INCONCLUSIVE") == ExitStatus.INCONCLUSIVE
    for word in ("INVALID", "REGRESSION", "NOT-COMPARABLE"):
        assert exit_status(word, asked) == STATUSES[word]
