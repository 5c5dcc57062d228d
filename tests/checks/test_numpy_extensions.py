"""Extensions and the NumPy they were compiled with."""

import dataclasses

import pytest

from gpubench.checks.outcome import Status
from tests.checks.healthy import (
    QUICK,
    change,
    judge,
    results,
    with_distribution,
    without_distribution,
)


def test_extensions_compiled_with_numpy_2_pass():
    assert judge("comp.numpy_abi", QUICK).status is Status.PASS


def test_an_extension_compiled_with_numpy_1_fails_under_numpy_2():
    snapshot = with_distribution(QUICK, "pandas", version="2.1.4", numpy_built=1)
    outcome = judge("comp.numpy_abi", snapshot)
    assert outcome.status is Status.FAIL
    assert "pandas 2.1.4" in outcome.reason
    assert outcome.remedy[0] == 'pip install "numpy<2"'
    assert results(snapshot)["comp.numpy_abi"].cause == "numpy-abi"


def test_what_torch_itself_was_compiled_with_is_said_once():
    old = with_distribution(QUICK, "torch", numpy_built=1)
    old = change(old, torch=dataclasses.replace(old.torch, version="2.2.2+cu121"))
    found = results(old)
    assert found["comp.numpy_abi"].status is Status.FAIL
    assert found["comp.numpy"].blocked_by == "comp.numpy_abi"


@pytest.mark.parametrize(
    "snapshot",
    [
        without_distribution(QUICK, "numpy"),
        with_distribution(QUICK, "numpy", version="1.26.4"),
        with_distribution(QUICK, "torch", numpy_built=None),
    ],
    ids=["no NumPy", "NumPy 1", "no extension tells"],
)
def test_where_nothing_can_clash_there_is_no_question(snapshot):
    assert judge("comp.numpy_abi", snapshot).status is Status.SKIP


def test_an_environment_that_could_not_be_read_is_unknown():
    unread = change(QUICK, python=None, torch=None, unread={"python": "timed out"})
    assert judge("comp.numpy_abi", unread).status is Status.UNKNOWN
    half = change(QUICK, unread={"python.distributions": "PermissionError"})
    assert judge("comp.numpy_abi", half).status is Status.UNKNOWN
