"""BERT that learns to name entities: real or seeded sentences, a linear or a CRF head.

Letters in shapes: B sentences in a batch, L tokens in each (padded), C labels.
"""

import dataclasses
import hashlib
import random
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from gpubench.bench.feeding import moved
from gpubench.bench.job import Workload
from gpubench.bench.learning.asked import HELD_OUT, Training
from gpubench.bench.learning.learner import Computing, Exported
from gpubench.bench.task import Batch
from gpubench.errors import BadData, BadUsage
from gpubench.suites import bert_ner, hub_data, seeded_entities, sentence_source, tokens
from gpubench.suites.delivery import delivered
from gpubench.suites.entity_scores import entity_scores
from gpubench.suites.hub_names import is_data_name
from gpubench.suites.sentences import Corpus, Sentence, read_corpus
from gpubench.suites.tag_schemes import scheme_of
from gpubench.suites.taggers import Tagger

LOOKED_AHEAD = 4
"""Batches of validation that are as large as one of training (own choice): no gradients wait."""


def learner(workload: Workload, training: Training, scratch: str) -> "NerLearner":
    """The learner of a workload: its corpora read, its tokenizer made, its model built."""
    place, validation = _places(workload, training, scratch)
    trained, judged = _split(read_corpus(place), validation, workload.seed)
    tokenizer_place = _tokenizer(workload, training, trained)
    return NerLearner(workload, training, trained, judged, tokenizer_place)


def _places(workload: Workload, training: Training, scratch: str) -> tuple[str, str | None]:
    """Where the sentences lie that are trained on, and those that are not if they are apart."""
    if workload.data is not None:
        given = training.validation
        validation = None if given is None else _place(given, Path(scratch) / "validation")
        return _place(workload.data, Path(scratch) / "data"), validation
    if training.validation is not None:
        raise BadUsage("--validation judges what was learnt from --data: name that, too")
    return seeded_entities.write(Path(scratch), workload.seed)


def _place(given: str, folder: Path) -> str:
    return hub_data.sentences(given, folder) if is_data_name(given) else given


def _split(whole: Corpus, validation: str | None, seed: int) -> tuple[Corpus, Corpus]:
    """What is trained on and what is judged by: a share held out by the seed, or another corpus."""
    if validation is not None:
        return whole, _of_labels(read_corpus(validation), whole)
    order = list(range(len(whole.sentences)))
    random.Random(seed).shuffle(order)  # noqa: S311 - an order, not a secret
    held = max(1, round(HELD_OUT * len(order)))
    if held == len(order):
        raise BadData("one sentence alone cannot be trained on and judged by; add sentences")
    return _part(whole, sorted(order[held:])), _part(whole, sorted(order[:held]))


def _part(whole: Corpus, indices: Sequence[int]) -> Corpus:
    return dataclasses.replace(whole, sentences=tuple(whole.sentences[i] for i in indices))


def _of_labels(judged: Corpus, trained: Corpus) -> Corpus:
    """The corpus to judge by, whose labels mean the same as those trained on.

    Labels that were never trained on count as missed; another scheme is refused.
    """
    if judged.labels[1:] and not {*judged.labels[1:]} & {*trained.labels}:
        raise BadData(
            f"--validation has the labels {', '.join(judged.labels[1:])[:120]}, "
            f"--data has {', '.join(trained.labels[1:])[:120]}: none in common"
        )
    if scheme_of((*judged.labels, *trained.labels)) is None:
        raise BadData(
            f"--validation writes labels as {judged.scheme}, --data as {trained.scheme}: "
            "convert one of them"
        )
    return judged


def _tokenizer(workload: Workload, training: Training, trained: Corpus) -> str:
    """The model's own tokenizer, or one made from the sentences that are trained on.

    That lies with the checkpoints: a training that is gone on with reads the one it began with.
    """
    if workload.tokenizer is not None or workload.model is not None:
        return workload.tokenizer or str(workload.model)
    place = Path(training.checkpoint) / "tokenizer.json"
    if not (training.resume and place.is_file()):
        place.parent.mkdir(parents=True, exist_ok=True)
        part = place.with_suffix(".part")
        tokens.train(trained, bert_ner.VOCABULARY).save(str(part))
        part.replace(place)  # whole or not at all
    return str(place)


