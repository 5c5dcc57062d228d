"""Parity lets a mode's rounding through and nothing that trains differently, in both suites."""

import pytest

pytest.importorskip("timm")
pytest.importorskip("transformers")

from gpubench.bench import trajectories
from gpubench.bench.job import Job, Workload
from gpubench.bench.modes import mode_named
from gpubench.bench.parity import judge
from gpubench.bench.protocol import SMOKE
from gpubench.bench.record import ParityRun
from gpubench.suites import bert_ner, deit

pytestmark = pytest.mark.torch


def untouched(task):
    """Nothing is done to the task."""


def faster(task):
    task.learning_rate *= 1.2


def first_layer_frozen(task):
    for name, parameter in task.model.named_parameters():
        if "blocks.0." in name or "layer.0." in name:
            parameter.requires_grad_(False)


def run(suite, mode, sabotage=untouched):
    class Sabotaged:
        @staticmethod
        def build(workload, *, exact=False):
            task = suite.build(workload, exact=exact)
            sabotage(task)
            return task

    job = Job(
        kind="parity",
        suite_module=suite.__name__,
        workload=Workload(preset="smoke"),
        mode=mode_named(mode),
        protocol=SMOKE,
        device="cpu",
        scratch="/nowhere",
        parity_roundings=("bfloat16",),
    )
    result = trajectories.parity(job, Sabotaged, lambda *stage: None)
    return ParityRun(suite="s", mode=mode, **result)


@pytest.fixture(scope="module", params=[deit, bert_ner], ids=["deit", "bert-ner"])
def suite_and_reference(request):
    return request.param, run(request.param, "fp32")


def test_bfloat16_trains_the_same(suite_and_reference):
    suite, reference = suite_and_reference
    verdict = judge(reference, run(suite, "amp-bf16"), "bfloat16")
    assert verdict.holds, verdict


@pytest.mark.parametrize("sabotage", [faster, first_layer_frozen], ids=lambda f: f.__name__)
def test_what_trains_differently_does_not_pass_as_rounding(suite_and_reference, sabotage):
    suite, reference = suite_and_reference
    verdict = judge(reference, run(suite, "amp-bf16", sabotage), "bfloat16")
    assert not verdict.holds, verdict
