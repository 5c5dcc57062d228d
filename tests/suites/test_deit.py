"""The DeiT suite builds timm's models and their batches."""

import pytest

pytest.importorskip("timm")

import torch

from gpubench.bench.job import Workload
from gpubench.errors import BadUsage, UnknownName
from gpubench.suites import deit

pytestmark = pytest.mark.torch

SMOKE = Workload(preset="smoke")


def test_standard_is_deit_small_at_224_with_a_thousand_classes():
    with torch.device("meta"):
        task = deit.build(Workload(preset="standard"))
    assert sum(p.numel() for p in task.model.parameters()) == 22_050_664
    assert (task.settings["image_size"], task.settings["layers"], task.batch_size) == (224, 12, 32)


@pytest.mark.parametrize(
    "model",
    ["deit_tiny_patch16_224", "deit_base_patch16_224", "deit_small_distilled_patch16_224"],
)
def test_its_sisters_train_as_well(model):
    task = deit.build(Workload(preset="smoke", model=model, batch_size=2, image_size=32))
    loss = task.model(**next(task.batches()))
    loss.backward()
    assert loss.shape == ()
    assert torch.isfinite(loss)


def test_the_seed_fixes_weights_and_batches():
    def first():
        task = deit.build(SMOKE)
        return float(task.model(**next(task.batches())).detach())

    assert first() == first()


def test_the_meta_batch_has_the_shapes_of_a_real_one():
    task = deit.build(SMOKE)
    real = {name: tuple(tensor.shape) for name, tensor in next(task.batches()).items()}
    assert {name: tuple(t.shape) for name, t in task.meta_batch().items()} == real


def test_exact_switches_everything_random_off():
    task = deit.build(SMOKE, exact=True)
    batch = next(task.batches())
    task.model.train()
    assert float(task.model(**batch).detach()) == float(task.model(**batch).detach())


def test_an_unknown_model_brings_the_nearest():
    with pytest.raises(UnknownName, match="deit_small_patch16_224"):
        deit.build(Workload(preset="smoke", model="deit_smal_patch16_224"))


def test_a_model_that_takes_no_image_size_is_refused_in_one_line():
    with pytest.raises(BadUsage, match="timm cannot build resnet18 at 96 pixels") as caught:
        deit.build(Workload(preset="smoke", model="resnet18"))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("model", "size", "tokens"),
    [("deit_tiny_patch16_224", 224, 197), ("deit_tiny_distilled_patch16_224", 96, 38)],
)
def test_the_tokens_an_image_becomes_are_counted(model, size, tokens):
    task = deit.build(Workload(preset="smoke", model=model, image_size=size))
    assert task.settings["tokens"] == tokens
