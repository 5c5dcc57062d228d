"""Every suite loads and offers what the measuring side asks for."""

import importlib

import pytest

from gpubench.errors import UnknownName
from gpubench.suites.registry import SUITES, suite_named


def test_names_are_unique():
    assert len({suite.name for suite in SUITES}) == len(SUITES)


@pytest.mark.torch
@pytest.mark.parametrize("suite", [s for s in SUITES if s.trains], ids=lambda suite: suite.name)
def test_every_suite_loads_and_offers_its_functions(suite):
    module = importlib.import_module(suite.module)
    assert module.REVISION
    assert callable(module.survey)
    assert callable(module.build)


def test_an_unknown_suite_brings_the_nearest():
    with pytest.raises(UnknownName, match="did you mean bert-ner"):
        suite_named("bert_ner")
