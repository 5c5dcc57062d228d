"""BERT named-entity recognition: encoder, dropout 0.1, linear head; sentences or seeded tokens.

Letters in shapes: B sentences in a batch, L tokens in each (padded), C labels.
"""

import dataclasses
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
import transformers
from transformers import BertConfig, BertForTokenClassification

from gpubench.bench.feed import Feed
from gpubench.bench.job import Workload, public_name
from gpubench.bench.task import Batch
from gpubench.errors import BadUsage
from gpubench.suites import hub_data, lengths, seeded_files, sentence_source, tokens
from gpubench.suites.exact import switch_off_dropout
from gpubench.suites.hub_names import is_data_name
from gpubench.suites.sentences import Corpus, read_corpus

REVISION = "1"
"""Raised whenever a change here changes what is trained; records of two revisions differ."""

VOCABULARY = 21_128
"""Entries of bert-base-chinese's vocabulary; the embedding's size sets memory and time."""

SYNTHETIC_LABELS = ("O", "B-LOC", "B-ORG", "B-PER", "I-LOC", "I-ORG", "I-PER")
BATCH_SIZE = {"smoke": 8, "standard": 16, "procurement": 64}
SEQUENCE_LENGTH = 128
LEARNING_RATE = 2e-5

SMOKE_SHAPE = {
    "hidden_size": 128,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 512,
}
"""What `smoke` trains: few enough operations for two CPU cores (own choice)."""

SMOKE_LEARNING_RATE = 1e-3
"""A network this small, from random weights, needs larger steps for its loss to move."""

TAKES_ATTENTIONS_SHAPE = int(transformers.__version__.partition(".")[0]) >= 5
"""Whether BERT takes a mask as attention uses it; transformers 4 adds the heads' axis itself."""


class TaggerLoss(torch.nn.Module):
    """A token classifier that answers its own cross-entropy over the labelled tokens."""

    def __init__(self, tagger: torch.nn.Module) -> None:
        super().__init__()
        self.tagger = tagger

    def forward(
        self, input_ids: torch.Tensor, attention_mask: torch.Tensor, labels: torch.Tensor
    ) -> torch.Tensor:
        """The mean loss of tokens (B, L) with mask (B, 1, 1, L) and labels (B, L).

        The mask comes in the shape attention uses. From a (B, L) mask transformers asks in every
        step whether anything is masked at all, and that answer waits for the device.
        """
        mask = attention_mask if TAKES_ATTENTIONS_SHAPE else attention_mask[:, 0]  # (B, 1, L)
        answer = self.tagger(input_ids=input_ids, attention_mask=mask, labels=labels)
        loss: torch.Tensor = answer.loss
        return loss


