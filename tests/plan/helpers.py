"""What the tests of ``plan`` share: a file judged from its text."""

from pathlib import Path

from gpubench.plan.files.stated import Source
from gpubench.plan.judging import corrected, judge_source
from gpubench.plan.machine import Machine

DATA = Path(__file__).parent / "data"
NOWHERE = Machine()


def judge(text, name="Dockerfile", machine=NOWHERE, folder=None):
    return judge_source(Source(name=name, text=text, folder=folder), machine)


def rules(report, *severities):
    return [p.rule for p in report.problems if not severities or p.severity in severities]


def the_problem(report, rule):
    found = [problem for problem in report.problems if problem.rule == rule]
    assert found, rules(report)
    return found[0]


def mended(text, name, machine=NOWHERE, rounds=40):
    """The text with every correction applied, one after the other, and its report."""
    for _ in range(rounds):
        report = judge(text, name, machine)
        correction = next((p.correction for p in report.problems if p.correction), None)
        if correction is None:
            return text, report
        assert correction.file == name
        text = corrected(text, correction)
    raise AssertionError(f"corrections do not come to an end:\n{text}")
