"""Lock files: poetry.lock, uv.lock, pylock.toml and Pipfile.lock."""

import json
import re
from collections.abc import Iterator
from typing import Any

from gpubench.errors import UnreadableInput
from gpubench.plan.files.project import parsed_toml
from gpubench.plan.files.reading import Reading
from gpubench.plan.files.shell import Word
from gpubench.plan.files.specifiers import is_specifier
from gpubench.plan.files.stated import Source, Stack, normalised

_NAME = re.compile(r"[ \t]*\"?name\"?[ \t]*[=:][ \t]*\"([\w.-]{1,100})\"")


def recognises(name: str, text: str) -> bool:  # noqa: ARG001 - the arguments of every kind
    """True by name."""
    base = name.rsplit("/", 1)[-1]
    return base in ("poetry.lock", "uv.lock", "Pipfile.lock") or bool(
        re.fullmatch(r"pylock(?:\.[\w-]{1,60})?\.toml", base)
    )


def stacks(source: Source) -> tuple[Stack, ...]:
    """What a lock file installs; a package locked in several releases is left out."""
    reading = Reading(source=source)
    entries = list(
        _pipenv(source) if source.name.endswith(".lock") and _is_json(source) else _toml(source)
    )
    lines = _lines_of(reading)
    names = [name for name, _, _ in entries]
    for name, version, index in entries:
        if names.count(name) > 1 if len(names) < 2000 else False:
            continue
        line = lines.get(name, source.first_line)
        specifier = f"=={version}"
        if not is_specifier(specifier):
            continue
        word = Word(text=name, raw=version, line=line)
        reading.state("package", name, specifier, word, via="lock")
        if name == "torch" and index:
            reading.state("index", "index-url", index, word, via="lock")
    return (Stack(name="lock", facts=tuple(reading.facts), is_locked=True),)


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


def _lines_of(reading: Reading) -> dict[str, int]:
    """The line on which each package's entry begins."""
    found: dict[str, int] = {}
    for number, line in enumerate(reading.lines, start=reading.source.first_line):
        named = _NAME.match(line) or re.match(r"[ \t]*\"([\w.-]{1,100})\": \{", line)
        if named:
            found.setdefault(normalised(named[1]), number)
    return found
