"""Sentences are learnt from with either head, judged whole, and what cannot be is refused."""

import contextlib
import dataclasses
from pathlib import Path

import pytest

pytest.importorskip("transformers")
pytest.importorskip("seqeval")
pytest.importorskip("torchcrf")

import torch

from gpubench.bench.feed import Feed
from gpubench.bench.job import Workload
from gpubench.bench.learning import exporting
from gpubench.bench.learning.asked import Training
from gpubench.errors import BadData, BadUsage
from gpubench.suites import ner_learner, seeded_entities, tokens
from gpubench.suites.entity_scores import entity_scores
from gpubench.suites.sentences import read_corpus
from gpubench.suites.taggers import Tagger, _words_first
from gpubench.suites.tokens import IGNORED

pytestmark = pytest.mark.torch

CPU = torch.device("cpu")
SENTENCES = "中\tB-LOC\n国\tI-LOC\n人\tO\n\n" * 12 + "的\tO\n" * 30 + "\n"


@pytest.fixture
def asked(tmp_path):
    (tmp_path / "train.bio").write_text(SENTENCES)
    workload = Workload(
        preset="smoke", data=str(tmp_path / "train.bio"), sequence_length=12, batch_size=4,
        feed=Feed(workers=0),
    )  # fmt: skip
    checkpoint = str(tmp_path / "checkpoints")
    return workload, Training(epochs=1, steps=None, checkpoint=checkpoint, stop="")


def made(asked, tmp_path, **changes):
    workload, training = asked
    own = {f.name for f in dataclasses.fields(Workload)}
    workload = dataclasses.replace(workload, **{k: v for k, v in changes.items() if k in own})
    training = dataclasses.replace(training, **{k: v for k, v in changes.items() if k not in own})
    return ner_learner.learner(workload, training, str(tmp_path))


def plain():
    return contextlib.nullcontext()


def test_every_sentence_is_trained_once_an_epoch_in_another_order(asked, tmp_path):
    learner = made(asked, tmp_path)
    epochs = [[batch["labels"] for batch in learner.epoch(number, 0)] for number in (0, 1)]
    assert learner.batches_per_epoch == len(epochs[0]) == 3
    assert sum(len(labels) for labels in epochs[0]) == 12
    counted = [sum(int((labels != IGNORED).sum()) for labels in epoch) for epoch in epochs]
    assert counted[0] == counted[1]
    assert not all(map(torch.equal, *epochs))


def test_an_epoch_goes_on_where_it_was(asked, tmp_path):
    learner = made(asked, tmp_path)
    whole, rest = list(learner.epoch(3, 0)), list(learner.epoch(3, 1))
    assert len(rest) == len(whole) - 1
    assert all(map(torch.equal, *([b["input_ids"] for b in part] for part in (whole[1:], rest))))


@pytest.mark.parametrize("head", ["linear", "crf"])
def test_either_head_learns_a_sentence_by_heart(asked, tmp_path, head):
    learner = made(asked, tmp_path, head=head)
    optimizer = torch.optim.AdamW(learner.parameter_groups(), lr=3e-3)
    losses = []
    for number in range(12):
        for batch in learner.epoch(number, 0):
            optimizer.zero_grad()
            loss = learner.model(**batch)
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
    learner.model.eval()
    with torch.no_grad():
        found = learner.evaluate(CPU, plain)
    assert losses[-1] < losses[0] / 10
    assert found["scores"]["f1"] == 1.0
    assert [row["name"] for row in found["by_type"]] == ["LOC"]


def test_words_that_were_cut_count_as_missed(asked, tmp_path, monkeypatch):
    (tmp_path / "long.bio").write_text("的\tO\n" * 20 + "中\tB-LOC\n国\tI-LOC\n\n中\tB-LOC\n\n")
    learner = made(asked, tmp_path, validation=str(tmp_path / "long.bio"))
    number = {label: at for at, label in enumerate(learner._labels)}
    monkeypatch.setattr(
        Tagger, "decode", lambda self, **batch: torch.full_like(batch["labels"], number["B-LOC"])
    )
    scores = learner.evaluate(CPU, plain)["scores"]
    assert scores["recall"] == 0.5


def test_windows_lose_no_word(asked, tmp_path, monkeypatch):
    (tmp_path / "long.bio").write_text("的\tO\n" * 20 + "中\tB-LOC\n国\tI-LOC\n\n中\tB-LOC\n\n")
    feed = Feed(workers=0, long="window")
    learner = made(asked, tmp_path, validation=str(tmp_path / "long.bio"), feed=feed)
    monkeypatch.setattr(Tagger, "decode", lambda self, **batch: batch["labels"].clamp(min=0))
    found = learner.evaluate(CPU, plain)
    assert (found["scores"]["f1"], found["items"]) == (1.0, 2)


def test_sentences_without_a_word_train_nothing_and_break_nothing(asked, tmp_path):
    for head in ("linear", "crf"):
        model = made(asked, tmp_path, head=head).model
        batch = {
            "input_ids": torch.ones(2, 12, dtype=torch.long),
            "attention_mask": torch.ones(2, 1, 1, 12, dtype=torch.bool),
            "labels": torch.full((2, 12), IGNORED),
        }
        batch["labels"][1, 3] = 1
        assert torch.isfinite(model(**batch))
        assert model.eval().decode(**batch).shape == (2, 12)
    batch["labels"][:] = IGNORED
    for head in ("linear", "crf"):
        model = made(asked, tmp_path, head=head).model
        model(**batch).backward()
        assert model(**batch).item() == 0
        assert model.eval().decode(**batch).shape == (2, 12)


