"""Sentences as batches: cut into windows, sorted by length, tokenised by the loader's workers.

Letters in shapes: B sentences in a batch, L tokens in each (padded).
"""

import dataclasses
from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch.utils.data import Dataset

from gpubench.bench.feed import Feed
from gpubench.bench.strategy import WHOLE, Shard
from gpubench.bench.task import Batch
from gpubench.suites import lengths, tokens
from gpubench.suites.delivery import delivered
from gpubench.suites.order import endless_batches
from gpubench.suites.sentences import Corpus, Sentence

Chosen = tuple[int, list[int]]
"""A batch to be made: the length to pad to, and the indices of its sentences."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Rows:
    """What is trained of a corpus: a row per sentence, or per window of a long one.

    ``buckets`` are the rows by the length they are padded to. ``repeated_words`` stand in more
    than one window; they are labelled in the first alone.
    """

    sentences: tuple[Sentence, ...]
    buckets: dict[int, list[int]]
    sentences_windowed: int = 0
    repeated_words: int = 0
    owners: tuple[int, ...] = ()


def rows_of(corpus: Corpus, tokenizer: Any, feed: Feed, length: int) -> Rows:
    """The corpus as the feed wants it, in rows of at most ``length`` tokens."""
    if feed.lengths == "fixed" and feed.long == "truncate":
        everyone = list(range(len(corpus.sentences)))
        return Rows(sentences=corpus.sentences, buckets={length: everyone})
    special = tokenizer.num_special_tokens_to_add()
    counted = tokens.tokens_per_word(corpus.sentences, tokenizer)
    sentences, needed = list(corpus.sentences), [special + sum(words) for words in counted]
    windowed = repeated = 0
    owners: tuple[int, ...] = ()
    if feed.long == "window":
        parts = [lengths.windows(words, length - special) for words in counted]
        sentences = [
            _window(sentence, part)
            for sentence, own in zip(corpus.sentences, parts, strict=True)
            for part in own
        ]
        needed = [
            special + sum(words[start:end])
            for words, own in zip(counted, parts, strict=True)
            for start, end, _ in own
        ]
        owners = tuple(number for number, own in enumerate(parts) for _ in own)
        windowed = sum(len(own) > 1 for own in parts)
        repeated = sum(new - start for own in parts for start, _, new in own)
    edges = lengths.edges(needed, length) if feed.lengths == "bucketed" else (length,)
    return Rows(
        sentences=tuple(sentences),
        buckets=lengths.buckets(needed, edges),
        sentences_windowed=windowed,
        repeated_words=repeated,
        owners=owners,
    )


def _window(sentence: Sentence, part: tuple[int, int, int]) -> Sentence:
    """A part of a sentence; words that the window before had keep no label."""
    start, end, new = part
    return Sentence(
        words=sentence.words[start:end],
        labels=(tokens.NO_LABEL,) * (new - start) + sentence.labels[new:end],
    )


class SentenceBatches(Dataset[Batch]):
    """Tokenises and labels the sentences of a batch when it is asked for."""

    def __init__(self, sentences: Sequence[Sentence], tokenizer: Any, labels: tuple[str, ...]):
        self._sentences, self._tokenizer, self._labels = sentences, tokenizer, labels

    def __getitem__(self, chosen: Chosen) -> Batch:
        """Ids and labels (B, L) and the mask in attention's shape (B, 1, 1, L)."""
        length, indices = chosen
        picked = [self._sentences[index] for index in indices]
        ids, mask, labels = tokens.batch(picked, self._tokenizer, self._labels, length)
        return {"input_ids": ids, "attention_mask": mask[:, None, None, :], "labels": labels}


def batches(
    rows: Rows, tokenizer: Any, labels: tuple[str, ...], feed: Feed, *,
    batch_size: int, seed: int, workers: int, shard: Shard = WHOLE,
) -> Iterator[Batch]:  # fmt: skip
    """Batches without end, each of one length, in an order fixed by the seed."""
    made = SentenceBatches(rows.sentences, tokenizer, labels)
    return delivered(made, shard.of(_order(rows, batch_size, seed)), feed, workers=workers)


def _order(rows: Rows, batch_size: int, seed: int) -> Iterator[Chosen]:
    if len(rows.buckets) > 1:
        return lengths.mixed(rows.buckets, batch_size, seed)
    ((length, indices),) = rows.buckets.items()
    return (
        (length, [indices[position] for position in positions])
        for positions in endless_batches(len(indices), batch_size, seed)
    )


def contents(batch: Batch) -> dict[str, int]:
    """Tokens that the model computes, and those of them that are no padding."""
    mask: torch.Tensor = batch["attention_mask"]
    return {"padded_tokens": mask.numel(), "real_tokens": int(mask.sum())}


def facts(rows: Rows, encoded: tokens.Encoded) -> dict[str, Any]:
    """What the survey says of the rows beside what was lost."""
    return {
        "rows": len(rows.sentences),
        "sentences_windowed": rows.sentences_windowed,
        "words_repeated": rows.repeated_words,
        "rows_by_length": {str(edge): len(own) for edge, own in rows.buckets.items()},
        "tokens_kept": int(encoded.attention_mask.sum()),
    }