class NerLearner:
    """A tagger with sentences to learn from and sentences to be judged by."""

    def __init__(
        self,
        workload: Workload,
        training: Training,
        trained: Corpus,
        judged: Corpus,
        tokenizer_place: str,
    ) -> None:
        self._workload, self._labels = workload, trained.labels
        self._tokenizer = tokens.load(tokenizer_place)
        self._length = workload.sequence_length or bert_ner.SEQUENCE_LENGTH
        self._batch_size = workload.batch_size or bert_ner.BATCH_SIZE["standard"]
        feed = workload.feed
        self._rows = sentence_source.rows_of(trained, self._tokenizer, feed, self._length)
        self._judged = judged
        self._judged_rows = sentence_source.rows_of(judged, self._tokenizer, feed, self._length)
        is_small = workload.preset == "smoke" and workload.model is None
        usual = bert_ner.SMOKE_LEARNING_RATE if is_small else bert_ner.LEARNING_RATE
        asked = training.learning_rate
        self.learning_rate = usual if asked is None else asked
        torch.manual_seed(workload.seed)
        encoder = bert_ner.tagger(workload, self._labels, len(self._tokenizer))
        self.model = Tagger(encoder, head=training.head, labels=len(self._labels))
        if self._length > self.model.positions:
            raise BadUsage(
                f"--sequence-length {self._length} is more than the "
                f"{self.model.positions} positions of this model"
            )
        self.batches_per_epoch = -(-len(self._rows.sentences) // self._batch_size)
        self.settings = self._settings(training)
        self.survey = self._survey(trained)
        self.fingerprint = self._fingerprint(trained)

    # -- what it is --------------------------------------------------------------------------------

    def _settings(self, training: Training) -> Mapping[str, Any]:
        workload = self._workload
        return {
            "item": "sentence",
            "model": bert_ner.model_name(workload),
            **self.model.shape,
            "head": training.head,
            "dropout": bert_ner.dropout(self.model),
            "sequence_length": self._length,
            "long": workload.feed.long,
            "labels": len(self._labels),
            "vocabulary": len(self._tokenizer),
            "batch_size": self._batch_size,
            "learning_rate": self.learning_rate,
            "schedule": training.schedule,
            "data": "seeded sentences" if workload.data is None else "labelled sentences",
            "validation": "given" if training.validation or workload.data is None
            else f"{HELD_OUT:.0%} of the sentences, held out by the seed",
        }  # fmt: skip

    def _survey(self, trained: Corpus) -> Mapping[str, Any]:
        judged = self._judged
        return {
            "files": list(trained.files),
            "sentences": len(trained.sentences),
            "words": trained.words,
            "labels": list(self._labels),
            "scheme": trained.scheme,
            "marker_lines": trained.marker_lines,
            "numbered_files": list(trained.numbered_files),
            "rows": len(self._rows.sentences),
            "validation_sentences": len(judged.sentences),
            "validation_words": judged.words,
            "validation_labels_never_trained": sorted({*judged.labels} - {*self._labels}),
            "tokenizer": bert_ner.tokenizer_name(self._workload),
        }

    def _fingerprint(self, trained: Corpus) -> dict[str, Any]:
        tokenizer = self._tokenizer.backend_tokenizer.to_str()
        return {
            "suite": "bert-ner",
            "revision": bert_ner.REVISION,
            "seed": self._workload.seed,
            "labels": list(self._labels),
            "training sentences": digest_of(trained),
            "validation sentences": digest_of(self._judged),
            "tokenizer": hashlib.sha256(tokenizer.encode()).hexdigest()[:16],
            **{
                name.replace("_", " "): self.settings[name]
                for name in ("model", "hidden_size", "layers", "head", "sequence_length", "long",
                             "batch_size", "learning_rate", "schedule")
            },
        }  # fmt: skip

    # -- what is learnt ----------------------------------------------------------------------------

    def parameter_groups(self) -> list[dict[str, Any]]:
        """All weights alike, as the documents train them."""
        return [{"params": [p for p in self.model.parameters() if p.requires_grad]}]

    def epoch(self, number: int, start: int) -> Iterator[Batch]:
        """Every row once, shuffled by the seed and the epoch; the last batch may be smaller."""
        order = list(range(len(self._rows.sentences)))
        random.Random(f"{self._workload.seed} {number}").shuffle(order)  # noqa: S311 - an order
        size = self._batch_size
        chosen = [order[at : at + size] for at in range(start * size, len(order), size)]
        return self._made(self._rows.sentences, chosen)

    def _made(self, sentences: tuple[Sentence, ...], chosen: list[list[int]]) -> Iterator[Batch]:
        made = sentence_source.SentenceBatches(sentences, self._tokenizer, self._known)
        feed = self._workload.feed
        workers = feed.workers or 0
        order = [(self._length, indices) for indices in chosen]
        return delivered(made, order, feed, workers=workers)

    @property
    def _known(self) -> tuple[str, ...]:
        """The labels with their numbers; those of validation alone come after, never learnt."""
        return (*self._labels, *sorted({*self._judged.labels} - {*self._labels}))

    # -- how good it is ----------------------------------------------------------------------------

    def evaluate(self, device: torch.device, computing: Computing) -> Mapping[str, Any]:
        """Entity F1 over whole sentences; words beyond the longest length are found as O."""
        rows, size = self._judged_rows, LOOKED_AHEAD * self._batch_size
        chosen = [
            list(range(at, min(at + size, len(rows.sentences))))
            for at in range(0, len(rows.sentences), size)
        ]
        found: list[list[str]] = []
        for indices, batch in zip(chosen, self._made(rows.sentences, chosen), strict=True):
            there = moved(batch, device, self._workload.feed)
            with computing():
                numbers = self.model.decode(**there)  # (B, L)
            found += self._words([rows.sentences[i] for i in indices], batch, numbers.cpu())
        whole = self._whole(found)
        expected = [sentence.labels for sentence in self._judged.sentences]
        return {**entity_scores(expected, whole), "items": len(expected)}

    def _words(
        self, rows: Sequence[Sentence], batch: Batch, numbers: torch.Tensor
    ) -> list[list[str]]:
        """A label per word of each row; O for words that have no token, none for repeated ones."""
        answer = tokens.tokenised(rows, self._tokenizer, self._length)
        labelled = batch["labels"] != tokens.IGNORED  # (B, L)
        found = []
        for index, row in enumerate(rows):
            at = dict.fromkeys(w for w, label in enumerate(row.labels) if label != tokens.NO_LABEL)
            own: dict[int, str] = dict.fromkeys(at, "O")
            for position, word in enumerate(answer.word_ids(index)):
                if labelled[index, position]:
                    own[word] = self._labels[int(numbers[index, position])]
            found.append(list(own.values()))
        return found

    def _whole(self, found: list[list[str]]) -> list[list[str]]:
        """The rows of a sentence one after the other."""
        owners = self._judged_rows.owners
        if not owners:
            return found
        whole: list[list[str]] = [[] for _ in self._judged.sentences]
        for owner, labels in zip(owners, found, strict=True):
            whole[owner] += labels
        return whole

    def exported(self) -> Exported:
        """Token ids and mask (B, L) in, scores (B, L, C) out."""
        some = list(range(min(2, len(self._rows.sentences))))
        return self.model.exported(next(self._made(self._rows.sentences, [some])))


def digest_of(corpus: Corpus) -> str:
    """The first 16 digits of SHA-256 over all words and labels."""
    digest = hashlib.sha256()
    for sentence in corpus.sentences:
        digest.update("\0".join((*sentence.words, *sentence.labels, "\n")).encode())
    return digest.hexdigest()[:16]
