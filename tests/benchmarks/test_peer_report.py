"""A peer is beaten, or not, only where all of the interval says so."""

import dataclasses
import json

import pytest

pytest.importorskip("scipy")

from benchmarks.peer_report import Asked, verdicts, written

ASKED = Asked(suite="deit", mode="fp32", peer="loop", peer_mode="tf32", must="not slower")
FACTS = {
    "device": {"name": "a GPU", "threads": 2, "torch": "2.9"},
    "settings": {"layers": 2},
    "parameters": 1_000_000,
    "batch_size": 8,
}


def process(name, mode, number, rate, state="ok"):
    return {
        "suite": "deit",
        "name": name,
        "mode": mode,
        "round": number,
        "state": state,
        "reason": None if state in ("ok", "unstable") else "it broke",
        "samples": rate * 4,
        "window_seconds": 4.0,
        "facts": {},
    }


def record(ratios, *, must="not slower", states=("ok",)):
    """Rounds in which gpubench does so many times the peer's 100 samples per second."""
    states = [*states, *["ok"] * len(ratios)]
    processes = [
        process(*who, number, rate, state)
        for number, (ratio, state) in enumerate(zip(ratios, states, strict=False))
        for who, rate, state in (
            (("gpubench", "fp32"), 100 * ratio, state),
            (("loop", "tf32"), 100, "ok"),
            (("loop", "fp32"), 1, "ok"),
        )
    ]
    asked = dataclasses.replace(ASKED, must=must)
    return {
        "pairs": len(ratios),
        "preset": "smoke",
        "window_min_seconds": 5.0,
        "suites": {"deit": FACTS},
        "questions": [dataclasses.asdict(asked)],
        "processes": processes,
    }


@pytest.mark.parametrize(
    ("ratios", "must", "words"),
    [
        ((1.0, 1.01, 0.99, 1.0), "not slower", "not slower"),
        ((0.9, 0.91, 0.89, 0.9), "not slower", "SLOWER"),
        ((0.7, 1.3, 0.8, 1.2), "not slower", "inconclusive"),
        ((1.5, 1.51, 1.49, 1.5), "faster", "faster"),
        ((1.0, 1.01, 0.99, 1.0), "faster", "inconclusive"),
        ((0.9, 0.91, 0.89, 0.9), "faster", "NOT faster"),
        ((1.5, 1.5), "faster", "inconclusive"),
        ((1.5,), "faster", "inconclusive"),
        ((), "faster", "inconclusive"),
    ],
)
def test_an_answer_is_given_only_where_the_whole_interval_gives_it(ratios, must, words):
    assert [verdict.words for verdict in verdicts(record(ratios, must=must))] == [words]


def test_a_ratio_is_taken_within_a_round():
    drifting = record((1.0, 1.0, 1.0))
    for found in drifting["processes"]:
        found["samples"] *= 2 ** found["round"]
    assert verdicts(drifting)[0].ratio.value == pytest.approx(1.0)
    assert verdicts(drifting)[0].ratio.high == pytest.approx(1.0)


def test_a_pair_with_a_failed_process_is_left_out_and_named():
    broken = record((0.1, 1.0, 1.0, 1.0), states=("invalid",))
    verdict = verdicts(broken)[0]
    assert verdict.pairs == 3
    assert verdict.words == "not slower"
    assert "Left out of deit fp32: gpubench: it broke" in written(broken)


def test_windows_that_had_not_settled_count_and_are_mentioned():
    unsettled = record((1.0, 1.0, 1.0), states=("unstable",))
    assert verdicts(unsettled)[0].pairs == 3
    assert "1 began before step times had settled" in written(unsettled)


def test_an_interval_too_wide_to_mean_anything_is_not_printed_as_a_figure():
    page = written(record((0.1, 10.0, 0.1, 10.0)))
    assert "~1 |" in page.replace("~1.0 |", "~1 |")


def test_the_page_is_the_same_from_the_record_as_it_was_stored():
    found = record((1.0, 1.01, 0.99))
    assert written(json.loads(json.dumps(found))) == written(found)
