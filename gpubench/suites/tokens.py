"""Words to sub-tokens and labels to match: the first sub-token of a word carries its label."""

import dataclasses
from collections.abc import Sequence
from typing import Any

import torch
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors, trainers
from transformers import AutoTokenizer, PreTrainedTokenizerFast

from gpubench.errors import BadData, BadUsage
from gpubench.suites.sentences import Corpus, Sentence

IGNORED = -100
"""The label of positions that carry none (special tokens, later sub-tokens, padding)."""

NO_LABEL = ""
"""Stands where a window repeats a word that the window before has labelled."""

SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Encoded:
    """A corpus as tensors: ids and labels (N, L) int64, mask (N, L) bool; and what was lost.

    ``words_cut`` lie beyond the longest length; ``words_without_token`` vanished in the
    tokenizer (white space, control characters), and their labels with them.
    """

    input_ids: torch.Tensor
    attention_mask: torch.Tensor
    labels: torch.Tensor
    sentences_truncated: int
    words_cut: int
    words_without_token: int
    unknown_tokens: int


def train(corpus: Corpus, entries: int) -> Tokenizer:
    """A WordPiece tokenizer of BERT's kind, of at most ``entries`` entries, from the corpus."""
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))  # noqa: S106 - a name, no secret
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=False)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    trainer = trainers.WordPieceTrainer(
        vocab_size=entries, special_tokens=list(SPECIAL), show_progress=False
    )
    tokenizer.train_from_iterator((" ".join(s.words) for s in corpus.sentences), trainer)
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]",
        special_tokens=[(name, tokenizer.token_to_id(name)) for name in ("[CLS]", "[SEP]")],
    )
    return tokenizer


def load(place: str | None) -> Any:
    """The fast tokenizer in a ``tokenizer.json``, a model folder, or under a hub's name."""
    if place is None:
        raise BadUsage("labelled sentences need a tokenizer")
    if place.endswith(".json"):
        unknown, padding = "[UNK]", "[PAD]"
        return PreTrainedTokenizerFast(tokenizer_file=place, unk_token=unknown, pad_token=padding)
    try:
        tokenizer = AutoTokenizer.from_pretrained(place, use_fast=True)
    except (OSError, ValueError) as problem:
        raise BadUsage(
            f"cannot load the tokenizer of {place}: {str(problem).splitlines()[0]}"
        ) from None
    if not tokenizer.is_fast:
        raise BadUsage(f"the tokenizer of {place} is a slow one, which cannot align labels")
    return tokenizer


def encode(corpus: Corpus, tokenizer: Any, labels: tuple[str, ...], length: int) -> Encoded:
    """All sentences padded or cut to ``length`` tokens, and what was lost in that."""
    answer = tokenised(corpus.sentences, tokenizer, length)
    lost = [
        _lost(answer.word_ids(index), len(sentence.words))
        for index, sentence in enumerate(corpus.sentences)
    ]
    ids, mask, rows = _tensors(answer, corpus.sentences, labels)
    return Encoded(
        input_ids=ids,
        attention_mask=mask,
        labels=rows,
        sentences_truncated=sum(cut > 0 for cut, _ in lost),
        words_cut=sum(cut for cut, _ in lost),
        words_without_token=sum(vanished for _, vanished in lost),
        unknown_tokens=int((ids == tokenizer.unk_token_id).sum()),
    )


def batch(
    sentences: Sequence[Sentence], tokenizer: Any, labels: tuple[str, ...], length: int
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Ids (B, length), mask (B, length) bool and labels (B, length) of a few sentences."""
    return _tensors(tokenised(sentences, tokenizer, length), sentences, labels)


def tokens_per_word(sentences: Sequence[Sentence], tokenizer: Any) -> list[list[int]]:
    """How many tokens each word of each sentence becomes, 0 where it vanishes."""
    answer = tokenizer(
        [list(sentence.words) for sentence in sentences],
        is_split_into_words=True,
        add_special_tokens=False,
    )
    found = [[0] * len(sentence.words) for sentence in sentences]
    for index, counts in enumerate(found):
        for word in answer.word_ids(index):
            counts[word] += 1
    return found


def tokenised(sentences: Sequence[Sentence], tokenizer: Any, length: int) -> Any:
    """What the tokenizer answers, padded or cut to ``length``; it knows each token's word."""
    return tokenizer(
        [list(sentence.words) for sentence in sentences],
        is_split_into_words=True,
        truncation=True,
        max_length=length,
        padding="max_length",
    )


def _tensors(
    answer: Any, sentences: Sequence[Sentence], labels: tuple[str, ...]
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Ids, mask and labels, which are aligned through ``word_ids``."""
    number = {NO_LABEL: IGNORED} | {label: index for index, label in enumerate(labels)}
    rows = []
    for index, sentence in enumerate(sentences):
        word_ids = answer.word_ids(index)
        rows.append(_aligned(word_ids, [number[label] for label in sentence.labels]))
        hold_aligned(word_ids, rows[-1], sentence, number)
    return (
        torch.tensor(answer["input_ids"]),
        torch.tensor(answer["attention_mask"], dtype=torch.bool),
        torch.tensor(rows),
    )


def _aligned(word_ids: list[int | None], labels: list[int]) -> list[int]:
    """A label per token: a word's own on its first sub-token, ``IGNORED`` elsewhere."""
    row: list[int] = []
    before: int | None = None
    for word in word_ids:
        if word is not None and not 0 <= word < len(labels):
            raise BadData(f"the tokenizer names word {word + 1} of a sentence of {len(labels)}")
        row.append(IGNORED if word is None or word == before else labels[word])
        before = word
    return row


def hold_aligned(
    word_ids: Sequence[int | None], row: Sequence[int], sentence: Sentence, number: dict[str, int]
) -> None:
    """BadData unless every word that has a token has its own label there, once, and no other has.

    Asked of what was made rather than of how: a tokenizer whose words come twice, out of order or
    from beyond the sentence would otherwise teach wrong labels without a word.
    """
    held: dict[int, list[int]] = {word: [] for word in word_ids if word is not None}
    for word, label in zip(word_ids, row, strict=True):
        if word is not None and label != IGNORED:
            held[word].append(label)
        elif label != IGNORED:
            raise BadData(f"a label stands on a special token of {_shown(sentence)}")
    for word, found in held.items():
        expected = number[sentence.labels[word]]
        if found != [expected] and (found or expected != IGNORED):
            raise BadData(
                f"the tokenizer does not keep words and labels together: word {word + 1} of "
                f"{_shown(sentence)} carries {len(found)} labels"
            )


def _shown(sentence: Sentence) -> str:
    return repr(" ".join(sentence.words))[:60]


def _lost(word_ids: list[int | None], words: int) -> tuple[int, int]:
    """How many words of a sentence lie beyond its row, and how many have no token at all."""
    kept = {word for word in word_ids if word is not None}
    last = max(kept, default=-1)
    is_full = len(word_ids) < 2 or word_ids[-2] is not None  # only [SEP] stands after the words
    cut = words - 1 - last if is_full else 0
    return cut, words - len(kept) - cut
