"""Claims of a CPU, of a CPU against a GPU, and of several GPUs."""

import dataclasses

import pytest

pytest.importorskip("pandas")
pytest.importorskip("scipy")

from gpubench.bench.job import Subject
from gpubench.gate.claims.devices import strategy_of
from tests.fakes.claims import A100, CPU, modes_record, swept
from tests.gate.claims.test_speed import NOWHERE, only

pytestmark = pytest.mark.torch


def vit(step, **changes):
    """ViT-Base at batch 8 on a CPU, its step of so many seconds."""
    return modes_record(
        {"fp32": step}, **{"suite": "deit", "shape": "vit", "device": CPU, "batch": 8, **changes}
    )


@pytest.mark.parametrize(
    ("step", "verdict"), [(8.0, "reproduced"), (2.0, "not reproduced"), (4.0, NOWHERE)]
)
def test_vit_base_is_held_against_two_images_a_second(step, verdict):
    found = only("F6 CPU", vit(step))
    assert found.verdict == verdict
    assert found.figure.value == pytest.approx(8 / step, rel=1e-2)


def test_one_process_is_too_few_and_of_a_rate_there_are_no_sides():
    assert only("F6 CPU", vit(8.0, processes=1)).reason == "1 process, 3 are needed"
    found = only("F6 CPU", vit(4.2, wiggle=(1.0, 1.05, 0.96)))
    assert found.verdict == NOWHERE
    assert "a side" not in found.reason


def test_another_batch_or_model_is_not_taken_for_it():
    for made in (vit(8.0, batch=16), vit(8.0, shape="deit")):
        assert not only("F6 CPU", made).shows


def test_a_gpu_says_nothing_of_a_cpu():
    found = only("F6 CPU", vit(0.02, device=A100))
    assert (found.verdict, found.reason) == (NOWHERE, "measured on a GPU")


def test_vit_base_that_ran_out_of_time_says_so():
    found = only("F6 CPU", vit(8.0, state="timed-out", reason="no answer after 1800 s"))
    assert found.verdict == NOWHERE
    assert "timed out: no answer after 1800 s" in found.reason


def on_gpu(seconds):
    return swept("batch-size=8,64", seconds, shape="vit")


def test_a_gpu_16_times_as_fast_as_the_cpu_reproduces_the_factor():
    found = only("F6 epoch", vit(8.0), on_gpu(lambda batch: batch / 100))
    assert found.verdict == "reproduced"
    assert found.figure.value == pytest.approx(100, rel=1e-2)
    assert found.against == "fp32 on A CPU"


def test_one_that_is_10_times_as_fast_does_not():
    found = only("F6 epoch", vit(8.0), on_gpu(lambda batch: batch / 10))
    assert found.verdict == "not reproduced"


def test_smoke_shapes_on_the_cpu_decide_no_factor():
    found = only("F6 epoch", vit(8.0, preset="smoke"), on_gpu(lambda batch: batch / 100))
    assert found.verdict == NOWHERE
    assert found.reason.startswith("smoke shapes")


def test_a_cpu_alone_or_a_gpu_alone_decides_no_factor():
    assert only("F6 epoch", vit(8.0)).reason == "no GPU"
    alone = only("F6 epoch", on_gpu(lambda batch: batch / 100))
    assert "no record holds" in alone.reason
    assert not alone.shows


def strategy(variant, share, *, device=A100, processes=3):
    """A run of one strategy whose GPUs were busy for a share of the time."""
    plain = modes_record(
        {"fp32": 0.1}, device=device, processes=processes, telemetry={"utilization": share}
    )
    (facts,) = plain.workloads.values()
    subject = Subject("bert-ner", variant)
    return dataclasses.replace(
        plain,
        header=dataclasses.replace(
            plain.header, plan=dataclasses.replace(plain.header.plan, variants=(variant,))
        ),
        workloads={subject: dataclasses.replace(facts, variant=variant)},
        measurements=tuple(dataclasses.replace(m, variant=variant) for m in plain.measurements),
    )


@pytest.mark.parametrize(
    ("name", "variant", "share", "verdict"),
    [
        ("F7 dp", "dp, 4 GPUs", 0.35, "reproduced"),
        ("F7 ddp", "ddp, 4 processes", 0.95, "reproduced"),
        ("F7 ddp", "ddp, 4 processes", 0.30, "not reproduced"),
    ],
)
def test_utilisation_is_held_against_40_percent(name, variant, share, verdict):
    assert only(name, strategy(variant, share)).verdict == verdict


def test_a_first_gpu_that_is_busy_says_nothing_of_the_others_it_works_for():
    found = only("F7 dp", strategy("dp, 4 GPUs", 0.60))
    assert found.verdict == NOWHERE
    assert "the first GPU alone was watched" in found.reason


def test_two_gpus_are_not_the_four_of_the_claim():
    found = only("F7 dp", strategy("dp, 2 GPUs", 0.35))
    assert (found.verdict, found.reason) == (NOWHERE, "the claim is of 4 GPUs, this is of 2")
    assert found.figure is not None


def test_without_a_gpu_the_strategies_decide_nothing():
    found = only("F7 ddp", strategy("ddp, 4 processes", 0.9, device=CPU))
    assert (found.verdict, found.reason) == (NOWHERE, "no GPU: it was measured on a CPU")


def test_a_gpu_that_nobody_watched_tells_no_utilisation():
    found = only("F7 dp", strategy("dp, 4 GPUs", None))
    assert (found.verdict, found.figure) == (NOWHERE, None)


@pytest.mark.parametrize(
    ("variant", "read"),
    [
        ("ddp, 4 processes", ("ddp", 4)),
        ("dp, 1 GPU", ("dp", 1)),
        ("single", (None, None)),
        ("ddpx", (None, None)),
        ("batch 8", (None, None)),
        ("ddp, many processes", ("ddp", None)),
    ],
)
def test_a_strategy_is_read_from_its_variant(variant, read):
    assert strategy_of(variant) == read
