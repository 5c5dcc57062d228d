"""The findings as SARIF 2.1.0."""

import dataclasses
import json

import pytest

from gpubench.checks.expectation import read_contract
from gpubench.checks.registry import CHECKS
from gpubench.checks.report import CheckLine, make_report
from gpubench.checks.running import run_checks
from gpubench.render.findings_sarif import render
from tests.checks import healthy as h
from tests.checks.healthy import HEALTHY, NO_GPU, QUICK
from tests.render.hostile import hostile_report

BROKEN = h.with_gpus(
    h.with_distribution(QUICK, "nvidia-cudnn-cu12", version="9.1.0.70"), persistence=False
)
LEVELS = {"none", "note", "warning", "error"}
TOP = {"$schema", "version", "runs"}
RUN = {
    "tool", "automationDetails", "columnKind", "invocations", "results", "properties",
}  # fmt: skip
RESULT = {
    "ruleId", "ruleIndex", "level", "message", "locations", "partialFingerprints", "properties",
}  # fmt: skip


def report(snapshot, checks=CHECKS):
    return make_report(snapshot, run_checks(snapshot, checks=checks))


def run(found):
    log = json.loads(render(found))
    assert set(log) == TOP
    assert log["version"] == "2.1.0"
    (only,) = log["runs"]
    return only


@pytest.mark.parametrize(
    "found", [report(HEALTHY), report(NO_GPU), report(BROKEN), hostile_report()]
)
def test_a_log_holds_what_the_standard_asks_for(found):
    """Names, types and references of the parts of SARIF 2.1.0 that are used."""
    only = run(found)
    assert set(only) == RUN
    rules = only["tool"]["driver"]["rules"]
    assert len({rule["id"] for rule in rules}) == len(rules)
    for rule in rules:
        assert set(rule) == {"id", "shortDescription", "help", "properties"}
        assert rule["shortDescription"]["text"]
        assert "Why:" in rule["help"]["text"]
    for result in only["results"]:
        assert set(result) == RESULT
        assert rules[result["ruleIndex"]]["id"] == result["ruleId"]
        assert result["level"] in LEVELS
        assert result["message"]["text"]
        (location,) = result["locations"]
        (place,) = location["logicalLocations"]
        assert set(place) == {"name", "fullyQualifiedName", "kind"}
        assert all(isinstance(value, str) for value in result["partialFingerprints"].values())
    (invocation,) = only["invocations"]
    assert invocation["executionSuccessful"] is True


def test_findings_alone_are_results_each_with_its_level():
    results = run(report(BROKEN))["results"]
    assert [(r["ruleId"], r["level"]) for r in results] == [
        ("torch.cudnn", "error"),
        ("drv.persistence", "warning"),
    ]
    assert results[0]["properties"]["confidence"] == "certain"
    assert 'pip install "nvidia-cudnn-cu12==9.10.2.21"' in results[0]["message"]["text"]
    assert run(report(HEALTHY))["results"] == []


def test_every_check_is_a_rule():
    ids = [rule["id"] for rule in run(report(HEALTHY))["tool"]["driver"]["rules"]]
    assert ids == [check.id for check in CHECKS]


def test_a_line_of_a_contract_has_a_rule_of_its_own(tmp_path):
    path = tmp_path / "fleet.toml"
    path.write_text("[gpu]\ncount = 9\n[packages]\n'ruamel.yaml' = '1'\nnumpy = '1.26'\n")
    found = report(HEALTHY, (*CHECKS, *read_contract(path)))
    results = run(found)["results"]
    assert [r["ruleId"] for r in results] == ["expect.gpu.count", "expect.packages.numpy"]
    notified = run(found)["invocations"][0]["toolExecutionNotifications"]
    assert [entry["descriptor"]["id"] for entry in notified] == ["expect.packages.ruamel.yaml"]


def test_what_was_not_answered_is_a_notification_and_no_result():
    lines = (
        CheckLine(id="torch.cudnn", status="crash", reason="KeyError", seconds=0.0),
        CheckLine(id="torch.nccl", status="unknown", reason="not permitted", seconds=0.0),
    )
    only = run(dataclasses.replace(report(HEALTHY), checks=lines))
    assert only["results"] == []
    (invocation,) = only["invocations"]
    assert invocation["executionSuccessful"] is False
    assert [entry["level"] for entry in invocation["toolExecutionNotifications"]] == [
        "error",
        "warning",
    ]
