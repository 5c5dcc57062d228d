"""Rules that hold for every format of the doctor."""

import json
import unicodedata
import xml.etree.ElementTree as ET

import pytest

from gpubench.checks.report import make_report
from gpubench.checks.running import run_checks
from gpubench.env.snapshot import Snapshot
from gpubench.render.findings import FORMATS, renderer
from tests.checks import healthy as h
from tests.checks.healthy import HEALTHY, NO_GPU, QUICK
from tests.render.annotations import annotations
from tests.render.hostile import TOKEN, hostile_report
from tests.render.prometheus import parse

BROKEN = h.with_distribution(QUICK, "nvidia-nccl-cu12", version="2.21.5")
PARSERS = {
    "json": json.loads,
    "sarif": json.loads,
    "junit": ET.fromstring,
    "prometheus": parse,
    "markdown": str,
    "text": str,
    "github": annotations,
}


def rendered(name, report):
    return renderer(name)(report, color=False, width=100, seconds=1.5)


def test_every_format_has_a_parser_here():
    assert set(PARSERS) == set(FORMATS)


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("snapshot", [HEALTHY, NO_GPU, BROKEN, Snapshot(), Snapshot(source="x")])
def test_every_format_writes_every_report(name, snapshot):
    text = rendered(name, make_report(snapshot, run_checks(snapshot)))
    assert PARSERS[name](text) is not None


@pytest.mark.parametrize("name", FORMATS)
def test_a_hostile_machine_gets_nothing_through(name):
    text = rendered(name, hostile_report())
    PARSERS[name](text)
    # the emphasis of an emoji and the break after an at sign are ours
    allowed = "\n\ufe0f\N{ZERO WIDTH SPACE}" if name == "markdown" else "\n"
    obeyed = {c for c in text if unicodedata.category(c)[0] == "C" and c not in allowed}
    assert obeyed == set()


@pytest.mark.parametrize("name", sorted(set(FORMATS) - {"json"}))
def test_no_secret_and_no_home_folder_is_shown(name):
    """JSON writes what the snapshot holds, which is cleaned where it is taken or read."""
    text = rendered(name, hostile_report())
    assert TOKEN not in text
    assert "/home/alice" not in text