class NerTask:
    """A BERT with its sentences, ready to be trained."""

    def __init__(self, workload: Workload, *, exact: bool) -> None:
        self._workload = workload
        smoke = workload.preset == "smoke"
        is_small = smoke and workload.model is None
        self.learning_rate = SMOKE_LEARNING_RATE if is_small else LEARNING_RATE
        self.batch_size = workload.batch_size or BATCH_SIZE[workload.preset]
        self._length = workload.sequence_length or SEQUENCE_LENGTH
        self._labels = workload.labels or SYNTHETIC_LABELS
        torch.manual_seed(workload.seed)
        built = tagger(workload, self._labels)
        if self._length > built.config.max_position_embeddings:
            raise BadUsage(
                f"--sequence-length {self._length} is more than the "
                f"{built.config.max_position_embeddings} positions of this model"
            )
        self._vocabulary = int(built.config.vocab_size)
        self.model = TaggerLoss(built)
        if exact:
            switch_off_dropout(self.model)
        self._read = 0
        feed = workload.feed
        self._bucketed = workload.data is not None and feed.lengths == "bucketed"
        self.settings: Mapping[str, Any] = {
            "item": "window" if workload.data and feed.long == "window" else "sentence",
            "model": model_name(workload),
            "layers": built.config.num_hidden_layers,
            "hidden_size": built.config.hidden_size,
            "sequence_length": self._length,
            "labels": len(self._labels),
            "vocabulary": self._vocabulary,
            "dropout": dropout(self.model),
            "optimizer": f"AdamW, learning rate {self.learning_rate:g}",
            "data": _data_name(workload),
            **({} if workload.data is None else {"lengths": feed.lengths, "long": feed.long}),
        }

    @property
    def cycle(self) -> int:
        """After how many batches every length has had its share of them."""
        return lengths.CYCLE if self._bucketed else 1

    def batches(self) -> Iterator[Batch]:
        """Sentences of the corpus, or seeded tokens."""
        if self._workload.data is None:
            return self._workload.shard.of(self._synthetic())
        return self._from_corpus(self._workload.data)

    def _from_corpus(self, place: str) -> Iterator[Batch]:
        feed = self._workload.feed
        tokenizer = tokens.load(self._workload.tokenizer)
        rows = sentence_source.rows_of(read_corpus(place), tokenizer, feed, self._length)
        for batch in sentence_source.batches(
            rows, tokenizer, self._labels, feed, batch_size=self.batch_size,
            seed=self._workload.seed,
            workers=0 if self._workload.tier == "resident" else feed.processes,
            shard=self._workload.shard,
        ):  # fmt: skip
            self._read += len(batch["labels"])
            yield batch

    def contents(self, batch: Batch) -> Mapping[str, int]:
        """Padded and real tokens of a batch on the host."""
        return sentence_source.contents(batch)

    def _synthetic(self) -> Iterator[Batch]:
        """Full-length sentences whose label follows from the token, so that it can be learnt."""
        generator = torch.Generator().manual_seed(self._workload.seed)
        shape = (self.batch_size, self._length)
        while True:
            tokens_drawn = torch.randint(100, self._vocabulary, shape, generator=generator)
            labels = tokens_drawn % len(self._labels)
            labels[:, 0] = labels[:, -1] = tokens.IGNORED
            mask = torch.ones(shape, dtype=torch.bool)
            yield _pinned(
                {
                    "input_ids": tokens_drawn,
                    "attention_mask": mask[:, None, None, :],
                    "labels": labels,
                },
                self._workload.feed,
            )

    def data(self) -> Mapping[str, Any]:
        """Sentences handed to the model so far, counting repeats."""
        return {"sentences_read": self._read} if self._workload.data else {}

    def loss_terms(self, batch: Batch) -> torch.Tensor:
        """The labelled tokens of a batch: what its mean loss is a mean of."""
        return (batch["labels"] != tokens.IGNORED).sum()

    def meta_batch(self) -> Batch:
        """Shapes alone; NotImplementedError where batches have several."""
        if self._bucketed:
            raise NotImplementedError("batches of several lengths have no one count")
        shape = (self.batch_size, self._length)
        return {
            "input_ids": torch.empty(shape, dtype=torch.long, device="meta"),
            "attention_mask": torch.empty(shape, dtype=torch.bool, device="meta")[:, None, None],
            "labels": torch.empty(shape, dtype=torch.long, device="meta"),
        }


