"""A checkpoint is whole or not there, and what is no checkpoint is refused in one line."""

import io
import os
import pickle
import random
import zipfile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("torch")

import torch

from gpubench.bench.learning import checkpoint
from gpubench.errors import BadData, NotComparable, UnwritableOutput

pytestmark = pytest.mark.torch

CPU = torch.device("cpu")
SAME = {"suite": "fake", "labels": ["O", "B-X"]}


def state(step=3):
    return checkpoint.State(
        fingerprint=SAME, step=step, model={"w": torch.arange(4.0)}, optimizer={"state": {}},
        scheduler={"last_epoch": 3}, scaler=None, epoch_losses=(1.5, 2),
    )  # fmt: skip


def saved(content):
    stream = io.BytesIO()
    torch.save(content, stream)
    return stream.getvalue()


def test_what_was_written_is_read(tmp_path):
    path = checkpoint.write(tmp_path, state(), kept=2)
    torch.manual_seed(5)
    read = checkpoint.read(path, SAME, CPU)
    assert (read.step, read.epoch_losses, read.scaler) == (3, (1.5, 2), None)
    assert torch.equal(read.model["w"], torch.arange(4.0))


def test_chance_goes_on_where_it_was(tmp_path):
    torch.manual_seed(5)
    random.seed(5)
    path = checkpoint.write(tmp_path, state(), kept=2)
    expected = torch.rand(3).tolist(), random.random()
    torch.manual_seed(6)
    random.seed(6)
    checkpoint.read(path, SAME, CPU)
    assert (torch.rand(3).tolist(), random.random()) == expected


def test_another_fingerprint_is_not_comparable(tmp_path):
    path = checkpoint.write(tmp_path, state(), kept=2)
    with pytest.raises(NotComparable, match=r"labels \['O', 'B-X'\] there, \['O'\] here"):
        checkpoint.read(path, {**SAME, "labels": ["O"]}, CPU)


@pytest.mark.parametrize("cut", [0, 1, 100, 0.5, 0.99, -1])
def test_a_file_cut_short_is_no_whole_checkpoint(tmp_path, cut):
    path = checkpoint.write(tmp_path, state(), kept=2)
    content = path.read_bytes()
    path.write_bytes(content[: int(cut * len(content)) if isinstance(cut, float) else cut])
    with pytest.raises(BadData, match="no whole checkpoint") as caught:
        checkpoint.read(path, SAME, CPU)
    assert "\n" not in str(caught.value)


def test_a_single_bit_of_a_weight_is_missed(tmp_path):
    path = checkpoint.write(tmp_path, state(), kept=2)
    content = bytearray(path.read_bytes())
    at = content.find(torch.arange(4.0).numpy().tobytes())
    content[at + 5] ^= 1
    path.write_bytes(content)
    with pytest.raises(BadData, match="is damaged: the checksum of"):
        checkpoint.read(path, SAME, CPU)


class Harm:
    """What a hostile file would have a careless reader do."""

    def __init__(self, place):
        self.place = place

    def __reduce__(self):
        return os.mkdir, (str(self.place),)


def test_a_file_that_would_run_code_is_refused_and_runs_none(tmp_path):
    path = tmp_path / "step-00000001.pt"
    path.write_bytes(saved({"schema": checkpoint.SCHEMA, "model": Harm(tmp_path / "harm")}))
    with pytest.raises(BadData, match="no checkpoint of gpubench"):
        checkpoint.read(path, SAME, CPU)
    assert not (tmp_path / "harm").exists()


def test_a_bare_pickle_is_refused_and_runs_none(tmp_path):
    path = tmp_path / "step-00000001.pt"
    path.write_bytes(pickle.dumps(Harm(tmp_path / "harm")))
    with pytest.raises(BadData, match="no whole checkpoint"):
        checkpoint.read(path, SAME, CPU)
    assert not (tmp_path / "harm").exists()


