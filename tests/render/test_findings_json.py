"""The report for programs."""

import json

import pytest

from gpubench import codec
from gpubench.checks.report import DoctorReport, make_report
from gpubench.checks.running import run_checks
from gpubench.env.snapshot import Snapshot
from gpubench.errors import UnknownName
from gpubench.render.findings import FORMATS, renderer
from gpubench.render.findings_json import render
from tests.checks import healthy as h
from tests.checks.healthy import HEALTHY, NO_GPU, QUICK

BROKEN = h.with_distribution(QUICK, "nvidia-nccl-cu12", version="2.21.5")


def plain(snapshot):
    return json.loads(render(make_report(snapshot, run_checks(snapshot))))


def test_a_finding_carries_what_the_contract_names():
    report = plain(BROKEN)
    assert list(report) == [
        "schema",
        "gpubench_version",
        "verdict",
        "diagnosis",
        "findings",
        "checks",
        "target",
        "drift",
        "snapshot",
    ]
    assert report["schema"] == "gpubench.doctor/1"
    assert report["verdict"] == "broken"
    assert report["diagnosis"] == [
        {"cause": "nccl-mismatch", "confidence": "certain", "because": ["torch.nccl"]}
    ]
    (finding,) = report["findings"]
    assert list(finding) == [
        "check",
        "cause",
        "severity",
        "summary",
        "evidence",
        "remedy",
        "reference",
    ]
    assert finding["remedy"] == ['/opt/venv/bin/python -m pip install "nvidia-nccl-cu12==2.27.3"']
    assert {"id": "torch.nccl", "status": "fail"}.items() <= next(
        line for line in report["checks"] if line["id"] == "torch.nccl"
    ).items()


@pytest.mark.parametrize("snapshot", [HEALTHY, NO_GPU, BROKEN, Snapshot()])
def test_a_report_survives_json(snapshot):
    report = make_report(snapshot, run_checks(snapshot))
    assert codec.from_plain(DoctorReport, json.loads(render(report)), "a test") == report


def test_every_format_is_there_and_another_is_refused():
    report = make_report(HEALTHY, run_checks(HEALTHY))
    for name in FORMATS:
        assert renderer(name)(report, color=False, width=100, seconds=1.0)
    with pytest.raises(UnknownName, match="json"):
        renderer("jsn")