def survey(workload: Workload, scratch: str) -> tuple[Workload, Mapping[str, Any]]:
    """Read and encode the corpus once: its labels, a tokenizer, and what was cut or left."""
    if workload.data is None and workload.tier == "resident":
        return workload, {}
    place = _files(workload, scratch)
    corpus = read_corpus(place)
    tokenizer_place, said = _tokenizer(workload, corpus, scratch)
    tokenizer = tokens.load(tokenizer_place)
    length = workload.sequence_length or SEQUENCE_LENGTH
    rows = sentence_source.rows_of(corpus, tokenizer, workload.feed, length)
    pieces = dataclasses.replace(corpus, sentences=rows.sentences)
    encoded = tokens.encode(pieces, tokenizer, corpus.labels, length)
    surveyed = dataclasses.replace(
        workload,
        data=place,
        made=workload.data is None,
        tokenizer=tokenizer_place,
        labels=corpus.labels,
    )
    return surveyed, {
        "files": list(corpus.files),
        "sentences_found": len(corpus.sentences),
        "words_found": corpus.words,
        "labels": list(corpus.labels),
        "marker_lines": corpus.marker_lines,
        "longest_sentence_words": max(len(sentence.words) for sentence in corpus.sentences),
        "sentences_truncated": encoded.sentences_truncated,
        "words_cut": encoded.words_cut,
        "words_without_token": encoded.words_without_token,
        "unknown_tokens": encoded.unknown_tokens,
        **sentence_source.facts(rows, encoded),
        "tokenizer": said,
        "tokenizer_entries": len(tokenizer),
    }


def _files(workload: Workload, scratch: str) -> str:
    """Where the sentences lie as files: those given, a hub's, or seeded ones."""
    if workload.data is None:
        return seeded_files.sentences(Path(scratch), workload.seed)
    if is_data_name(workload.data):
        return hub_data.sentences(workload.data, Path(scratch) / "hub")
    return workload.data


def _tokenizer(workload: Workload, corpus: Corpus, scratch: str) -> tuple[str, str]:
    """Where the tokenizer lies, and what to call it; without a model it is built from the data."""
    if workload.model is not None:
        return workload.model, public_name(workload.model)
    where = str(Path(scratch) / "tokenizer.json")
    tokens.train(corpus, VOCABULARY).save(where)
    return where, "built from the data"


def _data_name(workload: Workload) -> str:
    if workload.made:
        return "seeded sentences"
    return "seeded tokens" if workload.data is None else "labelled sentences"


def build(workload: Workload, *, exact: bool = False) -> NerTask:
    """The task of one process."""
    return NerTask(workload, exact=exact)


def model_name(workload: Workload) -> str:
    """What to call the model in a record."""
    return public_name(workload.model) if workload.model else "BERT, random weights"


def tokenizer_name(workload: Workload) -> str:
    """What to call the tokenizer in a record."""
    return "built from the data" if workload.model is None else public_name(workload.model)


def tagger(
    workload: Workload, labels: tuple[str, ...], vocabulary: int = VOCABULARY
) -> BertForTokenClassification:
    """The model that was asked for, or a BERT with random weights and so many entries."""
    if workload.model is not None:
        return _pretrained(workload.model, labels)
    shape = SMOKE_SHAPE if workload.preset == "smoke" else {}
    length = max(512, workload.sequence_length or 0)
    return BertForTokenClassification(
        BertConfig(
            vocab_size=vocabulary,
            num_labels=len(labels),
            max_position_embeddings=length,
            **shape,
        )
    )


def _pretrained(name: str, labels: tuple[str, ...]) -> Any:
    from transformers import AutoConfig, AutoModelForTokenClassification

    try:
        config = AutoConfig.from_pretrained(name, num_labels=len(labels))
        return AutoModelForTokenClassification.from_pretrained(
            name, config=config, ignore_mismatched_sizes=True
        )
    except (OSError, ValueError) as problem:
        raise BadUsage(f"cannot load the model {name}: {str(problem).splitlines()[0]}") from None


def dropout(model: torch.nn.Module) -> float:
    """The largest rate in the model."""
    rates = [m.p for m in model.modules() if isinstance(m, torch.nn.Dropout)]
    return max(rates, default=0.0)


def _pinned(batch: Batch, feed: Feed) -> Batch:
    """The batch in page-locked memory where it is copied to a GPU without waiting."""
    if not feed.pinned or not torch.cuda.is_available():
        return batch
    return {name: tensor.contiguous().pin_memory() for name, tensor in batch.items()}
