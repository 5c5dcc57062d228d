"""A comparison in every format: complete, escaped, and valid for the programs that read it."""

import dataclasses
import json
import re
import xml.etree.ElementTree as ET

import pytest

pytest.importorskip("pandas")

from gpubench import codec
from gpubench.errors import UnknownName
from gpubench.gate.changes import Change
from gpubench.gate.compare import Comparison, compare
from gpubench.render.compare import FORMATS, renderer
from tests.fakes.sessions import sessions
from tests.render.annotations import annotations

pytestmark = pytest.mark.torch

OLD, NEW = (1, 2, 3, 4), (11, 12, 13, 14)
PASSED = compare(sessions(OLD), sessions(NEW))
SLOWER = compare(sessions(OLD), sessions(NEW, slower=0.1))
NOISY = compare(sessions(OLD, between=0.1), sessions(NEW, between=0.1))
REFUSED = compare(sessions([1]), sessions([2]))


def rendered(name, comparison=SLOWER):
    return renderer(name)(comparison)


@pytest.mark.parametrize("name", ["text", "markdown"])
def test_people_read_the_verdict_first(name):
    assert "REGRESSION: slower than tolerated" in rendered(name).splitlines()[0]
    assert "PASS: not slower than tolerated" in rendered(name, PASSED).splitlines()[0]


def test_each_verdict_has_effect_interval_and_tolerance():
    line = next(row for row in rendered("text").splitlines() if "throughput" in row)
    assert re.search(r"\+(9|10)\.\d %", line)
    assert "[+" in line
    assert "3.0 %" in line


def test_not_knowing_says_what_would_settle_it():
    text = rendered("text", NOISY)
    assert "can be gated" in text
    assert "settle it" in text


def test_a_refusal_says_why():
    assert "calibrate" in rendered("text", REFUSED)


def test_json_is_the_whole_comparison():
    plain = json.loads(rendered("json"))
    assert plain["schema"] == "gpubench.compare/1"
    assert codec.from_plain(Comparison, plain, "here") == SLOWER
    assert "Infinity" not in rendered("json", NOISY)


@pytest.mark.parametrize(
    ("comparison", "counts"),
    [
        (PASSED, ("2", "0", "0", "0")),
        (SLOWER, ("2", "1", "0", "0")),
        (REFUSED, ("2", "0", "2", "0")),
        (NOISY, ("2", "0", "1", "0")),
        (dataclasses.replace(NOISY, on_inconclusive="warn"), ("2", "0", "0", "1")),
    ],
)
def test_junit_counts_what_did_not_pass(comparison, counts):
    suite = ET.fromstring(rendered("junit", comparison)).find("testsuite")
    assert tuple(suite.get(k) for k in ("tests", "failures", "errors", "skipped")) == counts
    cases = suite.findall("testcase")
    assert len(cases) == int(counts[0])
    assert len(suite.findall("testcase/failure")) == int(counts[1])


def test_github_benchmark_is_a_list_of_costs():
    entries = json.loads(rendered("github-benchmark"))
    assert entries[0]["unit"] == "s/sample"
    assert entries[0]["value"] == pytest.approx(0.11 / 8, rel=0.01)
    assert all({"name", "unit", "value"} <= set(entry) for entry in entries)


@pytest.mark.parametrize(
    ("comparison", "levels"),
    [
        (PASSED, ["notice"]),
        (SLOWER, ["error", "error"]),
        (REFUSED, ["error", "error", "error"]),
        (NOISY, ["error", "error"]),
        (dataclasses.replace(NOISY, on_inconclusive="warn"), ["warning", "warning"]),
        (dataclasses.replace(NOISY, on_inconclusive="pass"), ["notice", "notice"]),
    ],
)
def test_annotations_mark_what_fails_the_job_as_an_error(comparison, levels):
    marks = annotations(rendered("github", comparison))
    assert [level for level, _, _ in marks] == levels
    assert marks[0][2].startswith(f"{comparison.verdict}: ")


def test_an_annotation_says_effect_interval_and_reason():
    (_, cell) = annotations(rendered("github", NOISY))
    assert cell[1] == "gpubench deit · fp32"
    assert "throughput: INCONCLUSIVE" in cell[2]
    assert "settle it" in cell[2]


HOSTILE = dataclasses.replace(
    SLOWER,
    verdicts=tuple(
        dataclasses.replace(v, suite='x|<script>&"\x1b[31m\x00\n::error::##[add-path]y')
        for v in SLOWER.verdicts
    ),
    changes=(Change(what="a|b\x1b]0;x\x07", before="<i>", after=None, rank=1, why="w"),),
    notes=("note \x1b[2J",),
)


@pytest.mark.parametrize("name", [entry.name for entry in FORMATS])
def test_names_in_a_record_drive_no_terminal_and_break_no_format(name):
    text = rendered(name, HOSTILE)
    assert "\x1b" not in text
    assert "\x00" not in text
    if name == "junit":
        ET.fromstring(text)
    if name in ("json", "github-benchmark"):
        json.loads(text)
    if name == "markdown":
        assert "<script>" not in text
    if name == "github":
        assert annotations(text)


def test_an_unknown_format_is_refused_with_the_known():
    with pytest.raises(UnknownName, match="markdown"):
        renderer("markdwn")


def differing(kinds, each):
    """So many kinds of difference, with so many of each."""
    return tuple(
        Change(what=f"p{n}", before="1", after="2", rank=n + 1, why=f"why {n // each}")
        for n in range(kinds * each)
    )


def told(changes):
    return rendered("text", dataclasses.replace(SLOWER, changes=changes)).partition("What")[2]


def test_differences_of_one_kind_are_cut_and_counted():
    lines = told(differing(2, 20)).splitlines()[1:]
    assert [line.split(".")[0].strip() for line in lines] == ["1", "2", "3", "21", "22", "23"]
    assert [line.endswith(", and 17 more like it") for line in lines] == [False, False, True] * 2


def test_many_differences_are_cut_and_counted():
    lines = told(differing(30, 1)).splitlines()[1:]
    assert len(lines) == 12 + 1
    assert lines[-1] == "  and 18 more"


def test_few_differences_are_all_there():
    assert "more" not in told(differing(4, 3))
