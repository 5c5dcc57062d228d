"""A sweep is one dimension, its values, and a workload for each."""

import dataclasses

import pytest

from gpubench import codec
from gpubench.bench.job import Workload
from gpubench.bench.record import Plan
from gpubench.bench.sweep import Sweep
from gpubench.errors import BadUsage, UnknownName
from tests.fakes.records import PLAN


def test_a_sweep_names_its_variants_in_rising_order():
    assert Sweep.parse("batch-size=16, 8,32").variants == ("batch 8", "batch 16", "batch 32")
    assert Sweep.parse("sequence-length=128,512").variants == ("128 tokens", "512 tokens")
    assert Sweep.parse("image-size=160,224").variants == ("160 px", "224 px")


def test_a_variant_has_a_workload_of_its_own_and_nothing_else_changes():
    given = Workload(preset="smoke", batch_size=4, accumulation=2)
    made = Sweep.parse("sequence-length=32,64").workload(given, "64 tokens")
    assert (made.sequence_length, made.batch_size, made.accumulation) == (64, 4, 2)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("batch-size", "write it as batch-size=8,16,32"),
        ("batch-size=8", "from two to 32 values"),
        ("batch-size=8,8", "there twice"),
        ("batch-size=8,x", "'x' is no whole number of 1 or more"),
        ("batch-size=8,-1", "'-1' is no whole number"),
        ("batch-size=8,,9", "'' is no whole number"),
        ("batch-size=8,²", "'²' is no whole number"),
        ("batch-size=8," + "9" * 5000, "is no whole number"),
        ("batch-size=" + ",".join(map(str, range(1, 40))), "from two to 32 values"),
        ("sequence-length=4,64", "'4' is no whole number of 8 or more"),
    ],
)
def test_what_cannot_be_swept_is_said(text, why):
    with pytest.raises(BadUsage, match=why):
        Sweep.parse(text)


def test_a_dimension_that_does_not_exist_comes_with_the_nearest():
    with pytest.raises(UnknownName, match="did you mean batch-size"):
        Sweep.parse("batch-sise=8,16")


def test_a_plan_written_before_there_were_sweeps_still_reads():
    plain = codec.to_plain(PLAN)
    for name in ("variants", "sweep", "accumulation", "batch_search"):
        del plain[name]
    assert codec.from_plain(Plan, plain, "an older record") == PLAN


def test_a_plan_with_a_sweep_survives_the_record():
    sweep = Sweep.parse("batch-size=8,16")
    plan = dataclasses.replace(PLAN, sweep=sweep, variants=sweep.variants)
    assert codec.from_plain(Plan, codec.to_plain(plan), "here") == plan
    assert plan != PLAN
