"""Tolerances per metric, and which way is worse."""

import pytest

from gpubench.errors import BadUsage, UnknownName
from gpubench.gate.metrics import METRICS, metric_named, parse_tolerances, tolerance_of


@pytest.mark.parametrize(
    ("name", "worse", "better"),
    [
        ("throughput", 90, 100),
        ("compile-seconds", 30, 20),
        ("compile-seconds-warm", 30, 20),
        ("peak-memory", 2, 1),
        ("energy", 2, 1),
    ],
)
def test_what_is_worse_costs_more(name, worse, better):
    metric = metric_named(name)
    assert metric.cost(worse) > metric.cost(better)
    assert metric.value(metric.cost(worse)) == pytest.approx(worse)


def test_each_metric_has_the_tolerance_of_the_design():
    own = {m.name: tolerance_of(m, {}, waits=False) for m in METRICS}
    assert own == {
        "throughput": 0.03,
        "compile-seconds": 0.20,
        "compile-seconds-warm": 0.20,
        "peak-memory": 0.02,
        "energy": 0.05,
    }
    assert tolerance_of(metric_named("throughput"), {}, waits=True) == 0.05


def test_a_tolerance_that_was_asked_for_holds_for_data_too():
    asked = parse_tolerances("2%")
    assert tolerance_of(metric_named("throughput"), asked, waits=True) == 0.02


@pytest.mark.parametrize("text", ["3%", "3 %", "0.03", "throughput=3%"])
def test_a_share_may_be_written_in_many_ways(text):
    assert parse_tolerances(text) == {"throughput": pytest.approx(0.03)}


def test_each_metric_may_be_named():
    assert parse_tolerances("4%,peak-memory=1%") == {"throughput": 0.04, "peak-memory": 0.01}
    assert parse_tolerances(None) == {}


@pytest.mark.parametrize("text", ["0", "-3%", "100%", "3", "three", "nan", "inf", "3%%", "1e-2"])
def test_what_is_no_share_is_refused(text):
    with pytest.raises(BadUsage, match="give a share"):
        parse_tolerances(text)


def test_an_unknown_metric_is_refused_with_the_nearest():
    with pytest.raises(UnknownName, match="peak-memory"):
        parse_tolerances("peak-memry=3%")
