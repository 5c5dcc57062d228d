"""The promises of the gate in a small replay; benchmarks/operating_curve.py does the large one.

Bounds leave room for what 20 000 decisions scatter: 0.5 % has a standard error of 0.05 %.
"""

import dataclasses

import pytest

pytest.importorskip("scipy")

import numpy as np
from scipy import stats

from benchmarks.operating_curve import (
    HALF,
    NOISES,
    TWICE,
    World,
    calibration,
    differences,
    judge,
    rates,
    replay,
    stored_rates,
)
from gpubench.gate.sequential import LOOKS, Noise, decide, verdict
from gpubench.gate.verdicts import WORST_FIRST

pytestmark = pytest.mark.torch

SIZE = 20_000
WORDS = ("INCONCLUSIVE", "PASS", "REGRESSION", "IMPROVED")


@pytest.mark.parametrize("noise", NOISES)
@pytest.mark.parametrize("calibrated", [0, 20])
def test_the_promises_hold_in_a_small_replay(noise, calibrated):
    world = World(noise=noise, drift=0.1, calibrated=calibrated)

    def at(effect, deviation):
        return rates(dataclasses.replace(world, effect=effect, deviation=deviation), SIZE)

    for deviation in (0.016, 0.09):
        assert at(HALF, deviation)["regression"] <= 0.006
        assert at(TWICE, deviation)["pass"] <= 0.006
    assert at(TWICE, 0.016)["regression"] >= 0.985
    assert at(0.0, 0.005)["soon"] >= 0.985


@pytest.mark.parametrize("grown", [1.5, 3.0, 5.0])
def test_noise_that_has_grown_since_it_was_calibrated_breaks_no_promise(grown):
    world = World(effect=HALF, deviation=0.09, calibrated=20, grown=grown)
    assert rates(world, SIZE)["regression"] <= 0.006
    assert rates(dataclasses.replace(world, effect=TWICE), SIZE)["pass"] <= 0.006


def test_noise_leads_to_inconclusive():
    assert rates(World(effect=TWICE, deviation=0.09), SIZE)["undecided"] > 0.9


@pytest.mark.parametrize("calibrated", [0, 20])
def test_the_replay_decides_as_the_rule_itself_does(calibrated):
    """The vectorised loop over looks is held against ``decide`` on the same pairs."""
    world = World(effect=0.02, deviation=0.005, calibrated=calibrated)
    random = np.random.default_rng(5)
    seen = differences(world, 300, random)
    known = calibration(world, 300, random) if calibrated else None
    verdicts, pairs = replay(world, 300, seed=5)
    for at, row in enumerate(seen):
        noise = None
        if known is not None:
            noise = Noise(variance=float(known[at]), freedom=calibrated - 1.0)
        own = decide(list(map(float, row)), 0.03, noise=noise)
        assert (own.word, own.pairs) == (WORDS[verdicts[at]], pairs[at])
    assert calibrated == 0 or 3 in pairs


def test_blocks_mistake_a_drift_for_a_slowdown_and_turns_do_not():
    """AAAA BBBB puts half the session between the two; AB BA puts one process there."""
    world = World(drift=0.1, deviation=0.005)
    assert rates(world, 2_000)["regression"] == 0.0
    assert rates(dataclasses.replace(world, blocks=True), 2_000)["regression"] > 0.99


def test_pooled_steps_find_a_regression_where_processes_find_none():
    """Steps share the fate of their process: counted one by one they are far too sure."""
    random = np.random.default_rng(3)
    size, processes, steps = 400, 5, 30
    of_steps = of_processes = 0
    for _ in range(size):
        sides = [
            random.normal(0, 0.02, (processes, 1)) + random.normal(0, 0.01, (processes, steps))
            for _ in range(2)
        ]
        base, candidate = sides
        pooled = stats.ttest_ind(candidate.ravel(), base.ravel(), equal_var=False)
        means = stats.ttest_ind(candidate.mean(1), base.mean(1), equal_var=False)
        of_steps += pooled.pvalue < 0.005
        of_processes += means.pvalue < 0.005
    assert of_steps / size > 0.4
    assert of_processes / size < 0.02


def test_a_percentile_bootstrap_of_five_points_is_too_sure():
    random = np.random.default_rng(4)
    size, risk = 2_000, 0.025
    points = random.standard_normal((size, 5))
    chosen = random.integers(0, 5, (size, 1_000, 5))
    means = np.take_along_axis(points[:, None, :], chosen, axis=2).mean(axis=2)
    missed = float((np.quantile(means, risk, axis=1) > 0).mean())
    assert missed > 1.5 * risk


def test_mann_whitney_on_three_a_side_can_never_decide():
    best = stats.mannwhitneyu([1, 2, 3], [101, 102, 103], alternative="less", method="exact")
    assert best.pvalue == pytest.approx(1 / 20)


@pytest.mark.parametrize(("known", "between"), [(3, 0.03), (6, 0.09), (0, 0.03)])
def test_stored_baselines_keep_the_promise_on_false_alarms(known, between):
    assert stored_rates(HALF, 0.01, between, known=known, size=3_000)["REGRESSION"] <= 0.007
    slips = stored_rates(TWICE, 0.01, between, known=known, size=3_000)
    assert slips["PASS"] + slips["IMPROVED"] <= 0.007


def test_judging_arrays_is_the_verdict_of_each_of_their_elements():
    ends = np.linspace(-0.1, 0.1, 41)
    for low in ends:
        for high in ends[ends >= low]:
            word = WORDS[int(judge(low, high))]
            assert word == verdict(float(low), float(high), 0.03)
            assert word in WORST_FIRST


def test_a_replay_is_the_same_each_time():
    world = World(effect=0.02, noise="outliers", calibrated=12)
    first, second = replay(world, 500, seed=9), replay(world, 500, seed=9)
    assert (first[0] == second[0]).all()
    assert set(first[1]) <= {3, *LOOKS}
