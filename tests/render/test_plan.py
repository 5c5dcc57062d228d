"""A plan in every format."""

import json

import pytest

from gpubench.plan.judging import judge_file
from gpubench.plan.machine import Machine, of_snapshot, with_flags
from gpubench.plan.question import ask
from gpubench.render.plan import FORMATS, renderer
from gpubench.render.schema import schema
from gpubench.versions import Version
from tests.checks.healthy import HEALTHY, NO_GPU
from tests.plan.helpers import DATA, judge

H100 = with_flags(Machine(), driver="550.54.14", gpu="H100", python="3.11")
REPORTS = {
    "builds": ask(H100, None, None),
    "yes": ask(H100, Version.parse("2.6"), Version.parse("12.4")),
    "no": ask(H100, Version.parse("2.6"), Version.parse("12.1")),
    "live": ask(of_snapshot(HEALTHY), None, None),
    "no-gpu": ask(of_snapshot(NO_GPU), None, None),
    "nothing": ask(Machine(), Version.parse("2.6"), Version.parse("12.4")),
    "file": judge_file(str(DATA / "a12" / "v28.Dockerfile"), Machine()),
}


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("name", REPORTS)
def test_every_report_is_written_in_every_format(form, name):
    shown = renderer(form)(REPORTS[name], color=False, width=100)
    assert shown.endswith(("\n", "}"))
    assert "\x1b" not in shown


@pytest.mark.parametrize("name", REPORTS)
def test_json_holds_what_the_schema_names(name):
    shown = json.loads(renderer("json")(REPORTS[name], color=False, width=100))
    assert set(shown) == set(schema("plan")["properties"])


def test_the_best_choice_comes_first_with_its_line():
    lines = renderer("text")(REPORTS["builds"], color=False, width=100).splitlines()
    at = next(i for i, line in enumerate(lines) if line.startswith("Best choice"))
    assert lines[at + 1].strip().startswith("→ pip install torch==")
    assert next(i for i, line in enumerate(lines) if "Ruled out" in line) > at
    assert lines[-1].startswith("yes: ")


def test_builds_ruled_out_for_one_reason_stand_together():
    shown = renderer("text")(REPORTS["builds"], color=False, width=100)
    assert shown.count("older than 580.65.06") == 1


def test_a_problem_is_shown_with_place_finding_and_correction():
    shown = renderer("text")(REPORTS["file"], color=False, width=100)
    assert "v28.Dockerfile:2" in shown
    assert (
        "write     FROM nvidia/cuda:12.8.1-devel-ubuntu22.04" in shown
    )  # and it passes every rule


def test_colour_is_for_a_terminal_alone():
    assert "\x1b[" in renderer("text")(REPORTS["builds"], color=True, width=100)


def test_sentences_wrap_and_commands_do_not():
    lines = renderer("text")(REPORTS["builds"], color=False, width=60).splitlines()
    assert all(len(line) <= 60 or "pip install" in line for line in lines)


def test_what_a_file_says_cannot_write_to_the_terminal_or_end_a_table():
    report = judge("FROM nvidia/cuda:\x1b[31m|a`b\nRUN pip install torch==2.6.0\n")
    text = renderer("text")(report, color=False, width=100)
    table = renderer("markdown")(report, color=False, width=100)
    assert "\x1b" not in text + table
    rows = [line for line in table.splitlines() if line.startswith("| Dockerfile")]
    assert all(line.replace("\\|", "").count("|") == 5 for line in rows)
