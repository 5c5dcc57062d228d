"""Pairs become verdicts: at the looks, at a risk that the whole family shares, never otherwise."""

import dataclasses
import math
import random

import pytest

pytest.importorskip("scipy")
pytest.importorskip("pandas")

from scipy import stats

from gpubench.bench.modes import mode_named
from gpubench.gate.calibration import Calibration, cell_noise, workload_digest
from gpubench.gate.compare import Rules
from gpubench.gate.pair_answer import compare_pairs, of_figure
from gpubench.gate.pairs import PairRecords, gated_metrics, lopsided
from gpubench.gate.sequential import LOOKS, RISK
from tests.fakes.records import FACTS, PARITIES, PLAN, measurement, record
from tests.fakes.sessions import CELL, header

pytestmark = pytest.mark.torch


def side(steps, mode="fp32", facts=FACTS, modes=("fp32",), parities=(), **changes):
    """A record whose processes took so long a step."""
    own = header()
    own = dataclasses.replace(own, plan=dataclasses.replace(PLAN, modes=modes))
    return record(
        measurements=[measurement(mode, n, step, **changes) for n, step in enumerate(steps)],
        parities=parities, header=own, facts=facts,
    )  # fmt: skip


def pairs(differences, rules=None, **changes):
    """Pairs whose candidates cost so much more, in logarithms."""
    return PairRecords(
        baseline=side([0.1] * len(differences), **changes),
        candidate=side([0.1 * math.exp(d) for d in differences], **changes),
        rules=rules or Rules(),
    )


def noisy(count, effect=0.0, deviation=0.01, seed=1):
    noise = random.Random(seed)
    return [effect + noise.gauss(0, deviation) for _ in range(count)]


def throughput(records):
    (verdict,) = [v for v in compare_pairs(records).verdicts if v.metric == "throughput"]
    return verdict


def test_the_interval_is_student_s_at_the_family_s_share_of_the_risk():
    found = throughput(pairs(noisy(8, deviation=0.02)))
    low, high = stats.ttest_1samp(noisy(8, deviation=0.02), 0.0).confidence_interval(
        1 - 2 * RISK / 2
    )
    assert (found.low, found.high) == pytest.approx((math.expm1(low), math.expm1(high)))


def test_effects_are_the_candidate_s_added_cost():
    found = throughput(pairs([math.log(1.25) + d for d in noisy(5, deviation=0.001)]))
    assert found.word == "REGRESSION"
    assert found.effect == pytest.approx(0.25, abs=0.005)
    assert found.candidate == pytest.approx(found.baseline / 1.25, rel=0.005)


def test_what_is_faster_beyond_the_tolerance_is_improved():
    assert throughput(pairs(noisy(5, -0.1, 0.001))).word == "IMPROVED"


def test_the_first_look_that_decides_is_the_last_whatever_comes_later():
    early = noisy(5, 0.0, 0.002)
    later = [0.5] * 15
    assert throughput(pairs([*early, *later])) == dataclasses.replace(
        throughput(pairs(early)), gates_at=throughput(pairs([*early, *later])).gates_at
    )


@pytest.mark.parametrize("count", [3, 4])
def test_what_is_plain_to_see_is_not_said_before_the_first_look(count):
    records = pairs([0.5] * count)
    assert throughput(records).word == "INCONCLUSIVE"
    assert not records.is_over(CELL)
    assert records.pairs_to_look(CELL) == LOOKS[0] - count
    assert throughput(pairs([0.5] * LOOKS[0])).word == "REGRESSION"


def test_the_budget_s_end_says_what_would_settle_it():
    found = throughput(pairs(noisy(6, 0.01, 0.04)))
    assert found.word == "INCONCLUSIVE"
    assert found.reason == "there are 6 pairs, the next look is at 8"
    assert found.needed > 6
    assert found.gates_at > 0.03
    assert found.unit == "pairs"


