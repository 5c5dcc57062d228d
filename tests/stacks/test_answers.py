"""What the stacks are judged by finds each fault that is done to a good answer."""

import math

import pytest

from gpubench.bench.job import Job, Workload
from gpubench.bench.modes import mode_named
from gpubench.bench.protocol import SMOKE
from tests.stacks.answers import faults

MEASURED = {
    "state": "ok",
    "reason": None,
    "losses": [2.0, 1.0],
    "step_seconds": [0.1] * SMOKE.window_min_steps,
    "window_seconds": 1.5,
    "effective": {
        "float32": "ieee",
        "convolution": "ieee",
        "autocast": "bfloat16",
        "graphs_compiled": 1,
    },
    "profile": {"operators_per_step": 100},
}
DESCRIBED = {"parameters": 1, "step_flops": 1, "soak_steps": 1}
FOLLOWED = {"state": "ok", "reason": None, "losses": [1.0] * SMOKE.parity_steps}


def job(kind, mode="amp-bf16+compile"):
    return Job(
        kind=kind,
        suite_module="none",
        workload=Workload(preset="smoke"),
        mode=mode_named(mode),
        protocol=SMOKE,
        device="cpu",
        scratch="/nowhere",
    )


@pytest.mark.parametrize(
    ("kind", "answer"), [("describe", DESCRIBED), ("measure", MEASURED), ("parity", FOLLOWED)]
)
def test_a_good_answer_has_no_fault(kind, answer):
    assert faults(job(kind), answer) == []


@pytest.mark.parametrize(
    ("kind", "answer", "words"),
    [
        ("describe", {"state": "failed", "reason": "no torch"}, "failed: no torch"),
        ("describe", DESCRIBED | {"step_flops": None}, "could not be counted"),
        ("describe", DESCRIBED | {"soak_steps": 0}, "nothing was trained"),
        ("measure", {"state": "invalid", "reason": "TF32"}, "invalid: TF32"),
        ("measure", MEASURED | {"losses": [1.0, None]}, "not finite"),
        ("measure", MEASURED | {"losses": [1.0, math.nan]}, "not finite"),
        ("measure", MEASURED | {"losses": []}, "0 losses"),
        ("measure", MEASURED | {"step_seconds": [0.1]}, "a window of 1 steps"),
        ("measure", MEASURED | {"window_seconds": 0.0}, "took no time"),
        ("measure", MEASURED | {"profile": {"unread": "boom"}}, "boom"),
        ("parity", FOLLOWED | {"losses": [1.0]}, "1 losses where 6"),
    ],
)
def test_a_fault_is_named(kind, answer, words):
    found = faults(job(kind), answer)
    assert len(found) == 1
    assert words in found[0]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"float32": "tf32"}, "float32 is tf32"),
        ({"convolution": "tf32"}, "convolution is tf32"),
        ({"autocast": "float32"}, "autocast is float32"),
        ({"graphs_compiled": 0}, "0 graphs"),
    ],
)
def test_an_effect_that_is_not_the_modes_is_named(change, words):
    found = faults(job("measure"), MEASURED | {"effective": {**MEASURED["effective"], **change}})
    assert len(found) == 1
    assert words in found[0]


def test_an_eager_mode_that_compiled_is_a_fault():
    found = faults(job("measure", "amp-bf16"), MEASURED)
    assert found == ["1 graphs were compiled in amp-bf16"]
