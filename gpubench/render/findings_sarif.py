"""A doctor's findings as SARIF 2.1.0, with every check as a rule.

There is no source file to point at: a finding's place is logical, the subject and the check.
Checks that broke or could not be answered are notifications of the run, never results.
"""

import dataclasses
from typing import Any

import gpubench
from gpubench import codec
from gpubench.checks.diagnosis import Finding
from gpubench.checks.expectation import described
from gpubench.checks.expected import is_expectation
from gpubench.checks.explain import explanation
from gpubench.checks.outcome import Check, Status
from gpubench.checks.registry import CATEGORIES, CHECKS
from gpubench.checks.report import CheckLine, DoctorReport
from gpubench.env.redact import clean_plain
from gpubench.env.snapshot import digest
from gpubench.render.findings_json import escaped
from gpubench.render.machine import one_line

SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
_NOTIFIED = {Status.UNKNOWN.value: "warning", Status.CRASH.value: "error"}


def render(
    report: DoctorReport,
    *,
    color: bool = False,  # noqa: ARG001 - the arguments of every renderer
    width: int = 100,  # noqa: ARG001
    seconds: float | None = None,  # noqa: ARG001
) -> str:
    """The report as a SARIF log of one run."""
    log = {"$schema": SCHEMA, "version": "2.1.0", "runs": [_run(report)]}
    return escaped(codec.to_json(log, indent=2))


def _run(report: DoctorReport) -> dict[str, Any]:
    used = [finding.check for finding in report.findings]
    rules = [*CHECKS, *(_contract_rule(name) for name in used if is_expectation(name))]
    places = {rule.id: place for place, rule in enumerate(rules)}
    return {
        "tool": {
            "driver": {
                "name": "gpubench",
                "version": gpubench.__version__,
                "rules": [_rule(rule) for rule in rules],
            }
        },
        "automationDetails": {"id": "gpubench/doctor/"},
        "columnKind": "unicodeCodePoints",
        "invocations": [_invocation(report)],
        "results": [_result(finding, places, report) for finding in report.findings],
        "properties": {
            "verdict": report.verdict,
            "diagnosis": [cause.cause for cause in report.diagnosis],
            "environment": digest(report.snapshot),
        },
    }


def _contract_rule(name: str) -> Check:
    """The rule of a line of a contract, by its section where its name is the user's own."""
    found = {check.id: check for check in described()}
    section = ".".join(name.split(".")[:2])
    near = next((check for key, check in found.items() if key.startswith(section)), None)
    rule = found.get(name) or near
    assert rule is not None, name
    return dataclasses.replace(rule, id=name)


def _rule(check: Check) -> dict[str, Any]:
    said = explanation(check)
    return {
        "id": one_line(check.id),
        "shortDescription": {"text": check.title},
        "help": {"text": said},
        "properties": {"cause": check.cause, "reference": check.reference},
    }


def _result(finding: Finding, places: dict[str, int], report: DoctorReport) -> dict[str, Any]:
    steps = "".join(f"\n→ {one_line(step)}" for step in finding.remedy)
    confidence = next((c.confidence for c in report.diagnosis if finding.check in c.because), None)
    return {
        "ruleId": one_line(finding.check),
        "ruleIndex": places[finding.check],
        "level": finding.severity,
        "message": {"text": one_line(finding.summary) + steps},
        "locations": [{"logicalLocations": [_place(finding.check)]}],
        "partialFingerprints": {"gpubench/check": one_line(finding.check)},
        "properties": {
            "cause": finding.cause,
            "confidence": confidence,
            "remedy": [one_line(step) for step in finding.remedy],
            "evidence": clean_plain(codec.to_plain(finding.evidence)),
        },
    }


def _place(name: str) -> dict[str, str]:
    subject = name.partition(".")[0]
    category = next((title for title, mine in CATEGORIES if subject in mine), subject)
    full = f"{category}/{one_line(name)}"
    return {"name": one_line(name), "fullyQualifiedName": full, "kind": "resource"}


def _invocation(report: DoctorReport) -> dict[str, Any]:
    crashed = any(line.status == Status.CRASH.value for line in report.checks)
    told = [_notification(line) for line in report.checks if line.status in _NOTIFIED]
    return {"executionSuccessful": not crashed, "toolExecutionNotifications": told}


def _notification(line: CheckLine) -> dict[str, Any]:
    return {
        "level": _NOTIFIED[line.status],
        "message": {"text": f"{one_line(line.id)}: {line.status}: {one_line(line.reason)}"},
        "descriptor": {"id": one_line(line.id)},
    }
