"""A BERT that tags tokens, with a linear head or a CRF behind it.

Letters in shapes: B sentences in a batch, L tokens in each (padded), C labels.
"""

import dataclasses
from collections.abc import Mapping
from typing import Any

import torch

from gpubench.bench.learning.asked import Head
from gpubench.bench.learning.learner import Exported
from gpubench.bench.task import Batch
from gpubench.suites.bert_ner import TAKES_ATTENTIONS_SHAPE
from gpubench.suites.tokens import IGNORED


class Tagger(torch.nn.Module):
    """Encoder, dropout and linear layer, which answers its own loss and its best labels.

    With a CRF the sequence of labels is judged as a whole: of the words alone, since special
    tokens and later sub-tokens have none.
    """

    def __init__(self, encoder: Any, *, head: Head, labels: int) -> None:
        super().__init__()
        self.encoder = encoder
        self.crf = _crf(labels) if head == "crf" else None

    @property
    def positions(self) -> int:
        """The most tokens a sentence may have."""
        return int(self.encoder.config.max_position_embeddings)

    @property
    def shape(self) -> Mapping[str, Any]:
        """What was built."""
        config = self.encoder.config
        return {"layers": config.num_hidden_layers, "hidden_size": config.hidden_size}

    def scores(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        """A score per label (B, L, C) of tokens (B, L) with mask (B, 1, 1, L)."""
        mask = attention_mask if TAKES_ATTENTIONS_SHAPE else attention_mask[:, 0]
        answer: torch.Tensor = self.encoder(input_ids=input_ids, attention_mask=mask).logits
        return answer

    def forward(
        self, input_ids: torch.Tensor, attention_mask: torch.Tensor, labels: torch.Tensor
    ) -> torch.Tensor:
        """The mean loss of a labelled token."""
        scores = self.scores(input_ids, attention_mask)  # (B, L, C)
        if self.crf is None:
            total = torch.nn.functional.cross_entropy(
                scores.flatten(0, 1), labels.flatten(), ignore_index=IGNORED, reduction="sum"
            )
            # a batch without any word would be 0 / 0 as a mean
            return total / (labels != IGNORED).sum().clamp(min=1)
        with torch.autocast(scores.device.type, enabled=False):
            words = _words_first(scores.float(), labels)
            if not words.rows:  # a batch without any word, which the layer cannot take
                return scores.sum() * 0
            likelihood: torch.Tensor = self.crf(
                words.scores, words.labels, mask=words.mask, reduction="token_mean"
            )
        return -likelihood

    def decode(
        self, input_ids: torch.Tensor, attention_mask: torch.Tensor, labels: torch.Tensor
    ) -> torch.Tensor:
        """The best labels (B, L); ``labels`` say where words begin, not what they are."""
        scores = self.scores(input_ids, attention_mask)
        if self.crf is None:
            return scores.argmax(-1)
        words = _words_first(scores.float(), labels)
        found = torch.zeros_like(labels)
        if not words.rows:
            return found
        best: list[list[int]] = self.crf.decode(words.scores, mask=words.mask)
        for own, row, at in zip(best, words.rows, words.order, strict=True):
            found[row, at[: len(own)]] = torch.tensor(own, device=found.device)
        return found

    def exported(self, batch: Batch) -> Exported:
        """Ids and mask in, scores out, with a batch to trace it by."""
        mask = batch["attention_mask"][:, 0, 0]
        return Exported(
            module=_Scores(self).eval(), inputs=(batch["input_ids"], mask),
            names=("input_ids", "attention_mask"),
        )  # fmt: skip


class _Scores(torch.nn.Module):
    """Ids (B, L) and mask (B, L) bool to scores (B, L, C)."""

    def __init__(self, tagger: Tagger) -> None:
        super().__init__()
        self.tagger = tagger

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        return self.tagger.scores(input_ids, attention_mask[:, None, None, :])


@dataclasses.dataclass(frozen=True)
class _Words:
    """The words of sentences from the first position on: what a CRF takes.

    ``rows`` are the sentences that have a word at all, ``order`` the positions their words had.
    """

    scores: torch.Tensor
    labels: torch.Tensor
    mask: torch.Tensor
    rows: list[int]
    order: torch.Tensor


def _words_first(scores: torch.Tensor, labels: torch.Tensor) -> _Words:
    is_word = labels != IGNORED  # (B, L)
    rows = is_word.any(1).nonzero().flatten()
    is_word, scores, labels = is_word[rows], scores[rows], labels[rows]
    order = (~is_word).to(torch.uint8).argsort(dim=1, stable=True)  # words before all others
    longest = int(is_word.sum(1).max()) if len(rows) else 0
    order = order[:, :longest]
    kept = order[:, :, None].expand(-1, -1, scores.shape[-1])
    mask = is_word.gather(1, order)
    return _Words(
        scores=scores.gather(1, kept),
        labels=labels.gather(1, order).clamp(0, scores.shape[-1] - 1),
        mask=mask,
        rows=rows.tolist(),
        order=order,
    )


def _crf(labels: int) -> Any:
    """pytorch-crf's layer; ModuleNotFoundError names the package that has it."""
    from torchcrf import CRF

    return CRF(labels, batch_first=True)
