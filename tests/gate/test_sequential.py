"""The rule for pairs: agrees with SciPy, mirrors, never lets noise pass for an answer."""

import math
import statistics

import pytest

pytest.importorskip("scipy")

from hypothesis import assume, given
from hypothesis import strategies as st
from scipy import stats

from gpubench.gate.sequential import (
    EARLY_LOOK,
    LOOKS,
    RISK,
    Noise,
    decide,
    gates_at,
    has_grown,
    look,
    mean_and_variance,
    pairs_needed,
    share,
    verdict,
)

pytestmark = pytest.mark.torch

EIGHT = (0.011, -0.004, 0.021, 0.008, 0.002, -0.009, 0.013, 0.006)
NOISE = Noise(variance=0.005**2, freedom=19)
differences = st.lists(
    st.floats(-0.5, 0.5, allow_nan=False, width=32), min_size=5, max_size=LOOKS[-1]
)


def test_the_interval_is_student_s():
    low, high = stats.ttest_1samp(EIGHT, 0.0).confidence_interval(1 - 2 * RISK)
    found = look(EIGHT, 0.03).interval
    assert (found.low, found.high) == pytest.approx((low, high))


def test_a_family_takes_its_share_of_the_risk():
    low, high = stats.ttest_1samp(EIGHT, 0.0).confidence_interval(1 - 2 * RISK / 12)
    found = look(EIGHT, 0.03, family=12).interval
    assert (found.low, found.high) == pytest.approx((low, high))


@pytest.mark.parametrize(
    ("low", "high", "word"),
    [
        (-0.01, 0.02, "PASS"),
        (0.04, 0.08, "REGRESSION"),
        (-0.08, -0.04, "IMPROVED"),
        (0.02, 0.04, "INCONCLUSIVE"),
        (-0.04, 0.04, "INCONCLUSIVE"),
        (-0.08, 0.0, "PASS"),
        (-math.inf, math.inf, "INCONCLUSIVE"),
    ],
)
def test_the_verdict_is_where_the_interval_lies(low, high, word):
    assert verdict(low, high, 0.03) == word


def test_the_tolerance_itself_is_neither_passed_nor_failed():
    most = math.log1p(0.03)
    assert verdict(most, most, 0.03) == "INCONCLUSIVE"


@pytest.mark.parametrize("pairs", [0, 1, 2])
def test_fewer_than_three_pairs_say_nothing(pairs):
    said = decide([0.5] * pairs, 0.03)
    assert (said.word, said.interval) == ("INCONCLUSIVE", None)


@pytest.mark.parametrize("pairs", [3, 4])
def test_without_a_calibration_nothing_is_decided_before_five_pairs(pairs):
    assert decide([0.5] * pairs, 0.03).word == "INCONCLUSIVE"
    assert look([0.5] * pairs, 0.03).word == "INCONCLUSIVE"


def test_between_two_looks_nothing_is_decided():
    assert look([0.2, 0.21, 0.2, 0.19, 0.2], 0.03).word == "REGRESSION"
    assert look([0.2, 0.21, 0.2, 0.19, 0.2, 0.2], 0.03).word == "INCONCLUSIVE"


def test_a_calibration_lets_three_quiet_pairs_decide():
    assert decide([0.2, 0.201, 0.2], 0.03, noise=NOISE).word == "REGRESSION"
    assert decide([0.0, 0.001, 0.0], 0.03, noise=NOISE).word == "PASS"


def test_three_pairs_noisier_than_the_calibration_decide_nothing():
    said = decide([0.18, 0.24, 0.2], 0.03, noise=NOISE)
    assert (said.word, said.interval.low) == ("INCONCLUSIVE", -math.inf)


def test_the_first_look_that_decides_is_the_last():
    quiet_then_slow = [0.0, 0.001, 0.0, -0.001, 0.0, *[0.3] * 15]
    assert (decide(quiet_then_slow, 0.03).word, decide(quiet_then_slow, 0.03).pairs) == ("PASS", 5)


def test_what_never_varies_is_decided_without_an_interval():
    assert decide([0.05] * 5, 0.03).word == "REGRESSION"
    assert decide([0.0] * 5, 0.02).word == "PASS"


@given(differences)
def test_swapping_the_sides_mirrors_the_verdict(seen):
    said, mirrored = look(seen, 0.03), look([-value for value in seen], 0.03)
    assert mirrored.interval.low == pytest.approx(-said.interval.high)
    assert mirrored.interval.high == pytest.approx(-said.interval.low)
    for one, other in ((said, mirrored), (mirrored, said)):
        assert (one.word == "REGRESSION") == (other.word == "IMPROVED")


@given(differences, st.floats(0.005, 0.1), st.floats(1.01, 5))
def test_a_wider_tolerance_never_finds_a_regression_that_a_narrower_one_does_not(seen, least, more):
    if look(seen, least * more).word == "REGRESSION":
        assert look(seen, least).word == "REGRESSION"


@given(differences, st.floats(1.5, 10))
def test_more_noise_about_the_same_mean_takes_answers_away_and_gives_none(seen, factor):
    assume(statistics.pstdev(seen) > 1e-6)
    mean = statistics.fmean(seen)
    noisier = [mean + factor * (value - mean) for value in seen]
    quiet, loud = look(seen, 0.03), look(noisier, 0.03)
    if quiet.word == "INCONCLUSIVE":
        assert loud.word == "INCONCLUSIVE"
    assert loud.word in (quiet.word, "INCONCLUSIVE", "PASS" if quiet.word == "IMPROVED" else "")


@given(differences)
def test_a_pass_means_that_more_than_tolerated_is_outside_the_interval(seen):
    said = look(seen, 0.03)
    if said.word in ("PASS", "IMPROVED"):
        assert share(said.interval.high) < 0.03 + 1e-12


@given(differences, st.integers(2, 1000))
def test_sharing_the_risk_never_adds_an_answer(seen, family):
    alone, shared = look(seen, 0.03), look(seen, 0.03, family=family)
    assert shared.word in (alone.word, "INCONCLUSIVE", "PASS" if alone.word == "IMPROVED" else "")


def test_the_pairs_needed_are_the_first_that_would_settle_it():
    seen = look(EIGHT, 0.013).interval
    variance = mean_and_variance(EIGHT)[1]
    needed = pairs_needed(seen, variance, 0.013, RISK)

    def half(pairs):
        return stats.t.isf(RISK, pairs - 1) * math.sqrt(variance / pairs)

    distance = abs(seen.mean - math.log1p(0.013))
    assert half(needed) < distance <= half(needed - 1)


def test_a_mean_on_the_tolerance_is_never_settled():
    seen = look([math.log1p(0.03) + x for x in (0.01, -0.01, 0.01, -0.01, 0.0)], 0.03).interval
    assert pairs_needed(seen, 1e-4, 0.03, RISK) is None


def test_a_noisier_host_gates_at_more():
    assert gates_at(2 * 0.005**2) < 0.01 < 0.03 < gates_at(2 * 0.03**2)


def test_noise_that_has_grown_is_seen_and_equal_noise_is_not():
    assert has_grown(0.02**2, 7, NOISE)
    assert not has_grown(0.006**2, 7, NOISE)
    assert has_grown(1e-9, 7, Noise(variance=0.0, freedom=9))


def test_looks_begin_where_the_design_says():
    assert (EARLY_LOOK, LOOKS[0]) == (3, 5)
