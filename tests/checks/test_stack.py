"""The image holds what its constraints file states."""

import dataclasses

import pytest

from gpubench.checks.outcome import Status
from gpubench.env.snapshot import Stack
from tests.checks.healthy import QUICK, change, judge, results, with_distribution

SOUND = Stack(
    name="2.8",
    path="/opt/gpubench/constraints.txt",
    pins={"numpy": "2.2.1", "torch": "2.8.0", "torchvision": "0.23.0"},
    installed={"numpy": "2.2.1", "torch": "2.8.0+cu128", "torchvision": "0.23.0"},
)


def judged(**fields):
    return judge("comp.stack", change(QUICK, stack=dataclasses.replace(SOUND, **fields)))


def test_what_is_as_stated_passes_whatever_its_local_tag():
    assert judged().status is Status.PASS


def test_outside_the_images_nothing_is_asked():
    assert judge("comp.stack", QUICK).status is Status.SKIP


@pytest.mark.parametrize(
    ("installed", "words"),
    [
        ({**SOUND.installed, "numpy": "1.26.4"}, "numpy is 1.26.4, stated is 2.2.1"),
        ({"numpy": "2.2.1", "torchvision": "0.23.0"}, "torch is missing, stated is 2.8.0"),
    ],
)
def test_a_package_that_moved_or_is_gone_fails_by_name(installed, words):
    outcome = judged(installed=installed)
    assert outcome.status is Status.FAIL
    assert words in outcome.reason
    assert SOUND.path in outcome.remedy[-1]


def test_a_stated_local_tag_counts():
    assert judged(pins={"torch": "2.8.0+cu126"}).status is Status.FAIL


def test_torch_is_named_before_the_others():
    assert judged(installed={}).reason.index("torch is") < judged(installed={}).reason.index("num")


def test_constraints_that_could_not_be_read_are_no_pass():
    blind = change(
        QUICK,
        stack=dataclasses.replace(SOUND, pins={}, installed={}),
        unread={"stack.pins": "/opt/gpubench/constraints.txt is not there"},
    )
    assert judge("comp.stack", blind).status is Status.UNKNOWN


def test_the_torchvision_of_the_documents_is_one_finding():
    """A12: torchvision 0.18.0 beside another torch; the image's own word adds no second cause."""
    snapshot = with_distribution(
        QUICK, "torchvision", version="0.18.0", build="0.18.0+cu128", requires=("torch==2.3.0",)
    )
    stack = dataclasses.replace(SOUND, installed={**SOUND.installed, "torchvision": "0.18.0"})
    found = results(change(snapshot, stack=stack))
    assert found["comp.vision_audio"].outcome.status is Status.FAIL
    assert found["comp.stack"].outcome.status is not Status.PASS