def test_a_look_that_decided_nothing_says_so():
    found = throughput(pairs(noisy(8, 0.01, 0.04)))
    assert found.reason == "the interval reaches over the tolerance after 8 pairs"


def test_pairs_beyond_the_last_look_are_not_said_to_reach_over_the_tolerance():
    found = throughput(pairs([*noisy(LOOKS[-1], 0.01, 0.1), *noisy(200, 0.0, 0.001)]))
    assert found.word == "INCONCLUSIVE"
    assert found.high < found.tolerance
    assert found.reason == "the last look, at 28 pairs, decided nothing"


def test_what_would_settle_it_is_a_look():
    plain = throughput(pairs([0.2, 0.201, 0.199, 0.2]))
    assert (plain.word, plain.needed) == ("INCONCLUSIVE", LOOKS[0])


def test_fewer_than_three_pairs_say_nothing():
    found = compare_pairs(pairs([0.5, 0.5]))
    assert found.exit_status == 4
    assert found.verdicts[0].reason == "3 pairs are needed, there are 2"


def test_the_family_is_what_was_planned_not_what_is_left():
    modes = ("fp32", "amp-bf16", "fp32+compile")
    few = pairs([0.0] * 2, modes=modes)
    many = pairs(noisy(28), modes=modes)
    assert few.family == many.family == 2 + 2 + 3


def test_a_mode_that_a_side_cannot_do_is_not_in_the_family():
    facts = dataclasses.replace(FACTS, unsupported={"tf32": "no TF32"})
    assert pairs([0.0] * 5, modes=("fp32", "tf32"), facts=facts).family == 2


@pytest.mark.parametrize(
    ("mode", "device", "metrics"),
    [
        ("fp32", "cpu", ("throughput", "peak-memory")),
        ("fp32+compile", "cpu", ("throughput", "peak-memory", "compile-seconds-warm")),
        ("fp32+compile-max", "cuda",
         ("throughput", "peak-memory", "compile-seconds", "energy")),
    ],
)  # fmt: skip
def test_the_metrics_with_a_say_follow_from_the_mode_and_the_device(mode, device, metrics):
    assert gated_metrics(mode_named(mode), device) == metrics


def test_a_cell_waits_for_all_its_figures():
    """Throughput is decided, memory swings about its tolerance."""
    swings = [800 * 2**20 * (1 + 0.05 * (n % 2)) for n in range(5)]
    candidate = side([0.1] * 5)
    lines = [
        dataclasses.replace(m, memory={"peak_bytes": size})
        for m, size in zip(candidate.measurements, map(int, swings), strict=True)
    ]
    candidate = dataclasses.replace(candidate, measurements=tuple(lines))
    records = PairRecords(baseline=side([0.1] * 5), candidate=candidate, rules=Rules())
    assert throughput(records).word == "PASS"
    assert not records.is_over(CELL)
    assert records.pairs_to_look(CELL) == LOOKS[1] - LOOKS[0]


def test_a_cell_is_over_at_the_last_look():
    records = pairs(noisy(LOOKS[-1], 0.03, 0.02))
    assert throughput(records).word == "INCONCLUSIVE"
    assert records.is_over(CELL)
    assert not pairs(noisy(LOOKS[-1] - 1, 0.03, 0.02)).is_over(CELL)


def test_the_tolerance_of_a_cell_that_waits_for_data_is_wider():
    own = pairs(noisy(5, math.log(1.04), 0.0005))
    plan = dataclasses.replace(own.baseline.header.plan, tier="end-to-end")
    both = [
        dataclasses.replace(r, header=dataclasses.replace(r.header, plan=plan)) for r in own.both
    ]
    waiting = PairRecords(baseline=both[0], candidate=both[1], rules=Rules())
    assert throughput(own).word == "REGRESSION"
    assert (throughput(waiting).word, throughput(waiting).tolerance) == ("PASS", 0.05)


