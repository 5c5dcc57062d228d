"""Options about the input are refused where they would change nothing."""

import pytest

from gpubench.bench.feed import Feed
from gpubench.bench.job import Workload
from gpubench.cli.feeding import fed, without_modes
from gpubench.errors import BadUsage

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
