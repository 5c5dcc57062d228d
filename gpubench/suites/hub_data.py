"""Data sets of a hub as files that suites read; columns are taken for what they say they are."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from gpubench.errors import BadData
from gpubench.suites.hub_names import DataName

WORDS, TAGS = ("tokens", "words"), ("ner_tags", "tags", "labels", "ner")
"""What columns of sentences are called, most usual first."""


def sentences(given: str, folder: Path) -> str:
    """A BIO file of the data set in ``folder``; BadData where its columns are no such thing."""
    asked = DataName.parse(given)
    rows = _load(asked)
    words = _named(asked, rows, WORDS, _is_texts, "words (tokens: a list of strings)")
    tags = _named(
        asked, rows, TAGS, _is_tags, "labels (ner_tags: a list of class labels with names)"
    )
    names = _names(_inner(rows.features[tags]))
    folder.mkdir(parents=True, exist_ok=True)
    place = folder / "sentences.bio"
    with place.open("w", encoding="utf-8") as stream:
        for number, row in enumerate(rows):
            stream.writelines(_lines(asked, number, row[words], row[tags], names))
    return str(place)


def _lines(
    asked: DataName, number: int, words: list[str], tags: list[Any], names: list[str] | None
) -> Iterator[str]:
    if len(words) != len(tags):
        raise BadData(f"{asked.words}, row {number + 1}: {len(words)} words and {len(tags)} labels")
    for word, tag in zip(words, tags, strict=True):
        if not word or set(word) & set("\t\n\r"):
            raise BadData(f"{asked.words}, row {number + 1}: {word!r:.40} cannot be a word")
        if names is not None and not 0 <= tag < len(names):
            raise BadData(f"{asked.words}, row {number + 1}: no label has the number {tag}")
        yield f"{word}\t{tag if names is None else names[tag]}\n"
    yield "\n"


def photographs(given: str, folder: Path) -> str:
    """A folder of image files, a sub-folder a class, their bytes as they are in the data set."""
    from datasets import ClassLabel, Image

    asked = DataName.parse(given)
    rows = _load(asked)
    image = _only(asked, rows, Image, "photographs (an image column)")
    label = _only(asked, rows, ClassLabel, "classes (a label column with names)")
    names = rows.features[label].names
    for number, row in enumerate(rows.cast_column(image, Image(decode=False))):
        content = row[image]["bytes"]
        if content is None:
            content = Path(row[image]["path"]).read_bytes()
        own = folder / f"{row[label]:05}-{_plain(names[row[label]])}"
        own.mkdir(parents=True, exist_ok=True)
        (own / f"{number:08}{_ending(row[image]['path'])}").write_bytes(content)
    return str(folder)


def _plain(name: str) -> str:
    """A class's name as a folder's, whatever it is made of."""
    return "".join(c if c.isalnum() or c in " -_.," else "_" for c in name)[:80]


def _ending(path: str | None) -> str:
    ending = os.path.splitext(path or "")[1].lower()  # noqa: PTH122 - no path of this machine
    return ending if ending[1:].isalnum() and len(ending) <= 5 else ".png"


def _load(asked: DataName) -> Any:
    """The rows of one split; BadData says in one line what is missing."""
    import datasets
    from datasets.exceptions import DatasetsError

    datasets.disable_progress_bars()
    try:
        found = datasets.load_dataset(asked.name, asked.config, split=asked.split)
    except (OSError, ValueError, RuntimeError, LookupError, DatasetsError) as problem:
        said = " ".join(str(problem).split())[:300] or type(problem).__name__
        raise BadData(f"cannot load the data set {asked.words}: {said}") from None
    if isinstance(found, datasets.Dataset):
        return found
    splits = list(found)
    chosen = "train" if "train" in splits else splits[0] if len(splits) == 1 else None
    if chosen is None:
        raise BadData(
            f"the data set {asked.words} has the splits {', '.join(splits)}: "
            f"choose one, hf:{asked.words}@{splits[0]}"
        )
    return found[chosen]


def _named(asked: DataName, rows: Any, names: tuple[str, ...], fits: Any, what: str) -> str:
    """The first column of these names that is what it should be."""
    for name in names:
        if name in rows.features and fits(rows.features[name]):
            return name
    raise _no_column(asked, rows, what)


def _only(asked: DataName, rows: Any, kind: type, what: str) -> str:
    """The one column of a kind; with several nobody could say which is meant."""
    found = [name for name, feature in rows.features.items() if isinstance(feature, kind)]
    if len(found) != 1:
        raise _no_column(asked, rows, what)
    return found[0]


def _no_column(asked: DataName, rows: Any, what: str) -> BadData:
    columns = ", ".join(f"{name} ({_words(feature)})" for name, feature in rows.features.items())
    return BadData(
        f"the data set {asked.words} has no one column of {what}; it has {columns[:400]}"
    )


def _words(feature: Any) -> str:
    inner = _inner(feature)
    kind = getattr(inner, "dtype", None) or type(inner).__name__
    kind = f"{kind} with names" if _names(inner) else str(kind)
    return kind if inner is feature else f"list of {kind}"


def _inner(feature: Any) -> Any:
    """What a list is a list of: datasets 4 calls it List, earlier releases Sequence or [..]."""
    if isinstance(feature, list):
        return feature[0]
    return getattr(feature, "feature", feature)


def _is_texts(feature: Any) -> bool:
    inner = _inner(feature)
    return inner is not feature and getattr(inner, "dtype", None) in ("string", "large_string")


def _is_tags(feature: Any) -> bool:
    """A list of class labels that have names, or of labels as text."""
    inner = _inner(feature)
    return inner is not feature and (_names(inner) is not None or _is_texts(feature))


def _names(inner: Any) -> list[str] | None:
    names = getattr(inner, "names", None)
    return list(names) if names else None
