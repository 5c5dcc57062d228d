"""Photographs are learnt from, with and without a teacher; all chance follows from the seed."""

import contextlib
import dataclasses
import random

import pytest

pytest.importorskip("timm")
pytest.importorskip("torchvision")

import numpy
import timm
import torch

from gpubench.bench.feed import Feed
from gpubench.bench.job import Workload
from gpubench.bench.learning import checkpoint
from gpubench.bench.learning.asked import Training, Vision
from gpubench.errors import BadData, BadUsage
from gpubench.suites import deit_learner
from gpubench.suites.chances import chance_of
from gpubench.suites.teachers import Student
from tests.suites.test_images import picture, truncate

pytestmark = pytest.mark.torch

CPU = torch.device("cpu")


@pytest.fixture
def asked(tmp_path):
    for index in range(14):
        picture(tmp_path / "photos" / "ab"[index % 2] / f"{index}.jpg", seed=index)
    workload = Workload(
        preset="smoke", data=str(tmp_path / "photos"), image_size=32, batch_size=4,
        feed=Feed(workers=0),
    )  # fmt: skip
    return workload, Training(
        epochs=1, steps=None, checkpoint=str(tmp_path / "checkpoints"), stop=""
    )


def made(asked, tmp_path, **changes):
    workload, training = asked
    names = {f.name for f in dataclasses.fields(Workload)}
    vision = {f.name for f in dataclasses.fields(Vision)}
    own = {k: v for k, v in changes.items() if k in names}
    seen = {k: v for k, v in changes.items() if k in vision}
    rest = {k: v for k, v in changes.items() if k not in names | vision}
    training = dataclasses.replace(
        training, vision=dataclasses.replace(training.vision, **seen), **rest
    )
    return deit_learner.learner(dataclasses.replace(workload, **own), training, str(tmp_path))


def drawn(learner, epoch=0, start=0):
    return list(learner.epoch(epoch, start))


def same(left, right):
    return all(torch.equal(a["images"], b["images"]) and torch.equal(a["labels"], b["labels"])
               for a, b in zip(left, right, strict=True))  # fmt: skip


def test_batches_follow_from_the_epoch_whatever_else_was_drawn(asked, tmp_path):
    learner = made(asked, tmp_path)
    first = drawn(learner, 2)
    random.random(), numpy.random.rand(), torch.rand(1)
    assert same(first, drawn(learner, 2))
    assert same(first[1:], drawn(learner, 2, 1))
    assert not same(first, drawn(learner, 3))


def test_workers_make_the_very_same_batches(asked, tmp_path):
    alone = drawn(made(asked, tmp_path))
    assert same(alone, drawn(made(asked, tmp_path, feed=Feed(workers=2))))


def test_drawing_moves_no_generator_of_others():
    torch.manual_seed(1), random.seed(1), numpy.random.seed(1)
    expected = random.random(), numpy.random.rand(), torch.rand(1).item()
    torch.manual_seed(1), random.seed(1), numpy.random.seed(1)
    with chance_of("x", 3):
        inside = random.random(), numpy.random.rand(), torch.rand(1).item()
    with chance_of("x", 3):
        assert (random.random(), numpy.random.rand(), torch.rand(1).item()) == inside
    assert (random.random(), numpy.random.rand(), torch.rand(1).item()) == expected


@pytest.mark.parametrize("changes", [{}, {"mixup": 0.0, "cutmix": 0.0}])
def test_labels_are_shares_that_add_up(asked, tmp_path, changes):
    for batch in drawn(made(asked, tmp_path, **changes)):
        assert batch["images"].shape == (4, 3, 32, 32)
        assert torch.allclose(batch["labels"].sum(1), torch.ones(4))
        assert (batch["labels"] < 1).all()


def test_earlier_layers_take_smaller_steps(asked, tmp_path):
    rates = [group["lr"] for group in made(asked, tmp_path, layer_decay=0.5).parameter_groups()]
    assert max(rates) == 1e-3
    assert min(rates) == pytest.approx(1e-3 * 0.5**3)  # two blocks and the embedding
    flat = made(asked, tmp_path, layer_decay=1.0).parameter_groups()
    assert {group["lr"] for group in flat} == {1e-3}


def test_every_weight_is_in_one_group(asked, tmp_path):
    learner = made(asked, tmp_path)
    grouped = [id(p) for group in learner.parameter_groups() for p in group["params"]]
    assert sorted(grouped) == sorted(id(p) for p in learner.model.parameters())


def test_positions_and_tokens_are_not_decayed(asked, tmp_path):
    learner = made(asked, tmp_path)
    decayed = {id(p) for g in learner.parameter_groups() if g["weight_decay"] for p in g["params"]}
    named = dict(learner.model.classifier.named_parameters())
    assert not {id(named["pos_embed"]), id(named["cls_token"])} & decayed
    assert id(named["head.weight"]) in decayed


def test_a_learning_rate_of_zero_is_one(asked, tmp_path):
    learner = made(asked, tmp_path, learning_rate=0.0)
    assert {group["lr"] for group in learner.parameter_groups()} == {0.0}


def test_photographs_that_cannot_be_read_are_left_out_and_named(asked, tmp_path):
    truncate(tmp_path / "photos" / "a" / "0.jpg")
    learner = made(asked, tmp_path)
    assert learner.survey["images_unreadable"] == 1
    assert learner.survey["images"] + learner.survey["validation_images"] == 13
    assert "0.jpg" in learner.survey["unreadable"][0]
    again = made(asked, tmp_path, resume=True)
    assert again.fingerprint == learner.fingerprint


