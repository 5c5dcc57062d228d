"""How far losses may part from float32's."""

import pytest

from gpubench.bench.parity import judge
from tests.fakes.records import parity

REFERENCE = parity()


def test_a_mode_within_the_disturbed_runs_holds():
    verdict = judge(REFERENCE, parity("amp-bf16", losses=(2.001, 1.902, 1.802)), "bfloat16")
    assert verdict.holds
    assert verdict.deviation <= verdict.allowed


def test_a_mode_far_outside_them_does_not_and_the_step_is_named():
    verdict = judge(REFERENCE, parity("amp-bf16", losses=(2.0, 1.9, 1.7)), "bfloat16")
    assert not verdict.holds
    assert verdict.step == 3
    assert verdict.deviation == pytest.approx(0.1 / 1.8)


def test_a_loss_that_is_not_finite_never_holds():
    verdict = judge(REFERENCE, parity("amp-bf16", losses=(2.0, None, 1.8)), "bfloat16")
    assert not verdict.holds
    assert verdict.step == 2


def test_what_one_rounding_may_another_may_not():
    apart = parity("fp32+compile", losses=(2.001, 1.901, 1.801))
    reference = parity(disturbed={"float32": ((2.0, 1.9, 1.8),), "bfloat16": ((2.01, 1.91, 1.81),)})
    assert not judge(reference, apart, "float32").holds
    assert judge(reference, apart, "bfloat16").holds


def test_an_early_spread_still_allows_later_steps():
    reference = parity(disturbed={"bfloat16": ((2.1, 1.9, 1.8),)})
    assert judge(reference, parity("amp-bf16", losses=(2.0, 1.9, 1.9)), "bfloat16").holds


def test_a_reference_that_is_not_finite_decides_nothing():
    assert judge(parity(losses=(2.0, None, 1.8)), REFERENCE, "bfloat16") is None


def test_a_run_cut_short_decides_nothing():
    assert judge(REFERENCE, parity("amp-bf16", losses=(2.0,)), "bfloat16") is None
