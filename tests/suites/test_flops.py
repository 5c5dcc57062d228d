"""The operations of a step are those a hand counts: forward and backward, nothing twice."""

import pytest

pytest.importorskip("timm")
pytest.importorskip("transformers")

from gpubench.bench.child import _step_flops
from gpubench.bench.job import Workload
from gpubench.suites import bert_ner, deit

pytestmark = pytest.mark.torch


def layers(depth, width, inner, tokens):
    """Multiply-adds of a transformer's layers for one sample: four projections and the two of the
    inner layer, then queries by keys and weights by values.
    """
    return depth * (tokens * (4 * width**2 + 2 * width * inner) + 2 * tokens**2 * width)


def test_deit_is_counted_as_by_hand():
    # deit_tiny at 96 px: 36 patches of 768 values and a class token; the patch layer needs no
    # gradient of the images
    whole, patches, head = layers(2, 192, 768, 37), 36 * 768 * 192, 192 * 10
    assert _step_flops(deit, Workload(preset="smoke")) == 8 * 2 * (
        3 * whole + 2 * patches + 3 * head
    )


def test_bert_is_counted_as_by_hand():
    workload = Workload(preset="smoke", sequence_length=64, batch_size=4)
    task = bert_ner.build(workload, exact=True)
    config = task.model.tagger.config
    whole = layers(config.num_hidden_layers, config.hidden_size, config.intermediate_size, 64)
    head = 64 * config.hidden_size * task.settings["labels"]
    assert _step_flops(bert_ner, workload) == 4 * 2 * 3 * (whole + head)
