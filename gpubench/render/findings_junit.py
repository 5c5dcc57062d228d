"""A doctor's report as JUnit XML: one test case per check.

A failure fails the suite. A warning does not, or every server with a CPU governor would be red:
it passes and says so in its ``system-out``, as notes do. A skip is skipped. An unknown is not a
pass either, since nothing was seen to be right; it is skipped with "unknown:" before its reason,
except where a contract (--expect) asked for it: that is an error, as the exit status is not 0. A
check that broke is an error.
"""

import xml.etree.ElementTree as ET

from gpubench.checks.diagnosis import Finding
from gpubench.checks.expected import is_expectation
from gpubench.checks.outcome import Status
from gpubench.checks.report import CheckLine, DoctorReport
from gpubench.env.snapshot import digest
from gpubench.render.machine import changes, one_line

_CLASS = "gpubench.doctor"


def render(
    report: DoctorReport,
    *,
    color: bool = False,  # noqa: ARG001 - the arguments of every renderer
    width: int = 100,  # noqa: ARG001
    seconds: float | None = None,
) -> str:
    """The report as one test suite."""
    root = ET.Element("testsuites", name="gpubench doctor")
    suite = ET.SubElement(root, "testsuite", _counts(report, seconds))
    _properties(suite, report)
    findings = {finding.check: finding for finding in report.findings}
    for line in report.checks:
        _case(suite, line, findings.get(line.id))
    if report.drift is not None:
        ET.SubElement(suite, "system-out").text = "\n".join(map(one_line, changes(report.drift)))
    for name in ("tests", "failures", "errors", "skipped", "time"):
        root.set(name, suite.get(name, "0"))
    ET.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(root, encoding="unicode") + "\n"


def _counts(report: DoctorReport, seconds: float | None) -> dict[str, str]:
    kinds = [_kind(line) for line in report.checks]
    spent = sum(line.seconds for line in report.checks) if seconds is None else seconds
    counts = {
        "name": _CLASS,
        "tests": str(len(kinds)),
        "failures": str(kinds.count("failure")),
        "errors": str(kinds.count("error")),
        "skipped": str(kinds.count("skipped")),
        "time": f"{spent:.6f}",
    }
    taken = one_line(report.snapshot.taken_at).partition("+")[0]
    return {**counts, "timestamp": taken} if taken else counts


def _kind(line: CheckLine) -> str | None:
    """The element that says how it ended; None for a pass, a note and a warning."""
    status = Status(line.status)
    if status is Status.UNKNOWN:
        return "error" if is_expectation(line.id) else "skipped"
    return {Status.FAIL: "failure", Status.SKIP: "skipped", Status.CRASH: "error"}.get(status)


def _properties(suite: ET.Element, report: DoctorReport) -> None:
    known = {
        "verdict": report.verdict,
        "first-cause": report.diagnosis[0].cause if report.diagnosis else "",
        "environment": digest(report.snapshot),
        "gpubench-version": report.gpubench_version,
        "judged-for": report.target.words if report.target else "",
    }
    properties = ET.SubElement(suite, "properties")
    for name, value in known.items():
        if value:
            ET.SubElement(properties, "property", name=name, value=one_line(value))


def _case(suite: ET.Element, line: CheckLine, finding: Finding | None) -> None:
    case = ET.SubElement(
        suite,
        "testcase",
        classname=f"{_CLASS}.{line.id.partition('.')[0]}",
        name=one_line(line.id),
        time=f"{line.seconds:.6f}",
    )
    kind, reason = _kind(line), one_line(line.reason)
    if kind == "failure" and finding is not None:
        element = ET.SubElement(case, kind, message=reason, type=finding.cause or "")
        element.text = _details(finding)
    elif kind is not None:
        unknown = "unknown: " if line.status == Status.UNKNOWN.value else ""
        element = ET.SubElement(case, kind, message=unknown + reason)
        if kind == "error":
            element.set("type", line.status)
    elif finding is not None:
        ET.SubElement(case, "system-out").text = f"{finding.severity}: {_details(finding)}"


def _details(finding: Finding) -> str:
    steps = [f"→ {one_line(step)}" for step in finding.remedy]
    return "\n".join([one_line(finding.summary), *steps, one_line(finding.reference)])
