"""A comparison as JUnit XML: one test case per verdict.

A REGRESSION is a failure; INVALID, NOT-COMPARABLE and INCONCLUSIVE are errors, since nothing was
shown to be right. Where inconclusive verdicts are to pass or warn, they are skipped; so is what
is not gated.
"""

import xml.etree.ElementTree as ET

from gpubench.gate.compare import Comparison
from gpubench.gate.verdicts import Verdict
from gpubench.render.compare_words import interval, reason, signed
from gpubench.render.text import printable

_CLASS = "gpubench.compare"


def render(comparison: Comparison) -> str:
    """The verdicts as one test suite."""
    kinds = [_kind(verdict, comparison) for verdict in comparison.verdicts]
    counts = {
        "tests": str(len(kinds)),
        "failures": str(kinds.count("failure")),
        "errors": str(kinds.count("error")),
        "skipped": str(kinds.count("skipped")),
    }
    root = ET.Element("testsuites", {"name": "gpubench compare", **counts})
    suite = ET.SubElement(root, "testsuite", {"name": _CLASS, **counts})
    properties = ET.SubElement(suite, "properties")
    ET.SubElement(properties, "property", name="verdict", value=comparison.verdict)
    for kind, verdict in zip(kinds, comparison.verdicts, strict=True):
        _case(suite, verdict, kind)
    ET.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(root, encoding="unicode") + "\n"


def _kind(verdict: Verdict, comparison: Comparison) -> str | None:
    if verdict.word in ("PASS", "IMPROVED"):
        return None
    if not verdict.gated:
        return "skipped"
    if verdict.word == "INCONCLUSIVE" and comparison.on_inconclusive != "fail":
        return "skipped"
    return "failure" if verdict.word == "REGRESSION" else "error"


def _case(suite: ET.Element, verdict: Verdict, kind: str | None) -> None:
    case = ET.SubElement(
        suite,
        "testcase",
        classname=f"{_CLASS}.{printable(verdict.metric)}",
        name=printable(f"{verdict.cell} {verdict.metric}"),
    )
    said = f"{verdict.word}: {signed(verdict.effect)} {interval(verdict)}"
    if kind is None:
        ET.SubElement(case, "system-out").text = printable(said)
        return
    message = printable(f"{said} {reason(verdict) or ''}".strip())
    element = ET.SubElement(case, kind, message=message)
    if kind != "skipped":
        element.set("type", verdict.word)