def test_a_file_that_swells_is_refused_unread(tmp_path):
    path = tmp_path / "step-00000001.pt"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("archive/data.pkl", b"\0" * 10_000_000)
    with pytest.raises(BadData, match="it swells to 10000000 bytes"):
        checkpoint.read(path, SAME, CPU)


@pytest.mark.parametrize(
    "content",
    [
        [1, 2],
        {"schema": "gpubench.checkpoint/2"},
        {"schema": checkpoint.SCHEMA},
        {"schema": checkpoint.SCHEMA, "fingerprint": 3},
    ],
)
def test_a_file_of_something_else_is_refused(tmp_path, content):
    path = tmp_path / "step-00000001.pt"
    path.write_bytes(saved(content))
    with pytest.raises(BadData, match="no checkpoint of gpubench"):
        checkpoint.read(path, SAME, CPU)


@pytest.mark.parametrize("missing", checkpoint.PARTS)
def test_a_checkpoint_that_lacks_a_part_is_refused(tmp_path, missing):
    path = checkpoint.write(tmp_path, state(), kept=2)
    content = torch.load(path, weights_only=True)
    del content[missing]
    path.write_bytes(saved(content))
    with pytest.raises(BadData, match="no checkpoint of gpubench"):
        checkpoint.read(path, SAME, CPU)


@pytest.mark.parametrize(
    "wrong",
    [
        {},
        {"torch": torch.get_rng_state(), "python": (3, (-1,) * 625, None)},
        {"torch": torch.zeros(3)},
        {"torch": "x", "python": 1},
    ],
)
def test_random_numbers_that_are_none_are_refused(tmp_path, monkeypatch, wrong):
    monkeypatch.setattr(checkpoint, "_chance", lambda: wrong)
    path = checkpoint.write(tmp_path, state(), kept=2)
    with pytest.raises(BadData, match="random numbers cannot be gone on with"):
        checkpoint.read(path, SAME, CPU)


@settings(max_examples=60)
@given(st.data())
def test_no_damaged_byte_leads_to_anything_but_a_state_or_a_refusal(tmp_path_factory, data):
    folder = tmp_path_factory.mktemp("checkpoint")
    path = checkpoint.write(folder, state(), kept=2)
    content = bytearray(path.read_bytes())
    at = data.draw(st.integers(0, len(content) - 1))
    content[at] ^= data.draw(st.integers(1, 255))
    path.write_bytes(content)
    try:
        assert checkpoint.read(path, SAME, CPU).step >= 0
    except (BadData, NotComparable) as problem:
        assert str(path) in str(problem)  # noqa: PT017 - either outcome is right


def test_a_failed_write_leaves_the_one_before_and_no_rest(tmp_path, monkeypatch):
    checkpoint.write(tmp_path, state(3), kept=1)

    def full(content, stream):
        stream.write(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(torch, "save", full)
    with pytest.raises(UnwritableOutput, match="No space left"):
        checkpoint.write(tmp_path, state(4), kept=1)
    assert [path.name for path in tmp_path.iterdir()] == ["step-00000003.pt"]


def test_it_is_flushed_before_it_gets_its_name(tmp_path, monkeypatch):
    done = []
    monkeypatch.setattr(checkpoint.os, "fsync", lambda handle: done.append("flush"))
    plain = checkpoint.Path.replace
    monkeypatch.setattr(
        checkpoint.Path, "replace", lambda self, to: (done.append("name"), plain(self, to))[1]
    )
    checkpoint.write(tmp_path, state(), kept=1)
    assert done == ["flush", "name", "flush"]


def test_foreign_files_are_no_checkpoints_and_stay(tmp_path):
    (tmp_path / "step-latest.pt").write_text("mine")
    checkpoint.write(tmp_path, state(), kept=1)
    assert checkpoint.newest(tmp_path).name == "step-00000003.pt"
    assert (tmp_path / "step-latest.pt").exists()