def test_a_learning_rate_of_zero_is_one(asked, tmp_path):
    assert made(asked, tmp_path, learning_rate=0.0).learning_rate == 0.0


def test_a_crf_sees_the_words_alone_in_their_order():
    labels = torch.tensor([[IGNORED, 2, IGNORED, 1, IGNORED], [IGNORED] * 5])
    scores = torch.arange(30.0).view(2, 5, 3)
    words = _words_first(scores, labels)
    assert (words.rows, words.labels.tolist(), words.mask.tolist()) == ([0], [[2, 1]], [[True] * 2])
    assert torch.equal(words.scores[0], scores[0, [1, 3]])


def test_a_vocabulary_is_kept_whole_or_not_at_all(asked, tmp_path, monkeypatch):
    class Killed:
        def save(self, place):
            Path(place).write_text('{"version": "1')
            raise KeyboardInterrupt

    monkeypatch.setattr(tokens, "train", lambda *given: Killed())
    with pytest.raises(KeyboardInterrupt):
        made(asked, tmp_path)
    assert not (tmp_path / "checkpoints" / "tokenizer.json").exists()


def test_a_vocabulary_that_was_kept_is_used_again(asked, tmp_path):
    first = made(asked, tmp_path)
    kept = tmp_path / "checkpoints" / "tokenizer.json"
    assert kept.is_file()
    before = kept.read_bytes()
    again = made(asked, tmp_path, resume=True)
    assert kept.read_bytes() == before
    assert again.fingerprint == first.fingerprint


@pytest.mark.parametrize(
    ("changed", "name"),
    [
        ({"seed": 1}, "seed"),
        ({"batch_size": 2}, "batch size"),
        ({"head": "crf"}, "head"),
        ({"learning_rate": 1.0}, "learning rate"),
        ({"sequence_length": 10}, "sequence length"),
    ],
)
def test_another_training_has_another_fingerprint(asked, tmp_path, changed, name):
    one, other = made(asked, tmp_path).fingerprint, made(asked, tmp_path, **changed).fingerprint
    assert one[name] != other[name]


def test_other_sentences_have_another_fingerprint(asked, tmp_path):
    one = made(asked, tmp_path).fingerprint
    (tmp_path / "train.bio").write_text(SENTENCES.replace("人\tO", "人\tB-LOC", 1))
    other = made(asked, tmp_path).fingerprint
    assert one != other


@pytest.mark.parametrize(
    ("validation", "said"),
    [
        ("a\tB-XYZ\n", "none in common"),
        ("a\tB-LOC\nb\tM-LOC\nc\tE-LOC\n\na\tI-LOC\n", "line 5: the label 'I-LOC' is of another"),
        ("中\tB-LOC\n国\tE-LOC\n\n中\tS-LOC\n", None),
        ("中\tB-LOC\n国\tM-LOC\n国\tE-LOC\n", "writes labels as BMES, --data as BIO"),
    ],
)
def test_what_is_judged_by_must_mean_the_same(asked, tmp_path, validation, said):
    (tmp_path / "other.bio").write_text(validation)
    if said is None:
        made(asked, tmp_path, validation=str(tmp_path / "other.bio"))
        return
    with pytest.raises(BadData, match=said):
        made(asked, tmp_path, validation=str(tmp_path / "other.bio"))


def test_one_sentence_alone_cannot_be_judged(asked, tmp_path):
    (tmp_path / "train.bio").write_text("a\tO\n")
    with pytest.raises(BadData, match="one sentence alone"):
        made(asked, tmp_path)


def test_validation_without_data_is_refused(asked, tmp_path):
    with pytest.raises(BadUsage, match="--validation judges"):
        made(asked, tmp_path, data=None, validation="somewhere")


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.filterwarnings("ignore::FutureWarning")
def test_the_tagger_is_handed_over_for_any_batch(asked, tmp_path):
    said = exporting.export(made(asked, tmp_path).exported(), tmp_path / "model.pt2")
    assert said["dynamic_batch"], said["said"]


def test_seeded_sentences_follow_from_the_seed(tmp_path):
    places = [seeded_entities.write(_folder(tmp_path / str(n)), seed) for n, seed in
              enumerate((1, 1, 2))]  # fmt: skip
    read = [read_corpus(place).sentences for place, _ in places]
    assert read[0] == read[1] != read[2]


def _folder(path):
    path.mkdir()
    return path


def test_entities_are_counted_whole():
    expected = [["B-A", "I-A", "O"], ["S-B", "O"]]
    half = entity_scores(expected, [["B-A", "O", "O"], ["B-B", "O"]])
    assert half["scores"] == {"f1": 0.5, "precision": 0.5, "recall": 0.5}
    assert {row["name"]: row["f1"] for row in half["by_type"]} == {"A": 0.0, "B": 1.0}
    nothing = entity_scores([["O"]], [["O"]])
    assert nothing == {"scores": {"f1": 0.0, "precision": 0.0, "recall": 0.0}, "by_type": []}
