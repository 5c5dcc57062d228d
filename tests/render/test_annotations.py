"""Annotations arrive at GitHub's runner as they were meant, whatever a name contains."""

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gpubench.checks.report import CheckLine, make_report
from gpubench.checks.running import run_checks
from gpubench.render.annotations import MOST, Annotation, written
from gpubench.render.findings_github import render
from tests.checks import healthy as h
from tests.checks.healthy import HEALTHY, NO_GPU, QUICK
from tests.render.annotations import annotations

BROKEN = h.with_distribution(QUICK, "nvidia-cudnn-cu12", version="9.1.0.70")
PLAIN = st.text(st.characters(categories=["L", "N", "P", "S"]), min_size=1)


def error(title="t", *lines):
    return Annotation(level="error", title=title, lines=lines or ("m",))


def report(snapshot):
    return make_report(snapshot, run_checks(snapshot))


@pytest.mark.parametrize(
    ("title", "message"),
    [
        ("50% done: a,b", "100 %25 :: x, y"),
        ("x::error::y", "::set-output name=x::y"),
        ("%3A", "%0A%0D%25"),
        ("##[error]", "a##[add-path]/tmp"),
    ],
)
def test_a_name_arrives_as_it_was(title, message):
    assert annotations(written([error(title, message)])) == [("error", title, message)]


@given(title=PLAIN, lines=st.lists(PLAIN, min_size=1, max_size=3))
def test_any_name_stays_in_its_field(title, lines):
    ((level, _, message),) = annotations(written([error(title, *lines)]))
    assert level == "error"
    assert message.count("\n") == len(lines) - 1


def test_a_line_break_in_a_name_begins_no_command():
    assert len(annotations(written([error("a\n::warning::b", "c\r\n::error::d\x1b[2J")]))) == 1


def test_the_last_that_is_shown_says_how_many_are_not():
    found = annotations(written([error(str(number)) for number in range(MOST + 5)]))
    assert len(found) == MOST
    assert found[-1][2].startswith("6 more")
    assert len(annotations(written([error()] * MOST))) == MOST


def test_errors_stand_before_warnings():
    marks = [dataclasses.replace(error(), level=level) for level in ("notice", "warning", "error")]
    assert [level for level, _, _ in annotations(written(marks))] == ["error", "warning", "notice"]


@pytest.mark.parametrize(
    ("snapshot", "level", "verdict"),
    [(HEALTHY, "notice", "healthy"), (NO_GPU, "notice", "no-gpu"), (BROKEN, "error", "broken")],
)
def test_the_verdict_of_the_doctor_is_marked_as_bad_as_it_is(snapshot, level, verdict):
    marks = annotations(render(report(snapshot)))
    assert any(mark[0] == level and mark[2].startswith(f"{verdict}: ") for mark in marks)


def test_a_finding_is_an_error_with_its_remedy():
    message = next(m for _, title, m in annotations(render(report(BROKEN))) if "cudnn" in title)
    assert "\n→ " in message


def test_what_a_contract_asked_for_and_was_not_read_is_an_error():
    unread = CheckLine(id="expect.gpu.count", status="unknown", reason="no NVML", seconds=0.0)
    found = dataclasses.replace(report(HEALTHY), checks=(unread,))
    marks = annotations(render(found))
    assert ("error", "gpubench doctor expect.gpu.count", "unknown: no NVML") in marks
