"""The interpreter under test."""

import dataclasses

import pytest

from gpubench.checks.outcome import Status
from tests.checks.healthy import NO_GPU, QUICK, change, judge, results


def python(base=QUICK, **fields):
    return change(base, python=dataclasses.replace(base.python, **fields))


def without_torch(base=QUICK, **fields):
    bare = python(change(base, torch=None), distributions=(), **fields)
    return change(bare, toolchain=None)


def test_an_interpreter_that_does_not_answer_fails_and_explains_the_rest():
    words = "the interpreter was ended by SIGSEGV"
    silent = change(QUICK, python=None, torch=None, toolchain=None, unread={"python": words})
    found = results(silent)
    assert found["torch.present"].status is Status.FAIL
    assert found["torch.present"].outcome.reason == words
    assert found["torch.present"].cause == "python-unsupported"
    failed = [key for key, result in found.items() if result.status is Status.FAIL]
    assert failed == ["torch.present"]


def test_a_new_server_without_torch_gets_the_line_that_installs_it():
    outcome = judge("torch.present", without_torch())
    assert outcome.status is Status.NOTE
    assert outcome.remedy[0].startswith("pip install torch==")
    assert "whl/cpu" in judge("torch.present", without_torch(NO_GPU)).remedy[0]


@pytest.mark.parametrize("base", [QUICK, NO_GPU])
def test_a_python_that_no_torch_was_built_for_is_told(base):
    outcome = judge("torch.present", without_torch(base, version="3.99.0"))
    assert outcome.status is Status.NOTE
    assert "no torch release on record supports Python 3.99" in outcome.reason
    assert "uv venv --python 3." in outcome.remedy[0]


def test_a_torch_that_is_installed_is_proof_of_a_wheel():
    assert judge("torch.present", python(version="3.99.0")).status is Status.PASS


def test_hooks_that_say_something_are_a_note():
    noisy = python(startup=("Error in sitecustomize; RuntimeError: no licence",))
    outcome = judge("python.startup", noisy)
    assert outcome.status is Status.NOTE
    assert "no licence" in outcome.reason
    assert judge("python.startup", QUICK).status is Status.PASS


def test_of_a_report_it_is_not_known_how_its_interpreter_starts():
    assert judge("python.startup", change(QUICK, source="collect_env")).status is Status.SKIP
    unread = change(QUICK, python=None, unread={"python": "hung"})
    assert judge("python.startup", unread).status is Status.UNKNOWN