def test_top_1_counts_what_is_right(asked, tmp_path):
    learner = made(asked, tmp_path)
    learner.model.classifier.forward = lambda images: torch.tensor([[1.0, 0.0]] * len(images))
    found = learner.evaluate(CPU, contextlib.nullcontext)
    of_a = sum(image.label == 0 for image in learner._found.judged)
    assert found["scores"]["top1"] == of_a / found["items"]
    recalls = {row["name"]: row["recall"] for row in found["by_type"] if row["support"]}
    assert recalls == {name: float(name == "a") for name in recalls}


def test_a_class_that_was_never_trained_is_refused(asked, tmp_path):
    picture(tmp_path / "other" / "c" / "1.jpg", seed=1)
    with pytest.raises(BadData, match="--data has no class c"):
        made(asked, tmp_path, validation=str(tmp_path / "other"))


def test_labels_of_validation_are_matched_by_name(asked, tmp_path):
    picture(tmp_path / "other" / "b" / "1.jpg", seed=1)
    learner = made(asked, tmp_path, validation=str(tmp_path / "other"))
    assert [image.label for image in learner._found.judged] == [1]


def kept(learner, folder):
    return checkpoint.write(
        folder,
        checkpoint.State(
            fingerprint=learner.fingerprint, step=1, model=learner.model.state_dict(),
            optimizer={}, scheduler={}, scaler=None, epoch_losses=(0.0, 0),
        ),
        kept=1,
    )  # fmt: skip


@pytest.mark.parametrize("distillation", ["soft", "hard"])
def test_a_student_learns_from_a_teacher_that_stays_as_it_was(asked, tmp_path, distillation):
    teacher = kept(made(asked, tmp_path), tmp_path / "teacher")
    learner = made(asked, tmp_path, distillation=distillation, teacher=str(teacher))
    assert learner.settings["model"] == "deit_tiny_distilled_patch16_224"
    assert not any("teacher" in name for name in learner.model.state_dict())
    before = [p.clone() for p in learner.model._teacher[0].parameters()]
    optimizer = torch.optim.AdamW(learner.parameter_groups(), lr=1e-3)
    (batch, *_) = drawn(learner)
    learner.model.train()
    losses = []
    for _ in range(6):
        optimizer.zero_grad()
        loss = learner.model(**batch)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < losses[0]
    assert learner.model.classifier.head_dist.weight.grad is not None
    assert all(map(torch.equal, before, learner.model._teacher[0].parameters()))
    assert not learner.model._teacher[0].training


def test_what_a_teacher_says_is_in_the_loss():
    class Two(torch.nn.Module):
        def set_distilled_training(self, enable):
            pass

        def forward(self, images):
            return torch.zeros(2, 3), torch.tensor([[9.0, 0, 0]] * 2)

    class Says(torch.nn.Module):
        def __init__(self, number):
            super().__init__()
            self.number = number

        def forward(self, images):
            return 9.0 * torch.nn.functional.one_hot(torch.tensor([self.number] * 2), 3)

    batch = {"images": torch.zeros(2, 3, 4, 4), "labels": torch.eye(3)[:2]}
    for distillation in ("soft", "hard"):
        agrees, differs = (
            Student(Two(), distillation=distillation, teacher=Says(number))(**batch).item()
            for number in (0, 1)
        )
        assert agrees < differs


@pytest.mark.parametrize(
    ("changes", "said", "error"),
    [
        ({"distillation": "hard"}, "needs --teacher", BadUsage),
        ({"distillation": "hard", "teacher": "deit_tiny_patch16_224"}, "untrained", BadUsage),
        ({"rand_augment": "no-such-policy"}, "--rand-augment no-such-policy: ", BadUsage),
        ({"batch_size": 1}, "two images at least", BadUsage),
    ],
)
def test_what_cannot_be_learnt_is_refused(asked, tmp_path, changes, said, error):
    with pytest.raises(error, match=said):
        made(asked, tmp_path, **changes)


def test_a_teacher_of_other_classes_is_refused(asked, tmp_path):
    teacher = kept(made(asked, tmp_path), tmp_path / "teacher")
    picture(tmp_path / "photos" / "c" / "1.jpg", seed=1)
    with pytest.raises(BadData, match="other classes"):
        made(asked, tmp_path, distillation="hard", teacher=str(teacher))


def test_a_teacher_that_timm_cannot_build_is_refused(asked, tmp_path):
    teacher = kept(made(asked, tmp_path), tmp_path / "teacher")
    content = torch.load(teacher, weights_only=True)
    content["fingerprint"]["model"] = "resnet18"
    torch.save(content, teacher)
    with pytest.raises(BadData, match="does not fit resnet18"):
        made(asked, tmp_path, distillation="hard", teacher=str(teacher))


def test_a_model_without_a_distillation_token_has_no_teacher(asked, tmp_path):
    teacher = kept(made(asked, tmp_path), tmp_path / "teacher")
    with pytest.raises(BadUsage, match="no distillation token"):
        made(asked, tmp_path, distillation="hard", teacher=str(teacher),
             model="vit_tiny_patch16_224")  # fmt: skip


def test_timm_has_the_distilled_variants():
    assert timm.is_model("deit_small_distilled_patch16_224")
