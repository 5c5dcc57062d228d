"""Labelled sentences in BIO/CoNLL files: read strictly, each fault named by file and line."""

import dataclasses
import re
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from gpubench.errors import BadData
from gpubench.suites.numbered import Numbered
from gpubench.suites.tag_schemes import scheme_of

ENDINGS = (".txt", ".bio", ".bmes", ".conll", ".iob", ".iob2", ".tsv", ".ner")

LABEL = re.compile(r"O|[BIESMLU]-\S+")
"""Labels of the schemes BIO, IOB, BIOES, BMES and BILOU."""

LONGEST_LINE = 65_536
"""Bytes; a corpus has one word a line, so a longer one is something else (own choice)."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Sentence:
    """Words and their labels, one each."""

    words: tuple[str, ...]
    labels: tuple[str, ...]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Corpus:
    """The sentences of all files, and the lines that are no part of one.

    ``numbered_files`` wrote each character with its number in its word, which was taken off.
    """

    sentences: tuple[Sentence, ...]
    files: tuple[str, ...]
    marker_lines: int
    numbered_files: tuple[str, ...] = ()

    @property
    def labels(self) -> tuple[str, ...]:
        """All labels that occur, ``O`` first."""
        seen = {label for sentence in self.sentences for label in sentence.labels}
        return ("O", *sorted(seen - {"O"}))

    @property
    def scheme(self) -> str:
        """What the prefixes of the labels mean: the name of a scheme."""
        return scheme_of(self.labels) or "unknown"

    @property
    def words(self) -> int:
        """How many words all sentences have together."""
        return sum(len(sentence.words) for sentence in self.sentences)


def read_corpus(place: str) -> Corpus:
    """The sentences of a file, or of every corpus file directly in a folder.

    BadData names the file and line where columns or labels do not hold.
    """
    sentences: list[Sentence] = []
    markers = 0
    numbered: list[str] = []
    paths, prefixes = _files(place), Prefixes()
    for path in paths:
        reader = _Reader(path, prefixes)
        found = reader.sentences()
        markers += reader.marker_lines
        if reader.numbered.holds:
            numbered.append(path.name)
            found = [_without_numbers(sentence) for sentence in found]
        sentences += found
    if not sentences:
        raise BadData(f"{place}: no sentence in it")
    return Corpus(
        sentences=tuple(sentences),
        files=tuple(path.name for path in paths),
        marker_lines=markers,
        numbered_files=tuple(numbered),
    )


def _without_numbers(sentence: Sentence) -> Sentence:
    return Sentence(words=tuple(word[:-1] for word in sentence.words), labels=sentence.labels)


class Prefixes:
    """The prefixes of the labels so far, which must be those of one scheme."""

    def __init__(self) -> None:
        self._seen: dict[str, str] = {}

    def fault(self, label: str) -> str | None:
        """What is wrong with a label after those before it; None where it fits."""
        if label == "O" or label[0] in self._seen:
            return None
        if scheme_of([*self._seen.values(), label]) is None:
            others = ", ".join(sorted(self._seen.values()))
            return f"the label {label[:40]!r} is of another scheme than {others[:80]} before it"
        self._seen[label[0]] = label
        return None


def _files(place: str) -> list[Path]:
    path = Path(place)
    if path.is_dir():
        found = sorted(
            entry for entry in path.iterdir() if entry.suffix in ENDINGS and entry.is_file()
        )
        if not found:
            raise BadData(f"{place}: no corpus file in it (looked for *{' *'.join(ENDINGS)})")
        return found
    if not path.exists():
        raise BadData(f"{place}: no such file or folder")
    if not stat.S_ISREG(path.stat().st_mode):
        raise BadData(f"{place}: not a regular file")
    return [path]


class _Reader:
    """One file, read line by line; the first line of data fixes the number of columns."""

    def __init__(self, path: Path, prefixes: Prefixes) -> None:
        self._path, self._prefixes = path, prefixes
        self._columns = 0
        self.marker_lines = 0
        self.numbered = Numbered()

    def sentences(self) -> list[Sentence]:
        try:
            with self._path.open("rb") as stream:
                found = list(self._sentences(stream))
        except OSError as problem:
            raise BadData(f"{self._path}: {problem.strerror or problem}") from None
        if self.numbered.fault is not None:
            raise self._fault(*self.numbered.fault)
        return found

    def _sentences(self, stream: BinaryIO) -> Iterator[Sentence]:
        words: list[str] = []
        labels: list[str] = []
        for number, line in self._lines(stream):
            if not line.strip() or self._is_marker(line):
                if words:
                    yield Sentence(words=tuple(words), labels=tuple(labels))
                words, labels = [], []
                self.numbered.sentence_ended()
                continue
            word, label = self._split(number, line)
            self.numbered.read(number, word)
            words.append(word)
            labels.append(label)
        if words:
            yield Sentence(words=tuple(words), labels=tuple(labels))

    def _lines(self, stream: BinaryIO) -> Iterator[tuple[int, str]]:
        """Numbered lines; only LF and CRLF end one, since a word may be any other character."""
        number = 0
        while raw := stream.readline(LONGEST_LINE + 1):
            number += 1
            if len(raw) > LONGEST_LINE:
                raise self._fault(number, f"longer than {LONGEST_LINE} bytes, not a word a line")
            if number == 1 and raw[:2] in (b"\xff\xfe", b"\xfe\xff"):
                raise self._fault(1, "the file is UTF-16; convert it to UTF-8 (iconv)")
            try:
                text = raw.decode("utf-8-sig" if number == 1 else "utf-8")
            except UnicodeDecodeError as problem:
                raise self._fault(
                    number, f"not UTF-8 ({problem.reason}); convert the file (iconv)"
                ) from None
            text = text.removesuffix("\n").removesuffix("\r")
            if "\r" in text:
                raise self._fault(number, "a carriage return within the line; convert the file")
            yield number, text

    def _is_marker(self, line: str) -> bool:
        """A document boundary of CoNLL-2003, or a comment of CoNLL-U."""
        marker = line.startswith("-DOCSTART-") or (
            line.startswith("# ") and LABEL.fullmatch(line.split()[-1]) is None
        )
        self.marker_lines += marker
        return marker

    def _split(self, number: int, line: str) -> tuple[str, str]:
        # not split(): it would take an ideographic space, which may be the word, for a separator
        columns = line.split("\t") if "\t" in line else [c for c in line.split(" ") if c]
        self._columns = self._columns or len(columns)
        if len(columns) < 2:
            raise self._fault(
                number,
                "one column; a word and its label are expected, with a tab or spaces between",
            )
        if len(columns) != self._columns:
            raise self._fault(
                number, f"{len(columns)} columns, the lines before have {self._columns}"
            )
        label = columns[-1].strip()
        if LABEL.fullmatch(label) is None:
            raise self._fault(
                number, f"the last column is {label[:40]!r}, not a label such as O or B-PER"
            )
        foreign = self._prefixes.fault(label)
        if foreign is not None:
            raise self._fault(number, foreign)
        return columns[0], label

    def _fault(self, number: int, message: str) -> BadData:
        return BadData(f"{self._path}, line {number}: {message}")
