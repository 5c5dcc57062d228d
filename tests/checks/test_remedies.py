"""Remedies are for the interpreter under test."""

import dataclasses
import sys

import pytest

from gpubench.checks.remedies import for_interpreter, install_torch
from gpubench.env.redact import clean
from tests.checks.healthy import (
    HEALTHY,
    change,
    results,
    with_distribution,
    with_driver_version,
)

BROKEN = with_distribution(change(HEALTHY, torch_run=None), "nvidia-cudnn-cu12", version="8.9.2.26")


def of(executable):
    return change(HEALTHY, python=dataclasses.replace(HEALTHY.python, executable=executable))


def test_a_remedy_changes_the_environment_that_was_examined():
    (line,) = results(BROKEN)["torch.cudnn"].outcome.remedy
    assert line == '/opt/venv/bin/python -m pip install "nvidia-cudnn-cu12==9.10.2.21"'


@pytest.mark.parametrize("executable", [None, clean(sys.executable)])
def test_pip_stays_plain_for_the_default_interpreter(executable):
    assert for_interpreter(of(executable), "pip install torch") == "pip install torch"


@pytest.mark.parametrize(
    ("executable", "remedy", "shown"),
    [
        ("~/my env/bin/python", "pip install x", "~/'my env/bin/python' -m pip install x"),
        ("~/env/bin/python", "then: pip uninstall -y x", "then: ~/env/bin/python -m pip uninstall"),
        ("/v/python", "a && pip install x", "a && /v/python -m pip install x"),
        ("/v/python", "python -c 'pip'", "python -c 'pip'"),
    ],
)
def test_the_interpreter_is_one_word_of_the_shell(executable, remedy, shown):
    assert for_interpreter(of(executable), remedy).startswith(shown)


@pytest.mark.parametrize(
    ("driver", "line"), [("580.82.07", "pip install torch==2.15.0"), ("570.26", None)]
)
def test_an_arm_machine_is_offered_the_builds_made_for_it(driver, line):
    host = dataclasses.replace(HEALTHY.host, machine="aarch64")
    snapshot = with_driver_version(change(HEALTHY, host=host), driver)
    offered = install_torch(snapshot)
    assert (offered is None) if line is None else offered.startswith(line)
