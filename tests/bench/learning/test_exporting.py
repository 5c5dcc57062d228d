"""What is handed over answers as the model does, or is not handed over."""

import pytest

pytest.importorskip("torch")

import torch

from gpubench.bench.learning import exporting
from gpubench.bench.learning.learner import Exported
from gpubench.errors import BadData, UnwritableOutput

pytestmark = [
    pytest.mark.torch,
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::FutureWarning"),
]


class Model(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.linear = torch.nn.Linear(4, 3)

    def forward(self, x, mask):
        return self.linear(x) * mask[:, None]


class Fixed(Model):
    def forward(self, x, mask):
        return super().forward(x, mask) if x.shape[0] == 2 else x[:, :3] * 0


def handed(model):
    return Exported(module=model, inputs=(torch.randn(2, 4), torch.ones(2)), names=("x", "mask"))


def test_the_file_answers_as_the_model_for_any_batch(tmp_path):
    model = handed(Model())
    said = exporting.export(model, tmp_path / "out" / "model.pt2")
    loaded = torch.export.load(tmp_path / "out" / "model.pt2").module()
    for size in (1, 2, 7):
        x, mask = torch.randn(size, 4), torch.ones(size)
        assert torch.allclose(loaded(x, mask), model.module(x, mask), atol=1e-6)
    assert said["dynamic_batch"]
    assert said["furthest"] <= said["tolerance"]
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["model.pt2"]


def test_a_model_of_one_batch_size_is_said_to_be_one(tmp_path):
    said = exporting.export(handed(Fixed()), tmp_path / "model.pt2")
    assert not said["dynamic_batch"]
    assert "batches of 2 alone" in said["said"]


def test_a_program_that_answers_something_else_is_not_handed_over(tmp_path, monkeypatch):
    plain = torch.export.save

    def spoiled(program, path):
        with torch.no_grad():
            for weight in program.state_dict.values():
                weight.add_(0.1)
        plain(program, path)

    model = handed(Model())
    copy = Exported(module=Model(), inputs=model.inputs, names=model.names)
    copy.module.load_state_dict({k: v.clone() for k, v in model.module.state_dict().items()})
    real = torch.export.export
    monkeypatch.setattr(
        torch.export, "export", lambda module, *rest, **more: real(copy.module, *rest, **more)
    )
    monkeypatch.setattr(torch.export, "save", spoiled)
    with pytest.raises(BadData, match="does not answer as the model does"):
        exporting.export(model, tmp_path / "model.pt2")
    assert list(tmp_path.iterdir()) == []


def test_a_place_that_cannot_be_written(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UnwritableOutput, match="cannot write"):
        exporting.export(handed(Model()), tmp_path / "file" / "model.pt2")
