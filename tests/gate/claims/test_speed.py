"""Claims that a mode is faster than another, each broken in one way."""

import dataclasses

import pytest

pytest.importorskip("pandas")
pytest.importorskip("scipy")

from gpubench.gate.claims.judging import findings
from tests.fakes.claims import A100, CPU, H100, modes_record, parities_of
from tests.fakes.records import broken

pytestmark = pytest.mark.torch

NOWHERE = "not decidable here"


def only(name, *records):
    """The one finding of a claim."""
    (found,) = [each for each in findings(records) if each.claim.id == name]
    return found


def amp(step, **changes):
    """A record of float32 at 0.1 s and AMP at ``step``."""
    return modes_record({"fp32": 0.1, "amp-fp16": step}, **changes)


def test_amp_that_is_faster_by_more_than_claimed_is_reproduced():
    found = only("F1 speed", amp(0.06))
    assert found.verdict == "reproduced"
    assert found.figure.value == pytest.approx(1.667, rel=1e-3)
    assert 1.3 < found.figure.low < found.figure.high


def test_amp_that_is_hardly_faster_is_not_reproduced():
    assert only("F1 speed", amp(0.095)).verdict == "not reproduced"


def test_a_bound_within_the_interval_is_not_decidable_and_says_what_might_settle_it():
    found = only("F1 speed", amp(0.075, wiggle=(1.0, 1.04, 0.96)))
    assert found.verdict == NOWHERE
    assert "the bound lies within the interval: about" in found.reason
    assert "more processes a side might settle it" in found.reason


def test_two_processes_a_side_decide_nothing():
    found = only("F1 speed", amp(0.06, processes=2))
    assert found.verdict == NOWHERE
    assert found.reason == "2 processes, 3 are needed"
    assert found.figure is not None


def test_smoke_shapes_decide_nothing_and_the_figure_is_shown():
    found = only("F1 speed", amp(0.06, preset="smoke"))
    assert (found.verdict, found.reason) == (NOWHERE, "smoke shapes are not the model of the claim")
    assert found.figure.value > 1.6


def test_another_model_is_not_that_of_the_claim():
    other = amp(0.06)
    (facts,) = other.workloads.values()
    small = dataclasses.replace(facts, settings={**facts.settings, "layers": 2})
    found = only("F1 speed", dataclasses.replace(other, workloads={facts.subject: small}))
    assert (found.verdict, found.reason) == (NOWHERE, "the claim is of layers 12, this has 2")


def test_a_cpu_decides_nothing_about_a_gpu_and_its_figure_is_shown():
    found = only("F1 speed", amp(0.06, device=CPU))
    assert (found.verdict, found.is_met) == (NOWHERE, False)
    assert found.reason.startswith("no GPU")
    assert found.figure is not None


@pytest.mark.parametrize("state", ["invalid", "failed", "out-of-memory"])
def test_a_cell_without_a_figure_says_why(state):
    lines = [broken(state, "the reason of it", "amp-fp16")]
    lines = [dataclasses.replace(line, suite="bert-ner") for line in lines]
    found = only("F1 speed", modes_record({"fp32": 0.1}, lines=lines))
    assert found.verdict == NOWHERE
    assert "the reason of it" in found.reason
    assert found.figure is None


def test_a_figure_with_a_mark_decides_nothing():
    found = only("F1 speed", amp(0.06, state="capped", reason="application clocks"))
    assert found.verdict == NOWHERE
    assert found.is_shaky
    assert "clocks held" in found.reason


def test_a_mode_that_the_device_cannot_do_is_left_for_one_that_it_can():
    lines = [dataclasses.replace(broken("not-supported", "no bfloat16", "amp-bf16"),
                                 suite="bert-ner")]  # fmt: skip
    both = modes_record({"fp32": 0.1, "amp-fp16": 0.06}, lines=lines)
    assert only("F1 speed", both).mode == "amp-fp16"


def test_every_record_and_mode_that_can_decide_has_its_row():
    one = modes_record({"fp32": 0.1, "amp-fp16": 0.06, "amp-bf16": 0.095})
    smoke = amp(0.06, preset="smoke")
    found = [each for each in findings([smoke, one]) if each.claim.id == "F1 speed"]
    assert [(each.mode, each.verdict) for each in found] == [
        ("amp-fp16", "reproduced"),
        ("amp-bf16", "not reproduced"),
    ]


