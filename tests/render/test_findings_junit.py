"""The report as JUnit XML."""

import dataclasses
import xml.etree.ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gpubench.checks.outcome import Status
from gpubench.checks.report import CheckLine, make_report
from gpubench.checks.running import run_checks
from gpubench.render.findings_junit import render
from tests.checks import healthy as h
from tests.checks.healthy import HEALTHY, NO_GPU, QUICK

BROKEN = h.with_distribution(QUICK, "nvidia-cudnn-cu12", version="9.1.0.70")


def report(snapshot, **options):
    return make_report(snapshot, run_checks(snapshot), **options)


def suite(found, **options):
    return ET.fromstring(render(found, **options)).find("testsuite")


def ending(found, status, check_id="torch.cudnn", reason="so"):
    """The one test case of a check that ended with ``status``."""
    line = CheckLine(id=check_id, status=status, reason=reason, seconds=0.25)
    (case,) = suite(dataclasses.replace(found, checks=(line,))).iter("testcase")
    return case


def test_every_check_is_a_test_case_in_its_order():
    found = report(BROKEN)
    assert [case.get("name") for case in suite(found).iter("testcase")] == [
        line.id for line in found.checks
    ]


@pytest.mark.parametrize("snapshot", [HEALTHY, NO_GPU, BROKEN])
def test_the_counts_are_those_of_the_cases(snapshot):
    found = suite(report(snapshot))
    assert int(found.get("tests")) == len(list(found.iter("testcase")))
    assert int(found.get("failures")) == len(list(found.iter("failure")))
    assert int(found.get("errors")) == len(list(found.iter("error")))
    assert int(found.get("skipped")) == len(list(found.iter("skipped")))


def test_a_failure_holds_what_was_found_and_what_to_type():
    case = next(c for c in suite(report(BROKEN)).iter("testcase") if c.get("name") == "torch.cudnn")
    assert case.find("failure").get("type") == "cudnn-mismatch"
    assert "9.1.0.70 is installed" in case.find("failure").get("message")
    assert 'pip install "nvidia-cudnn-cu12==9.10.2.21"' in case.find("failure").text


def test_a_warning_does_not_fail_the_suite_and_can_be_seen():
    found = suite(report(h.with_gpus(HEALTHY, persistence=False)))
    assert found.get("failures") == found.get("errors") == "0"
    case = next(c for c in found.iter("testcase") if c.get("name") == "drv.persistence")
    assert case.find("system-out").text.startswith("warning: persistence mode is off")


@pytest.mark.parametrize(
    ("status", "check_id", "element", "message"),
    [
        ("pass", "torch.cudnn", None, None),
        ("skip", "torch.cudnn", "skipped", "so"),
        ("unknown", "torch.cudnn", "skipped", "unknown: so"),
        ("unknown", "expect.gpu.count", "error", "unknown: so"),
        ("crash", "torch.cudnn", "error", "so"),
        ("fail", "torch.cudnn", "failure", "so"),
    ],
)
def test_each_status_has_its_element(status, check_id, element, message):
    case = ending(report(HEALTHY), status, check_id)
    elements = [child.tag for child in case]
    assert elements == ([element] if element else [])
    if element:
        assert case.find(element).get("message") == message


def test_every_status_is_written():
    for status in Status:
        assert ending(report(HEALTHY), status.value).get("time") == "0.250000"


def test_the_suite_says_what_was_examined_and_what_changed():
    found = suite(report(BROKEN, before=QUICK), seconds=1.5)
    told = {entry.get("name"): entry.get("value") for entry in found.iter("property")}
    assert told["verdict"] == "broken"
    assert told["first-cause"] == "cudnn-mismatch"
    assert found.get("time") == "1.500000"
    assert "nvidia-cudnn-cu12 went from" in found.findall("system-out")[-1].text


@given(st.text(max_size=80))
def test_any_text_gives_well_formed_xml(words):
    case = ending(report(NO_GPU), "fail", reason=words)
    assert case.find("failure") is not None
