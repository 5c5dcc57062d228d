"""The report for node_exporter's textfile collector."""

import pytest

from gpubench.checks.outcome import Status
from gpubench.checks.report import make_report
from gpubench.checks.running import run_checks
from gpubench.render.findings_prometheus import render
from gpubench.render.findings_text import VERDICTS
from tests.checks import healthy as h
from tests.checks.healthy import HEALTHY, NO_GPU, QUICK
from tests.render.prometheus import parse

BROKEN = h.with_distribution(QUICK, "nvidia-cudnn-cu12", version="9.1.0.70")


def samples(snapshot, *, seconds=None, **options):
    found = make_report(snapshot, run_checks(snapshot), **options)
    read = parse(render(found, seconds=seconds))
    return {
        (name.removeprefix("gpubench_doctor_"), *(value for _, value in labels)): number
        for (name, labels), number in read.items()
    }


@pytest.mark.parametrize(
    ("snapshot", "verdict"), [(HEALTHY, "healthy"), (NO_GPU, "no-gpu"), (BROKEN, "broken")]
)
def test_one_verdict_holds_and_the_others_do_not(snapshot, verdict):
    found = samples(snapshot)
    assert {name: found["verdict", name] for name in VERDICTS} == {
        name: float(name == verdict) for name in VERDICTS
    }


def test_a_finding_is_a_sample_with_its_cause_and_severity():
    assert samples(BROKEN)["finding", "torch.cudnn", "cudnn-mismatch", "error"] == 1
    assert not any(key[0] == "finding" for key in samples(HEALTHY))


def test_checks_are_counted_by_how_they_ended():
    found = samples(BROKEN)
    assert found["checks", "fail"] == 1
    total = sum(found["checks", status.value] for status in Status)
    assert total == len(run_checks(BROKEN))


def test_the_time_is_a_sample_and_none_carries_a_time():
    taken = h.change(HEALTHY, taken_at="2026-11-20T10:00:00+00:00")
    assert samples(taken)["last_run_timestamp_seconds",] == 1795168800
    for unknown in ("", "yesterday", "2026-11-20T10:00:00"):
        snapshot = h.change(HEALTHY, taken_at=unknown)
        assert ("last_run_timestamp_seconds",) not in samples(snapshot)


def test_duration_and_changes_are_told_where_they_are_known():
    assert samples(HEALTHY, seconds=1.25)["duration_seconds",] == 1.25
    assert samples(BROKEN, before=QUICK)["changes",] == 1
    assert ("changes",) not in samples(BROKEN)


def test_a_label_is_escaped():
    odd = h.with_torch(QUICK, version='2.8.0 "\\\n}')
    name = next(key for key in samples(odd) if key[0] == "info")
    assert '2.8.0 "\\ }' in name
