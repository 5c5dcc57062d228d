"""A training that was stopped, or killed, goes on to the very same bits."""

import dataclasses
import os

import pytest

pytest.importorskip("torch")

import torch

from gpubench.bench.job import Job, Workload
from gpubench.bench.learning import checkpoint, loop
from gpubench.bench.learning.asked import Training
from gpubench.bench.modes import Mode, mode_named
from gpubench.bench.protocol import SMOKE
from gpubench.errors import BadUsage, UnwritableOutput
from tests.fakes import learning

pytestmark = pytest.mark.torch

TRAINING = Training(
    epochs=4, steps=None, checkpoint="", stop="", report_every=3, checkpoint_every=7, kept=2
)


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    """Reading the mode back takes a second, and is proven where it is written."""
    monkeypatch.setattr(loop, "read_back", lambda mode, device: {})
    monkeypatch.setattr(loop, "mismatches", lambda *_: [])


class Told:
    """What the parent would be told."""

    def __init__(self):
        self.lines = []

    def __call__(self, stage, done, of):
        pass

    def tell(self, kind, **content):
        self.lines.append({"kind": kind, **content})

    def of(self, kind):
        return [line for line in self.lines if line["kind"] == kind]


def trained(folder, fault=None, mode="fp32", **changes):
    training = dataclasses.replace(
        TRAINING, checkpoint=str(folder), stop=str(folder / "stop"), **changes
    )
    job = Job(
        kind="train", suite_module="tests.fakes.learning", mode=mode_named(mode), protocol=SMOKE,
        workload=Workload(preset="smoke", model=fault), device="cpu", scratch=str(folder),
        training=training,
    )  # fmt: skip
    told = Told()
    return loop.train(job, learning, told), told


def state(folder):
    path = checkpoint.newest(folder)
    return torch.load(path, weights_only=True)


def same(left, right):
    if isinstance(left, torch.Tensor):
        return torch.equal(left, right)
    if isinstance(left, dict):
        return left.keys() == right.keys() and all(same(left[k], right[k]) for k in left)
    if isinstance(left, list | tuple):
        return len(left) == len(right) and all(map(same, left, right))
    return left == right


@pytest.mark.parametrize("schedule", ["constant", "cosine"])
def test_a_training_that_was_stopped_goes_on_to_the_same_bits(tmp_path, schedule):
    whole, told = trained(tmp_path / "whole", schedule=schedule)
    stopped, before = trained(tmp_path / "parts", "stops", schedule=schedule)
    assert (stopped["state"], stopped["step"]) == ("interrupted", 9)
    assert stopped["weights"] != whole["weights"]
    (tmp_path / "parts" / "stop").unlink()
    again, after = trained(tmp_path / "parts", schedule=schedule, resume=True)
    assert (again["state"], again["step"], whole["step"]) == ("ok", 20, 20)
    assert again["weights"] == whole["weights"]
    assert same(state(tmp_path / "parts"), state(tmp_path / "whole"))
    losses = [loss for t in (before, after) for line in t.of("loss") for loss in line["losses"]]
    assert losses == [loss for line in told.of("loss") for loss in line["losses"]]
    means = [line["mean_loss"] for t in (before, after) for line in t.of("epoch")]
    assert means == pytest.approx([line["mean_loss"] for line in told.of("epoch")])


@pytest.mark.parametrize("steps", range(1, 12))
def test_it_may_end_after_any_step(tmp_path, steps):
    whole, _ = trained(tmp_path / "whole", epochs=None, steps=12)
    trained(tmp_path / "parts", epochs=None, steps=steps)
    again, _ = trained(tmp_path / "parts", epochs=None, steps=12, resume=True)
    assert again["weights"] == whole["weights"]


def test_the_bits_do_depend_on_chance(tmp_path, monkeypatch):
    """The proof above could not fail if dropout drew nothing, or if nothing restored it."""
    whole, _ = trained(tmp_path / "whole")
    trained(tmp_path / "parts", epochs=2)
    monkeypatch.setattr(checkpoint, "_set_chance", lambda *_: torch.manual_seed(1))
    again, _ = trained(tmp_path / "parts", resume=True)
    assert again["weights"] != whole["weights"]


def test_amp_goes_on_to_the_same_bits(tmp_path):
    whole, _ = trained(tmp_path / "whole", mode="amp-bf16")
    trained(tmp_path / "parts", mode="amp-bf16", epochs=2)
    again, _ = trained(tmp_path / "parts", mode="amp-bf16", resume=True)
    assert again["weights"] == whole["weights"]


def test_a_scaler_is_kept_and_taken_up(tmp_path, monkeypatch):
    monkeypatch.setattr(loop.cuda, "unsupported", lambda mode, device: None)
    whole, _ = trained(tmp_path / "whole", mode="amp-fp16")
    trained(tmp_path / "parts", mode="amp-fp16", epochs=2)
    again, _ = trained(tmp_path / "parts", mode="amp-fp16", resume=True)
    kept = state(tmp_path / "parts")["scaler"]
    assert kept == state(tmp_path / "whole")["scaler"]
    assert (kept["scale"], kept["_growth_tracker"]) != (65536.0, 0)
    assert again["weights"] == whole["weights"]