def test_a_run_from_files_is_not_taken_for_one_of_the_step_alone():
    found = only("F1 speed", amp(0.06, tier="end-to-end"))
    assert not found.shows
    assert "no record holds" in found.reason


def test_losses_that_stay_with_float32_reproduce_no_loss_of_accuracy():
    found = only("F1 accuracy", amp(0.06, parities=parities_of()))
    assert found.verdict == "reproduced"
    assert "≤" in found.said
    assert "over 3 steps" in found.said


def test_losses_that_part_do_not_and_take_the_speed_with_them():
    parted = amp(0.06, parities=parities_of(losses=(2.4, 2.4, 2.4)))
    assert only("F1 accuracy", parted).verdict == "not reproduced"
    speed = only("F1 speed", parted)
    assert speed.verdict == NOWHERE
    assert "parts from float32" in speed.reason


def test_losses_of_a_mode_that_was_not_what_it_says_prove_nothing():
    leaked = amp(0.06, parities=parities_of(), state="invalid", reason="float32 was TF32")
    found = only("F1 accuracy", leaked)
    assert found.verdict == NOWHERE
    assert "float32 was TF32" in found.reason


def test_a_mode_that_was_not_checked_says_so():
    found = only("F1 accuracy", amp(0.06))
    assert found.verdict == NOWHERE
    assert "not checked" in found.reason


@pytest.mark.parametrize(("step", "verdict"), [(0.05, "reproduced"), (0.07, "not reproduced")])
def test_nearly_twice_as_fast_is_1_8_times(step, verdict):
    assert only("F2", amp(step, suite="deit")).verdict == verdict


@pytest.mark.parametrize(
    ("name", "suite"), [("F3 BERT", "bert-ner"), ("F3 DeiT", "deit")], ids=["bert", "deit"]
)
def test_compiling_is_held_against_the_eager_mode_of_the_same_numerics(name, suite):
    steps = {"fp32": 0.2, "amp-fp16": 0.1, "amp-fp16+compile": 0.07}
    found = only(name, modes_record(steps, suite=suite))
    assert (found.verdict, found.against) == ("reproduced", "amp-fp16")
    slow = only(name, modes_record(steps | {"amp-fp16+compile": 0.09}, suite=suite))
    assert slow.verdict == "not reproduced"


def test_another_release_of_torch_than_the_claim_names_decides_nothing():
    newer = {**A100, "torch": "2.80.1"}
    steps = {"amp-fp16": 0.1, "amp-fp16+compile": 0.07}
    found = only("F3 BERT", modes_record(steps, device=newer))
    assert (found.verdict, found.reason) == (NOWHERE, "the claim is of torch 2.8, this is 2.80.1")


OVERHEAD = {"amp-fp16": 0.1, "amp-fp16+compile-overhead": 0.06}


def test_an_iteration_that_is_shorter_by_almost_40_percent_on_an_a100_is_reproduced():
    found = only("F4", modes_record(OVERHEAD))
    assert found.verdict == "reproduced"
    assert found.figure.value == pytest.approx(0.4, abs=0.01)


def test_an_iteration_that_may_be_longer_or_shorter_says_what_might_settle_it():
    found = only("F4", modes_record(OVERHEAD, wiggle=(1.0, 1.4, 0.7)))
    assert found.figure.low < 0.36 < found.figure.high
    assert found.verdict == NOWHERE


def test_one_that_is_hardly_shorter_is_not_reproduced():
    steps = OVERHEAD | {"amp-fp16+compile-overhead": 0.09}
    assert only("F4", modes_record(steps)).verdict == "not reproduced"


@pytest.mark.parametrize("name", ["NVIDIA H100 80GB HBM3", "NVIDIA A1000", "NVIDIA A10"])
def test_it_is_decided_on_an_a100_alone_and_shown_elsewhere(name):
    found = only("F4", modes_record(OVERHEAD, device={**H100, "name": name}))
    assert found.verdict == NOWHERE
    assert found.reason == f"the claim is of an A100, this is an {name}"
    assert found.figure is not None
