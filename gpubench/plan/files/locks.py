"""Lock files: poetry.lock, uv.lock, pylock.toml and Pipfile.lock."""

import dataclasses
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from gpubench.errors import UnreadableInput
from gpubench.plan.files.project import parsed_toml
from gpubench.plan.files.reading import Reading
from gpubench.plan.files.shell import Word
from gpubench.plan.files.specifiers import is_specifier, local_tag
from gpubench.plan.files.stated import Source, Stack, Stated, normalised

_NAME = re.compile(r"[ \t]*\"?name\"?[ \t]*[=:][ \t]*\"([\w.-]{1,100})\"")

MAX_VARIANTS = 20
"""Releases of torch in one lock file that are judged (own choice)."""


def recognises(name: str, text: str) -> bool:  # noqa: ARG001 - the arguments of every kind
    """True by name."""
    base = name.rsplit("/", 1)[-1]
    return base in ("poetry.lock", "uv.lock", "Pipfile.lock") or bool(
        re.fullmatch(r"pylock(?:\.[\w-]{1,60})?\.toml", base)
    )


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Locked:
    """One entry of a lock file."""

    name: str
    version: str
    index: str
    line: int

    @property
    def specifier(self) -> str:
        """The release, with its local tag."""
        return f"=={self.version}"

    @property
    def bare(self) -> str:
        """The release without its local tag."""
        return f"=={self.version.partition('+')[0]}"


def stacks(source: Source) -> tuple[Stack, ...]:
    """What a lock file installs: one stack for every torch that is locked, as uv locks several."""
    entries = _entries(source)
    variants = entries.get("torch", [])
    chosen = [
        {name: _of_variant(found, variant) for name, found in entries.items()}
        for variant in variants[:MAX_VARIANTS] or (None,)
    ]
    return tuple(
        Stack(name="lock", facts=tuple(_facts(source, entries)), is_locked=True)
        for entries in chosen
    )


def _of_variant(found: Sequence[Locked], variant: Locked | None) -> Locked | None:
    """The entry that is installed with this torch; None where nothing says which of several."""
    if len(found) == 1 or variant in found:
        return variant if variant in found else found[0]
    tag = local_tag(variant.specifier) if variant else None
    for entry in found:
        if variant and local_tag(entry.specifier) == tag and entry.index == variant.index:
            return entry
    if len({entry.bare for entry in found}) > 1:
        return None
    return dataclasses.replace(found[0], version=found[0].bare.removeprefix("=="))


def _facts(source: Source, entries: Mapping[str, Locked | None]) -> list[Stated]:
    reading = Reading(source=source)
    for entry in entries.values():
        if entry is None or not is_specifier(entry.specifier):
            continue
        word = Word(text=entry.name, raw=entry.version, line=entry.line)
        reading.state("package", entry.name, entry.specifier, word, via="lock")
        if entry.name == "torch" and entry.index:
            reading.state("index", "index-url", entry.index, word, via="lock")
    return reading.facts


def _entries(source: Source) -> dict[str, list[Locked]]:
    """Every entry by the name of its package, in the order of the file."""
    is_json = source.name.endswith(".lock") and _is_json(source)
    lines = _lines_of(Reading(source=source))
    found: dict[str, list[Locked]] = {}
    for name, version, index in _pipenv(source) if is_json else _toml(source):
        same = found.setdefault(name, [])
        at = lines.get(name, [source.first_line])
        line = at[min(len(same), len(at) - 1)]
        same.append(Locked(name=name, version=version, index=index, line=line))
    return found


def _is_json(source: Source) -> bool:
    return source.text.lstrip()[:1] == "{"


def _toml(source: Source) -> Iterator[tuple[str, str, str]]:
    content = parsed_toml(source)
    for key in ("package", "packages"):
        entries = content.get(key)
        for entry in entries if isinstance(entries, list) else ():
            if isinstance(entry, dict) and isinstance(entry.get("version"), str):
                yield normalised(str(entry.get("name"))), entry["version"], _index(entry)


def _index(entry: dict[str, Any]) -> str:
    """The index a package comes from, as Poetry, uv and pylock write it."""
    source = entry.get("source")
    found = source.get("url") or source.get("registry") if isinstance(source, dict) else None
    found = found or entry.get("index")
    return found if isinstance(found, str) else ""


def _pipenv(source: Source) -> Iterator[tuple[str, str, str]]:
    try:
        content = json.loads(source.text)
    except (ValueError, RecursionError) as problem:
        raise UnreadableInput(f"{source.name}: not valid JSON: {str(problem)[:200]}") from None
    urls = _pipenv_indexes(content)
    section = content.get("default") if isinstance(content, dict) else None
    for name, entry in section.items() if isinstance(section, dict) else ():
        version = entry.get("version") if isinstance(entry, dict) else None
        if isinstance(version, str):
            yield normalised(name), version.lstrip("="), urls.get(str(entry.get("index")), "")


def _pipenv_indexes(content: Any) -> dict[str, str]:
    meta = content.get("_meta") if isinstance(content, dict) else None
    sources = meta.get("sources") if isinstance(meta, dict) else None
    return {
        str(entry.get("name")): str(entry.get("url"))
        for entry in (sources if isinstance(sources, list) else ())
        if isinstance(entry, dict)
    }


def _lines_of(reading: Reading) -> dict[str, list[int]]:
    """The lines on which each package's entries begin."""
    found: dict[str, list[int]] = {}
    for number, line in enumerate(reading.lines, start=reading.source.first_line):
        named = _NAME.match(line) or re.match(r"[ \t]*\"([\w.-]{1,100})\": \{", line)
        if named:
            found.setdefault(normalised(named[1]), []).append(number)
    return found