def test_skipped_steps_are_counted_on_where_it_was(tmp_path, monkeypatch):
    monkeypatch.setattr(loop.cuda, "unsupported", lambda mode, device: None)
    _, whole = trained(tmp_path / "whole", mode="amp-fp16")
    trained(tmp_path / "parts", mode="amp-fp16", epochs=2)
    _, again = trained(tmp_path / "parts", mode="amp-fp16", resume=True)
    skipped = [told.of("loss")[-1]["skipped_steps"] for told in (whole, again)]
    assert skipped[0] == skipped[1] >= 0


def test_only_so_many_checkpoints_stay(tmp_path):
    trained(tmp_path)
    assert sorted(p.name for p in tmp_path.glob("step-*")) == [
        "step-00000015.pt", "step-00000020.pt"]  # fmt: skip


def test_a_loss_that_is_no_number_ends_it_and_is_never_kept(tmp_path):
    answer, _ = trained(tmp_path, "nan")
    assert (answer["state"], answer["reason"]) == ("invalid", "the loss became nan at step 7")
    assert checkpoint.newest(tmp_path).name == "step-00000005.pt"


def test_a_folder_with_checkpoints_is_not_trained_over(tmp_path):
    trained(tmp_path, epochs=1)
    with pytest.raises(BadUsage, match="add --resume"):
        trained(tmp_path)


def test_a_folder_with_checkpoints_is_refused_before_a_learner_can_write_there(
    tmp_path, monkeypatch
):
    trained(tmp_path, epochs=1)
    monkeypatch.setattr(learning, "learner", lambda *given: pytest.fail("a learner was made"))
    with pytest.raises(BadUsage, match="add --resume"):
        trained(tmp_path)


@pytest.mark.parametrize("place", ["checkpoint", "export"])
def test_a_place_that_takes_no_file_is_refused_before_anything_is_trained(
    tmp_path, monkeypatch, place
):
    (tmp_path / "file").touch()
    monkeypatch.setattr(learning, "learner", lambda *given: pytest.fail("a learner was made"))
    folder = tmp_path / ("file" if place == "checkpoint" else "new")
    export = str(tmp_path / "file" / "model.pt2") if place == "export" else None
    with pytest.raises(UnwritableOutput, match=r"cannot write .*: Not a directory"):
        trained(folder, export=export)
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_a_folder_that_may_not_be_written_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "access", lambda path, how: False)
    with pytest.raises(UnwritableOutput, match="Permission denied"):
        trained(tmp_path / "new")


def test_going_on_where_nothing_is_begins_at_the_beginning(tmp_path):
    answer, told = trained(tmp_path, epochs=1, resume=True)
    assert (answer["state"], told.of("facts")[0]["first_step"]) == ("ok", 0)


def test_fewer_steps_than_there_are_is_refused(tmp_path):
    trained(tmp_path, epochs=2)
    with pytest.raises(BadUsage, match="has 10 steps already, more than the 5"):
        trained(tmp_path, epochs=1, resume=True)


def test_a_checkpoint_of_another_model_is_not_comparable(tmp_path):
    trained(tmp_path, epochs=1)
    answer, _ = trained(tmp_path, "wide", epochs=2, resume=True)
    assert answer["state"] == "not-comparable"
    assert "does not fit this model" in answer["reason"]
    assert "\n" not in answer["reason"]


def test_a_checkpoint_of_another_training_names_what_differs(tmp_path, monkeypatch):
    trained(tmp_path, epochs=1)
    plain = learning.Learner.__init__

    def other(self, workload, training):
        plain(self, workload, training)
        self.fingerprint = {"suite": "fake", "seed": 7}

    monkeypatch.setattr(learning.Learner, "__init__", other)
    answer, _ = trained(tmp_path, epochs=2, resume=True)
    assert answer["state"] == "not-comparable"
    assert "seed 20240601 there, 7 here" in answer["reason"]


def test_a_mode_the_device_cannot_do_is_not_trained(tmp_path):
    answer, _ = trained(tmp_path, mode="tf32")
    assert answer["state"] == "not-supported"


def test_a_precision_that_is_not_the_modes_ends_it_before_it_begins(tmp_path, monkeypatch):
    monkeypatch.setattr(loop, "mismatches", lambda *_: ["products ran as bfloat16"])
    answer, told = trained(tmp_path)
    assert (answer["state"], answer["reason"]) == ("invalid", "products ran as bfloat16")
    assert told.lines == []


def test_what_a_killed_writer_left_is_removed(tmp_path):
    (tmp_path / ".unfinished-x").write_bytes(b"half")
    trained(tmp_path, epochs=1)
    assert not list(tmp_path.glob(".unfinished-*"))


def test_the_digest_sees_a_single_bit():
    model = torch.nn.Linear(4, 1)
    before = loop.weights_digest(model)
    with torch.no_grad():
        model.weight[0, 0] = torch.nextafter(model.weight[0, 0], torch.tensor(9.0))
    assert loop.weights_digest(model) != before


def test_a_mode_has_a_name():
    assert mode_named("fp32") == Mode(name="fp32")
