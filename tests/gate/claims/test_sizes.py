"""Claims of batch sizes and lengths, each broken in one way."""

import dataclasses

import pytest

pytest.importorskip("pandas")
pytest.importorskip("scipy")

from tests.fakes.claims import CPU, swept
from tests.gate.claims.test_speed import NOWHERE, only

pytestmark = pytest.mark.torch

BATCHES = "batch-size=8,16,32,64"
LENGTHS = "sequence-length=128,256,512,1024"


def vit(seconds, text=BATCHES, **changes):
    return swept(text, seconds, shape="vit", **changes)


def bert_at_512(peak, text="batch-size=2,4,8,16", **changes):
    made = swept(text, lambda batch: 0.01 * batch, peak=peak, **changes)
    facts = {
        subject: dataclasses.replace(each, settings={**each.settings, "sequence_length": 512})
        for subject, each in made.workloads.items()
    }
    return dataclasses.replace(made, workloads=facts)


def test_a_larger_batch_that_gains_is_reproduced():
    found = only("F6 batch", vit(lambda batch: 0.01 + 0.001 * batch))
    assert found.verdict == "reproduced"
    assert found.figure.low > 1


def test_one_that_loses_is_not_reproduced():
    assert only("F6 batch", vit(lambda batch: 0.001 * batch**1.1)).verdict == "not reproduced"


def test_one_that_gains_nothing_lies_on_the_bound():
    found = only("F6 batch", vit(lambda batch: 0.001 * batch))
    assert (found.verdict, found.reason) == (
        NOWHERE,
        "the bound lies within the interval, and more processes would hardly settle it",
    )


def test_a_sweep_without_the_batches_of_the_claim_is_not_taken_for_it():
    found = only("F6 batch", vit(lambda batch: 0.01, text="batch-size=16,32"))
    assert "no record holds what the part 'batch' measures" in found.reason


def test_another_architecture_is_not_taken_for_it():
    found = only("F6 batch", swept(BATCHES, lambda batch: 0.01, shape="deit"))
    assert not found.shows


def test_a_batch_that_did_not_fit_gains_nothing():
    def failing(mode, value):
        return ("out-of-memory", "no room", None) if value == 64 else None

    found = only("F6 batch", vit(lambda batch: 0.01, failing=failing))
    assert found.verdict == NOWHERE
    assert "out of memory: no room" in found.reason


def test_a_cpu_does_not_decide_what_a_batch_gains_on_a_gpu():
    found = only("F6 batch", vit(lambda batch: 0.01 + 0.001 * batch, device=CPU))
    assert found.verdict == NOWHERE
    assert found.figure is not None


@pytest.mark.parametrize(
    ("per_sample", "verdict"),
    [(1.1e9, "reproduced"), (1.1 * 2**30, "reproduced"), (0.6e9, "not reproduced")],
)
def test_memory_per_sample_is_the_slope_of_the_peaks(per_sample, verdict):
    found = only("F8 memory", bert_at_512(lambda batch: 2e9 + per_sample * batch))
    assert found.verdict == verdict
    assert found.figure.value == pytest.approx(per_sample, rel=1e-6)


def test_peaks_that_are_no_line_leave_the_bound_within_the_interval():
    found = only("F8 memory", bert_at_512(lambda batch: 2e9 + 0.04e9 * batch**2.2))
    assert found.verdict == NOWHERE
    assert "more batch sizes might settle it" in found.reason


def test_two_batch_sizes_have_no_interval():
    found = only("F8 memory", bert_at_512(lambda batch: 1e9 * batch, text="batch-size=8,16"))
    assert (found.verdict, found.reason) == (NOWHERE, "2 batch sizes with a peak, 3 are needed")


def test_another_length_is_not_that_of_the_claim():
    found = only("F8 memory", swept("batch-size=2,4,8,16", lambda batch: 1.0))
    assert found.reason == "the claim is of sequence length 512, this has 128"


def test_the_memory_of_a_cpu_process_decides_nothing():
    found = only("F8 memory", bert_at_512(lambda batch: 2e9 + 1.1e9 * batch, device=CPU))
    assert found.verdict == NOWHERE
    assert found.reason.startswith("no GPU")


def test_batches_that_were_trained_fit_the_card():
    found = only("F8 fit", bert_at_512(lambda batch: batch * 2**30))
    assert found.verdict == "reproduced"
    assert found.said == "batch 8: 8.00 GiB; batch 16: 16.0 GiB"


def at_16(state):
    return lambda mode, value: (state, "why", None) if value == 16 else None


def test_a_batch_that_ran_out_of_memory_does_not():
    found = only("F8 fit", bert_at_512(lambda batch: batch, failing=at_16("out-of-memory")))
    assert found.verdict == "not reproduced"
    assert found.said.endswith("batch 16: out of memory")


def test_a_batch_that_broke_for_another_reason_tells_nothing():
    found = only("F8 fit", bert_at_512(lambda batch: batch, failing=at_16("failed")))
    assert (found.verdict, found.reason) == (NOWHERE, "fp32: failed: why")


def test_a_run_that_ended_before_batch_16_tells_nothing():
    made = bert_at_512(lambda batch: batch)
    kept = {s: facts for s, facts in made.workloads.items() if facts.batch_size < 16}
    found = only("F8 fit", dataclasses.replace(made, workloads=kept))
    assert "no record holds" in found.reason


def quadratic(part):
    """Steps of which a part grows with the square: seconds against tokens."""
    return lambda length: 0.01 + 1e-4 * length + part * length**2


def test_a_quadratic_part_that_is_seen_is_reproduced_on_a_cpu_too():
    for device in (CPU, {**CPU, "type": "cuda"}):
        found = only("F9", swept(LENGTHS, quadratic(1e-7), device=device))
        assert found.verdict == "reproduced"
        assert 0 < found.figure.low < found.figure.value < found.figure.high <= 1


def test_steps_that_grow_with_the_length_alone_are_not():
    assert only("F9", swept(LENGTHS, quadratic(0.0))).verdict == "not reproduced"


def test_too_small_a_part_cannot_be_told_from_none():
    found = only("F9", swept("sequence-length=128,136,144", quadratic(1e-9)))
    assert found.verdict == NOWHERE
    assert "both fit the times up to 144 tokens" in found.reason
    assert found.figure.low >= 0
    assert found.figure.high <= 1


def test_two_lengths_have_no_quadratic_part():
    found = only("F9", swept("sequence-length=128,512", quadratic(1e-7)))
    assert (found.verdict, found.reason) == (NOWHERE, "2 lengths timed, 3 are needed")


def test_smoke_shapes_show_a_part_and_decide_nothing():
    found = only("F9", swept(LENGTHS, quadratic(1e-7), preset="smoke"))
    assert found.verdict == NOWHERE
    assert found.reason.startswith("smoke shapes")
    assert found.figure is not None


def test_two_processes_a_length_decide_nothing():
    made = swept(LENGTHS, quadratic(1e-7))
    two = tuple(m for m in made.measurements if m.process < 2)
    found = only("F9", dataclasses.replace(made, measurements=two))
    assert found.reason == "2 processes, 3 are needed"
