"""Options of a dimension hold for the suites that have it, and are given once."""

import dataclasses

import pytest

from gpubench.bench.feed import Feed
from gpubench.cli.dimensions import batch_asked, with_sweep
from gpubench.errors import BadUsage
from tests.fakes.records import PLAN

CEILINGS = dataclasses.replace(PLAN, suites=("ceilings",))
LOADER = dataclasses.replace(PLAN, tier="loader")
BUCKETED = dataclasses.replace(PLAN, suites=("bert-ner",), feed=Feed(lengths="bucketed"))
BOTH = dataclasses.replace(PLAN, suites=("deit", "bert-ner"))


def test_a_plan_holds_its_sweep_and_every_subject_of_it():
    plan = with_sweep(BOTH, "batch-size=8,16", batch_search=False)
    assert [subject.title for subject in plan.subjects] == [
        "deit batch 8", "deit batch 16", "bert-ner batch 8", "bert-ner batch 16",
    ]  # fmt: skip


def test_a_plan_without_a_sweep_is_as_before():
    assert with_sweep(PLAN, None, batch_search=False) == PLAN


@pytest.mark.parametrize(
    ("plan", "asked", "search", "why"),
    [
        (PLAN, "sequence-length=64,128", False, "deit has none; it can sweep batch-size, image"),
        (BOTH, "image-size=64,128", False, "bert-ner has none"),
        (dataclasses.replace(PLAN, batch_size=4), "batch-size=8,16", False, "both set it"),
        (PLAN, "batch-size=8,16", True, "--batch-size auto both set it"),
        (dataclasses.replace(PLAN, sequence_length=64), None, False, "means nothing to deit"),
        (LOADER, "batch-size=8,16", False, "--sweep is of training, and --tier loader trains no"),
        (BUCKETED, "sequence-length=64,128", False, "and --lengths bucketed to several below it"),
        (LOADER, None, True, "--batch-size auto is of training"),
        (dataclasses.replace(LOADER, accumulation=2), None, False, "--accumulation is of training"),
        (CEILINGS, None, True, "--batch-size means nothing to ceilings"),
        (CEILINGS, "batch-size=8,16", False, "ceilings has none; leave it out"),
    ],
)
def test_what_does_not_go_together_is_said(plan, asked, search, why):
    with pytest.raises(BadUsage, match=why):
        with_sweep(plan, asked, batch_search=search)


def test_batch_sizes_of_bucketed_sentences_may_be_swept():
    assert with_sweep(BUCKETED, "batch-size=8,16", batch_search=False).sweep is not None


def test_an_option_of_one_suite_may_stand_where_that_suite_is_one_of_two():
    plan = dataclasses.replace(BOTH, sequence_length=64)
    assert with_sweep(plan, None, batch_search=False) == plan


def test_a_batch_size_is_a_number_or_is_to_be_found():
    assert batch_asked(None) == (None, False)
    assert batch_asked("16") == (16, False)
    assert batch_asked("auto") == (None, True)


@pytest.mark.parametrize("text", ["0", "-3", "many", "1.5", "", "9" * 5000])
def test_any_other_batch_size_is_an_error(text):
    with pytest.raises(BadUsage, match="whole number of 1 or more, or auto"):
        batch_asked(text)