def test_a_tolerance_that_was_asked_for_holds():
    rules = Rules(tolerances={"throughput": 0.10})
    assert throughput(pairs(noisy(5, 0.05, 0.001), rules)).word == "PASS"


# -- calibrated -----------------------------------------------------------------------------------


def calibration(deviation, pairs=20):
    facts = pairs_of_one().sessions[1].cells[CELL].facts
    noise = dataclasses.replace(
        cell_noise(CELL, "throughput", workload_digest(facts), [[0.0, 0.001]]),
        pair_deviation=deviation, pair_freedom=pairs - 1,
    )  # fmt: skip
    memory = dataclasses.replace(noise, metric="peak-memory")
    machine = pairs_of_one().sessions[1].cells[CELL].machine
    return Calibration(created="2026-11-21T00:00:00+00:00", machine=machine, cells=(noise, memory))


def pairs_of_one():
    return pairs([0.0])


def test_a_calibrated_cell_may_be_decided_at_three_pairs():
    three = [0.0005, -0.0005, 0.0001]
    rules = Rules(calibration=calibration(0.004))
    assert throughput(pairs(three)).word == "INCONCLUSIVE"
    assert throughput(pairs(three, rules)).word == "PASS"
    assert pairs(three, rules).is_over(CELL)


def test_three_pairs_that_do_not_bear_the_calibration_out_decide_nothing():
    three = [0.01, -0.01, 0.0]
    rules = Rules(calibration=calibration(0.004))
    assert throughput(pairs(three, rules)).word == "INCONCLUSIVE"


def test_noise_that_has_grown_is_said():
    rules = Rules(calibration=calibration(0.002))
    notes = compare_pairs(pairs(noisy(8, 0.0, 0.03), rules)).notes
    assert any("the noise of throughput has grown since it was calibrated" in n for n in notes)
    quiet = compare_pairs(pairs(noisy(8, 0.0, 0.002), rules)).notes
    assert not any("has grown" in n for n in quiet)


def test_a_calibration_of_another_workload_is_not_used():
    facts = dataclasses.replace(FACTS, batch_size=64)
    rules = Rules(calibration=calibration(0.004))
    assert throughput(pairs([0.0005, -0.0005, 0.0001], rules, facts=facts)).word == "INCONCLUSIVE"


# -- what is no plain figure ----------------------------------------------------------------------


def test_both_processes_of_a_pair_have_one_attempt():
    own = pairs(noisy(5))
    moved = [dataclasses.replace(m, attempt=int(m.process == 2)) for m in own.baseline.measurements]
    records = dataclasses.replace(
        own, baseline=dataclasses.replace(own.baseline, measurements=tuple(moved))
    )
    assert [pair[0].process for pair in records.pairs(CELL)] == [0, 1, 3, 4]


def test_a_pair_that_was_measured_again_later_comes_last():
    own = pairs(noisy(5))
    again = [
        tuple(
            dataclasses.replace(m, started="2026-11-22T00:00:00+00:00") if m.process == 1 else m
            for m in side.measurements
        )
        for side in own.both
    ]
    records = PairRecords(
        baseline=dataclasses.replace(own.baseline, measurements=again[0]),
        candidate=dataclasses.replace(own.candidate, measurements=again[1]),
        rules=Rules(),
    )
    assert [pair[0].process for pair in records.pairs(CELL)] == [0, 2, 3, 4, 1]


def marked(state, count, of=6):
    return [state] * count + ["ok"] * (of - count)


def in_states(own, *states):
    """The pairs with their processes in these states, baseline first."""
    lines = [
        tuple(
            dataclasses.replace(m, state=state)
            for m, state in zip(each.measurements, each_state, strict=True)
        )
        for each, each_state in zip(own.both, states, strict=True)
    ]
    return PairRecords(
        baseline=dataclasses.replace(own.baseline, measurements=lines[0]),
        candidate=dataclasses.replace(own.candidate, measurements=lines[1]),
        rules=own.rules,
    )


