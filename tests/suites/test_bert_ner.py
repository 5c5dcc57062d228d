"""The NER suite builds BERT, its labels and its batches."""

import dataclasses
import itertools
from types import SimpleNamespace

import pytest

pytest.importorskip("transformers")

import torch
from transformers import BertConfig, BertForTokenClassification

from gpubench.bench.feed import Feed
from gpubench.bench.job import Workload
from gpubench.errors import BadData, BadUsage
from gpubench.suites import bert_ner
from gpubench.suites.tokens import IGNORED

pytestmark = pytest.mark.torch

SMOKE = Workload(preset="smoke", batch_size=2, sequence_length=16)


def test_standard_is_bert_base_chinese_with_seven_labels():
    with torch.device("meta"):
        task = bert_ner.build(Workload(preset="standard"))
    # bert-base-chinese has 102 267 648 parameters with its pooler (590 592), the head 768·7+7
    assert sum(p.numel() for p in task.model.parameters()) == 102_267_648 - 590_592 + 5_383
    assert (task.settings["dropout"], task.settings["labels"], task.batch_size) == (0.1, 7, 16)
    assert task.learning_rate == 2e-5


def test_special_tokens_carry_no_label_and_the_others_do():
    labels = next(bert_ner.build(SMOKE).batches())["labels"]
    assert (labels[:, [0, -1]] == IGNORED).all()
    assert (labels[:, 1:-1] >= 0).all()


@pytest.mark.parametrize("pinned", [False, True])
def test_batches_are_pinned_only_where_the_feed_says_so(monkeypatch, pinned):
    asked = []
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.Tensor, "pin_memory", lambda self: asked.append(self) or self)
    workload = dataclasses.replace(SMOKE, feed=Feed(pinned=pinned))
    next(bert_ner.build(workload).batches())
    assert bool(asked) == pinned


def test_the_mask_hides_padding():
    """A sentence answers the same alone and padded: what is masked has no say."""
    task = bert_ner.build(SMOKE, exact=True)
    model = task.model.tagger.eval()
    ids = torch.randint(100, 1000, (1, 16))
    mask = torch.ones(1, 16, dtype=torch.bool)
    mask[:, 10:] = False
    other = ids.clone()
    other[:, 10:] = 7
    answers = [
        model(input_ids=x, attention_mask=mask[:, None, None, :]).logits[:, :10].detach()
        for x in (ids, other)
    ]
    assert torch.allclose(*answers, atol=1e-6)
    plain = model(input_ids=ids, attention_mask=mask.long()).logits[:, :10].detach()
    assert torch.allclose(answers[0], plain, atol=1e-5)


def test_a_step_does_not_ask_what_is_in_the_mask(monkeypatch):
    task = bert_ner.build(SMOKE)
    batch = next(task.batches())

    def read(*arguments):
        raise AssertionError("a value was read back inside the step")

    monkeypatch.setattr(torch.Tensor, "__bool__", read)
    monkeypatch.setattr(torch.Tensor, "item", read)
    task.model(**batch).backward()


@pytest.fixture
def corpus(tmp_path):
    lines = ["中\tB-LOC", "国\tI-LOC", "人\tO", ""] * 3 + ["长\tO"] * 40 + [""]
    (tmp_path / "train.bio").write_text("\n".join(lines))
    return tmp_path


def test_a_corpus_is_surveyed_encoded_and_counted(corpus, tmp_path):
    workload, found = bert_ner.survey(
        Workload(preset="smoke", data=str(corpus), batch_size=2, sequence_length=16), str(tmp_path)
    )
    assert (found["sentences_found"], found["words_found"]) == (4, 49)
    assert (found["sentences_truncated"], found["words_cut"]) == (1, 40 - 14)
    assert found["tokenizer"] == "built from the data"
    assert workload.labels == ("O", "B-LOC", "I-LOC")
    task = bert_ner.build(workload)
    batches = list(itertools.islice(task.batches(), 2))
    assert task.data() == {"sentences_read": 4}
    labelled = sum(int((batch["labels"] != IGNORED).sum()) for batch in batches)
    assert labelled == 9 + 14
    assert torch.isfinite(task.model(**batches[0]))


def test_labels_that_do_not_align_end_the_survey(corpus, tmp_path):
    (corpus / "train.bio").write_text("中\tB-LOC\n国\n")
    with pytest.raises(BadData, match=r"train.bio, line 2: one column"):
        bert_ner.survey(Workload(preset="smoke", data=str(corpus)), str(tmp_path))


def test_a_model_in_a_local_folder_is_loaded_with_its_tokenizer(corpus, tmp_path):
    from gpubench.suites import tokens
    from gpubench.suites.sentences import read_corpus

    place = str(tmp_path / "model")
    config = BertConfig(
        vocab_size=64, hidden_size=8, num_hidden_layers=1, num_attention_heads=1,
        intermediate_size=16, max_position_embeddings=32,
    )  # fmt: skip
    BertForTokenClassification(config).save_pretrained(place)
    tokenizer = str(tmp_path / "tokenizer.json")
    tokens.train(read_corpus(str(corpus)), 64).save(tokenizer)
    tokens.load(tokenizer).save_pretrained(place)
    asked = Workload(preset="smoke", data=str(corpus), model=place, sequence_length=16)
    workload, found = bert_ner.survey(asked, str(tmp_path))
    task = bert_ner.build(workload)
    assert (found["tokenizer"], task.settings["model"]) == ("model", "model")
    assert task.settings["layers"] == 1
    with pytest.raises(BadUsage, match="more than the 32 positions"):
        bert_ner.build(Workload(preset="smoke", model=place, sequence_length=64))


def test_a_model_that_is_not_there_is_one_line(monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(BadUsage, match="cannot load the model no/such-model") as caught:
        bert_ner.build(Workload(preset="smoke", model="no/such-model"))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(("newer", "shape"), [(True, (2, 1, 1, 8)), (False, (2, 1, 8))])
def test_the_mask_has_the_shape_that_the_installed_transformers_takes(monkeypatch, newer, shape):
    class Tagger(torch.nn.Module):
        def forward(self, input_ids, attention_mask, labels):
            seen.append(attention_mask.shape)
            return SimpleNamespace(loss=torch.zeros(()))

    seen = []
    monkeypatch.setattr(bert_ner, "TAKES_ATTENTIONS_SHAPE", newer)
    tokens = torch.ones(2, 8, dtype=torch.long)
    bert_ner.TaggerLoss(Tagger())(tokens, torch.ones(2, 1, 1, 8, dtype=torch.bool), tokens)
    assert seen == [shape]
