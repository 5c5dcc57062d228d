"""Which jobs a run has, in which order, and which a resumed run still has."""

import dataclasses

import pytest

from gpubench.bench.feed import Feed
from gpubench.bench.job import Subject
from gpubench.bench.modes import REFERENCE, mode_named
from gpubench.bench.schedule import in_turn, schedule
from tests.fakes.records import HEALTHY, PARITIES, broken, record

MODES = (REFERENCE, mode_named("amp-bf16"))


def names(steps):
    return [(step.kind, step.mode.name, step.process) for step in steps]


def test_modes_take_turns_and_parity_comes_last():
    assert names(schedule(Subject("deit"), MODES, 2, None)) == [
        ("describe", "fp32", 0),
        ("measure", "fp32", 0),
        ("measure", "amp-bf16", 0),
        ("measure", "fp32", 1),
        ("measure", "amp-bf16", 1),
        ("parity", "fp32", 0),
        ("parity", "amp-bf16", 0),
    ]


def test_the_reference_alone_needs_no_parity():
    assert all(step.kind != "parity" for step in schedule(Subject("deit"), (REFERENCE,), 2, None))


def test_a_finished_record_leaves_nothing_to_do():
    assert schedule(Subject("deit"), MODES, 2, record()) == []


def test_a_record_cut_short_goes_on_where_it_stopped():
    before = record(measurements=HEALTHY[:3], parities=())
    assert names(schedule(Subject("deit"), MODES, 2, before)) == [
        ("describe", "fp32", 0),
        ("measure", "amp-bf16", 0) if HEALTHY[2].mode != "amp-bf16" else ("measure", "amp-bf16", 1),
        ("parity", "fp32", 0),
        ("parity", "amp-bf16", 0),
    ]


@pytest.mark.parametrize("state", ["failed", "timed-out"])
def test_a_process_that_broke_is_tried_again(state):
    before = record(measurements=[*HEALTHY[1:], broken(state, "killed")])
    assert ("measure", "fp32", 0) in names(schedule(Subject("deit"), MODES, 2, before))


@pytest.mark.parametrize("state", ["not-supported", "out-of-memory", "invalid"])
def test_a_mode_that_cannot_be_is_not_tried_again(state):
    before = record(measurements=[*HEALTHY[:2], broken(state, "why", "amp-bf16")], parities=())
    assert all(step.mode.name != "amp-bf16" for step in schedule(Subject("deit"), MODES, 2, before))


def test_a_parity_that_failed_is_tried_again():
    failed = dataclasses.replace(PARITIES[1], state="failed", losses=())
    before = record(parities=[PARITIES[0], failed])
    assert names(schedule(Subject("deit"), MODES, 2, before))[1:] == [("parity", "amp-bf16", 0)]


def test_every_cell_of_every_subject_comes_once_then_parity_then_again():
    subjects = (Subject("deit"), Subject("bert-ner"))
    steps = in_turn([schedule(subject, MODES, 2, None) for subject in subjects])
    assert [(s.subject.suite, s.kind, s.process) for s in steps if s.mode == REFERENCE] == [
        ("deit", "describe", 0),
        ("deit", "measure", 0),
        ("bert-ner", "describe", 0),
        ("bert-ner", "measure", 0),
        ("deit", "parity", 0),
        ("bert-ner", "parity", 0),
        ("deit", "measure", 1),
        ("bert-ner", "measure", 1),
    ]


def test_a_subject_that_has_all_is_not_described_again():
    rest = schedule(Subject("bert-ner"), MODES, 2, None)
    steps = in_turn([schedule(Subject("deit"), MODES, 2, record()), rest])
    assert {step.subject.suite for step in steps} == {"bert-ner"}


def test_from_the_second_process_on_no_subject_goes_without():
    subjects = (Subject("deit"), Subject("bert-ner"))
    steps = in_turn([schedule(subject, MODES, 2, None) for subject in subjects])
    assert [(s.subject.suite, s.mode.name) for s in steps if s.process == 1] == [
        ("deit", "fp32"),
        ("bert-ner", "fp32"),
        ("deit", "amp-bf16"),
        ("bert-ner", "amp-bf16"),
    ]


def test_the_loader_tier_alone_has_as_many_processes_as_any_other():
    feeds = (Feed(workers=0), Feed(workers=2))
    steps = in_turn([schedule(Subject("deit"), (), 2, None, feeds)])
    assert [(step.kind, step.process, step.feed) for step in steps] == [
        ("describe", 0, None),
        *(("load", process, feed) for process in (0, 1) for feed in feeds),
    ]
