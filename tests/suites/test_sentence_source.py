"""Rows of a corpus: however it is cut and padded, every word keeps its one label."""

import itertools
import random

import pytest

pytest.importorskip("transformers")

import torch

from gpubench.bench.feed import Feed
from gpubench.suites import sentence_source, tokens
from gpubench.suites.sentences import Corpus, Sentence

pytestmark = pytest.mark.torch

LABELS = ("O", "B-LOC", "I-LOC")
LENGTH = 32


def corpus():
    source = random.Random(5)
    sentences = []
    for words in (3, 5, 9, 14, 20, 25, 30, 31, 60, 200) * 8:
        drawn = [
            source.choice(["中", "国", "playing", "Köln", "的", "unbelievably"])
            for _ in range(words)
        ]
        sentences.append(
            Sentence(words=tuple(drawn), labels=tuple(source.choice(LABELS) for _ in drawn))
        )
    return Corpus(sentences=tuple(sentences), files=(), marker_lines=0)


CORPUS = corpus()


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory):
    place = str(tmp_path_factory.mktemp("tokenizer") / "tokenizer.json")
    tokens.train(CORPUS, 40).save(place)  # few entries: words of several sub-tokens
    return tokens.load(place)


def rows(tokenizer, **feed):
    return sentence_source.rows_of(CORPUS, tokenizer, Feed(**feed), LENGTH)


def labels_kept(made, tokenizer):
    """All labels in the order of the rows, read off the batches themselves."""
    edge = {index: edge for edge, indices in made.buckets.items() for index in indices}
    batches = sentence_source.SentenceBatches(made.sentences, tokenizer, LABELS)
    kept = []
    for index in range(len(made.sentences)):
        row = batches[edge[index], [index]]["labels"][0]
        kept += [LABELS[label] for label in row.tolist() if label != tokens.IGNORED]
    return kept


def test_a_word_of_several_sub_tokens_is_among_them(tokenizer):
    counted = tokens.tokens_per_word(CORPUS.sentences, tokenizer)
    assert max(map(max, counted)) > 1
    assert all(len(own) == len(s.words) for own, s in zip(counted, CORPUS.sentences, strict=True))


@pytest.mark.parametrize("lengths", ["fixed", "bucketed"])
def test_windows_lose_no_word_and_label_each_once(tokenizer, lengths):
    made = rows(tokenizer, long="window", lengths=lengths)
    everyone = [label for sentence in CORPUS.sentences for label in sentence.labels]
    assert labels_kept(made, tokenizer) == everyone
    assert made.sentences_windowed > 0
    assert made.repeated_words > 0


def test_truncation_does_lose_words(tokenizer):
    kept = labels_kept(rows(tokenizer), tokenizer)
    assert len(kept) < CORPUS.words


def test_buckets_keep_the_labels_that_a_fixed_length_keeps(tokenizer):
    fixed, bucketed = (
        labels_kept(rows(tokenizer, lengths=how), tokenizer) for how in ("fixed", "bucketed")
    )
    assert fixed == bucketed


def drawn(tokenizer, count=64, workers=0, **feed):
    made = rows(tokenizer, **feed)
    batches = sentence_source.batches(
        made, tokenizer, LABELS, Feed(pinned=False, **feed), batch_size=4, seed=3, workers=workers
    )
    return list(itertools.islice(batches, count))


def test_bucketed_batches_have_few_shapes_and_less_padding(tokenizer):
    counted = {}
    for how in ("fixed", "bucketed"):
        batches = drawn(tokenizer, lengths=how)
        counted[how] = [
            sum(sentence_source.contents(b)[name] for b in batches)
            for name in ("padded_tokens", "real_tokens")
        ]
        assert len({batch["input_ids"].shape for batch in batches}) <= (1 if how == "fixed" else 4)
    padding = {how: 1 - real / padded for how, (padded, real) in counted.items()}
    assert padding["bucketed"] < padding["fixed"] / 1.5


def test_contents_are_those_of_the_batch():
    mask = torch.zeros(2, 1, 1, 8, dtype=torch.bool)
    mask[0, ..., :3] = mask[1, ..., :5] = True
    assert sentence_source.contents({"attention_mask": mask}) == {
        "padded_tokens": 16,
        "real_tokens": 8,
    }


def test_workers_tokenise_as_the_process_itself_would(tokenizer):
    alone, helped = drawn(tokenizer, 6), drawn(tokenizer, 6, workers=2)
    for one, other in zip(alone, helped, strict=True):
        assert all(torch.equal(one[name], other[name]) for name in one)


def test_tokenising_happens_when_a_batch_is_asked_for(tokenizer, monkeypatch):
    made = rows(tokenizer)
    batches = sentence_source.SentenceBatches(made.sentences, tokenizer, LABELS)
    asked = []
    tokenise = tokens.tokenised
    monkeypatch.setattr(tokens, "tokenised", lambda *a: asked.append(1) or tokenise(*a))
    batches[LENGTH, [0, 1]]
    batches[LENGTH, [2]]
    assert len(asked) == 2
