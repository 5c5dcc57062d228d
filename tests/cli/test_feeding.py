"""Options about the input are refused where they would change nothing."""

import dataclasses

import pytest

from gpubench.bench.feed import Feed
from gpubench.bench.job import Workload
from gpubench.cli.app import main
from gpubench.cli.feeding import fed, hold_feed, hold_training, own_feed, without_modes
from gpubench.errors import BadUsage
from tests.fakes.records import PLAN

USUAL = {"workers": None, "lengths": "fixed", "long": "truncate", "augment": False}


def workload(tier="end-to-end", data="folder"):
    return Workload(preset="smoke", tier=tier, data=data)


def test_what_was_asked_is_in_the_feed():
    asked = fed(workload(), workers=3, lengths="bucketed", long="window", augment=True)
    assert asked.feed == Feed(workers=3, lengths="bucketed", long="window", augment=True)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"lengths": "mixed"}, "--lengths mixed: choose fixed or bucketed"),
        ({"long": "drop"}, "--long drop: choose truncate or window"),
    ],
)
def test_an_unknown_choice_names_the_known_ones(options, said):
    with pytest.raises(BadUsage, match=said):
        fed(workload(), **{**USUAL, **options})


def test_workers_for_resident_batches_are_refused():
    with pytest.raises(BadUsage, match="resident batches need none"):
        fed(workload("resident"), **{**USUAL, "workers": 2})


@pytest.mark.parametrize("option", [{"lengths": "bucketed"}, {"long": "window"}, {"augment": True}])
def test_lengths_of_seeded_numbers_are_refused(option):
    with pytest.raises(BadUsage, match="name them with --data"):
        fed(workload("resident", data=None), **{**USUAL, **option})
    assert fed(workload("loader", data=None), **{**USUAL, **option})
    assert fed(workload("resident"), **{**USUAL, **option})


def test_the_loader_tier_has_no_modes():
    assert without_modes("loader", None)
    assert not without_modes("resident", "fp32")
    with pytest.raises(BadUsage, match="trains nothing"):
        without_modes("loader", "fp32")


def test_the_loader_tier_has_no_precision():
    with pytest.raises(BadUsage, match="as many processes as --processes says"):
        without_modes("loader", None, "2%")
    assert without_modes("loader", None, "none")
    assert not without_modes("resident", None, "2%")


@pytest.mark.parametrize(
    ("suites", "asked", "said"),
    [
        (("deit",), {"lengths": "bucketed"}, "--lengths means nothing to deit"),
        (("deit",), {"long": "window"}, "--long means nothing to deit"),
        (("bert-ner",), {"augment": True}, "--augment means nothing to bert-ner"),
        (("ceilings",), {"augment": True}, "--augment means nothing to ceilings"),
    ],
)
def test_a_way_of_reading_that_means_nothing_to_a_suite_is_refused(suites, asked, said):
    plan = dataclasses.replace(PLAN, suites=suites, feed=Feed(**asked))
    with pytest.raises(BadUsage, match=said):
        hold_feed(plan)


@pytest.mark.parametrize(
    ("suites", "asked"),
    [
        (("deit",), {"augment": True}),
        (("bert-ner",), {"lengths": "bucketed", "long": "window"}),
        (("deit", "bert-ner"), {"lengths": "bucketed"}),
        (("ceilings",), {}),
    ],
)
def test_what_means_something_to_one_of_the_suites_is_accepted(suites, asked):
    hold_feed(dataclasses.replace(PLAN, suites=suites, feed=Feed(**asked)))


def test_a_suite_is_fed_only_what_means_something_to_it():
    asked = dataclasses.replace(workload(), feed=Feed(workers=3, lengths="bucketed", augment=True))
    assert own_feed(asked, "deit").feed == Feed(workers=3, augment=True)
    assert own_feed(asked, "bert-ner").feed == Feed(workers=3, lengths="bucketed")


@pytest.mark.parametrize("option", ["--modes", "--accumulation", "--tier", "--data", "--model"])
def test_options_of_training_are_refused_where_nothing_trains(option):
    alone = dataclasses.replace(PLAN, suites=("ceilings",))
    with pytest.raises(BadUsage, match=f"{option} is of training, and ceilings only measures"):
        hold_training(alone, {option: True})
    hold_training(alone, {option: False})
    hold_training(dataclasses.replace(PLAN, suites=("ceilings", "deit")), {option: True})


@pytest.mark.parametrize(
    "options",
    [
        ["--suite", "ceilings", "--accumulation", "4"],
        ["--suite", "ceilings", "--modes", "fp32"],
        ["--suite", "ceilings", "--tier", "loader"],
        ["--suite", "ceilings", "--data", "."],
        ["--suite", "ceilings", "--precision", "2%"],
        ["--suite", "deit", "--data", ".", "--lengths", "bucketed"],
        ["--suite", "bert-ner", "--data", ".", "--augment"],
        ["--suite", "deit", "--tier", "loader", "--precision", "2%"],
    ],
)
def test_an_option_that_would_change_nothing_ends_the_command(options, tmp_path, capsys):
    place = tmp_path / "run"
    assert main(["run", "--device", "cpu", "--output", str(place), *options]) == 2
    assert not place.exists()
    assert len(capsys.readouterr().err.splitlines()) == 1
