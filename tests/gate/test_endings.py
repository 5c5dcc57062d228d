"""A table says what decided over its number of processes."""

import dataclasses

from gpubench.bench.record import Closing
from gpubench.gate.tables import comparison
from tests.fakes.records import HEADER, HEALTHY, measurement, record


def closing(mode="fp32", ended="narrow", **more):
    rules = {"precision": 0.02, "most_processes": 8, "budget_seconds": 1500.0}
    return Closing(suite="deit", mode=mode, ended=ended, **{**rules, **more})


def notes(*closings, after=()):
    before = record()
    lines = (*before.measurements, *closings, *after)
    (table, *_) = comparison(dataclasses.replace(before, lines=lines))
    return "\n".join(table.notes)


def test_narrow_cells_are_told_with_what_was_asked_and_what_it_costs():
    said = notes(closing(), closing("amp-bf16"))
    assert "fp32, amp-bf16: narrow enough, ± 2.0 %, with 2 processes" in said
    assert "nine runs of ten" in said


def test_a_cell_with_the_most_processes_says_that_it_is_wider():
    said = notes(closing(ended="most-processes"))
    assert "fp32: 2 processes, the most, leave the interval wider than the ± 2.0 % asked" in said


def test_what_was_left_out_for_the_budget_is_named_by_job():
    said = notes(
        closing(ended="budget", left_out=("process 2", "parity")),
        closing("amp-bf16", ended="budget", left_out=("process 2",)),
    )
    assert (
        "the budget of 25 min 00 s was spent: left out process 2 of fp32, amp-bf16; "
        "parity of fp32 (--resume goes on)"
    ) in said


def test_a_process_left_out_is_not_counted_as_missing_too():
    one = record([HEALTHY[0], *HEALTHY[2:]])
    assert "1 of 2 processes measured" in str(comparison(one)[0].notes)
    left = dataclasses.replace(
        one, lines=(*one.measurements, closing(ended="budget", left_out=("process 2",)))
    )
    assert "1 of 2 processes measured" not in str(comparison(left)[0].notes)


def test_an_ending_that_was_gone_on_from_is_no_longer_told():
    more = measurement("fp32", 2, 0.101)
    assert "narrow" not in notes(closing(), after=(more,))


def test_a_run_without_an_ending_says_nothing_of_it():
    assert "budget" not in notes()
    assert "narrow" not in notes()


def test_the_plan_of_a_run_with_a_precision_says_or_more():
    protocol = dataclasses.replace(HEADER.protocol, precision=0.01)
    asked = record(header=dataclasses.replace(HEADER, protocol=protocol))
    assert "2 processes or more per mode" in comparison(asked)[0].about[0]