def test_a_look_at_lopsided_pairs_decides_nothing_and_a_later_one_may():
    own = pairs(noisy(8, 0.0, 0.001))
    five = in_states(pairs(noisy(5, 0.0, 0.001)), ["ok"] * 5, marked("unstable", 3, of=5))
    assert throughput(five).word == "INCONCLUSIVE"
    assert "did not settle" in throughput(five).reason
    assert not five.is_over(CELL)
    eight = throughput(in_states(own, ["ok"] * 8, marked("unstable", 3, of=8)))
    assert (eight.word, eight.baseline_processes) == ("PASS", 8)


def test_what_was_decided_stays_so_whatever_marks_come_later():
    own = pairs(noisy(12, 0.0, 0.001))
    found = throughput(in_states(own, ["ok"] * 12, ["ok"] * 5 + ["capped"] * 7))
    assert (found.word, found.baseline_processes) == ("PASS", 5)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [(0, 6, True), (6, 0, True), (6, 6, False), (0, 2, False), (3, 6, False)],
)
def test_a_mark_that_most_of_one_side_carries_leaves_times_open(old, new, said):
    own = pairs(noisy(6, 0.1, 0.001))
    records = in_states(own, marked("capped", old), marked("capped", new))
    assert (lopsided(records.pairs(CELL)) is not None) == said
    assert throughput(records).word == ("INCONCLUSIVE" if said else "REGRESSION")


def test_a_candidate_whose_losses_part_is_invalid():
    modes = ("fp32", "amp-bf16")
    parted = dataclasses.replace(PARITIES[1], losses=(5.0, 9.0, 20.0))
    records = PairRecords(
        baseline=side([0.1] * 5, "amp-bf16", modes=modes, parities=PARITIES),
        candidate=side([0.1] * 5, "amp-bf16", modes=modes, parities=(PARITIES[0], parted)),
        rules=Rules(),
    )
    found = compare_pairs(records)
    assert (found.verdict, found.exit_status) == ("INVALID", 6)
    assert records.is_over(records.names[1])


def test_a_figure_without_a_say_has_no_part_in_the_verdict():
    records = pairs(noisy(5, 0.0, 0.001), mode="fp32+compile", modes=("fp32+compile",),
                    compile_seconds=5.0, compile_cache="cold")  # fmt: skip
    found = {v.metric: v for v in compare_pairs(records).verdicts}
    assert not found["compile-seconds"].gated
    assert found["throughput"].gated


def test_that_no_difference_was_seen_is_said():
    assert "no difference between the sides was seen" in compare_pairs(pairs(noisy(5))).notes[0]


def test_a_figure_that_no_pair_has_is_said_not_to_be_judged():
    notes = compare_pairs(pairs(noisy(5), memory={})).notes
    assert "deit fp32: peak memory: not measured, and so not judged" in notes
    assert not any("not judged" in note for note in compare_pairs(pairs(noisy(5))).notes)


def test_pairs_that_were_begun_again_are_counted():
    own = pairs(noisy(5))
    again = [
        dataclasses.replace(
            side,
            measurements=tuple(
                dataclasses.replace(m, attempt=int(m.process in (1, 3))) for m in side.measurements
            ),
        )
        for side in own.both
    ]
    records = PairRecords(baseline=again[0], candidate=again[1], rules=Rules())
    assert "deit fp32: 2 pairs begun again" in compare_pairs(records).notes
    assert not any("begun again" in note for note in compare_pairs(own).notes)


def test_every_verdict_carries_the_means_of_its_pairs():
    records = pairs(noisy(8, 0.02, 0.03))
    figure = records.figures(CELL)[0]
    verdict = of_figure(figure)
    assert verdict.baseline == pytest.approx(80.0)
    assert verdict.candidate == pytest.approx(80.0 / (1 + verdict.effect))
