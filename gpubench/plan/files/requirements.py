"""Files of requirements and constraints, and what pip freeze writes."""

import re
from collections.abc import Iterator

from gpubench.plan.files.reading import Reading
from gpubench.plan.files.shell import Word
from gpubench.plan.files.specifiers import of_pip
from gpubench.plan.files.stated import Source, Stack

_INDEXES = {
    "-i": "index-url",
    "--index-url": "index-url",
    "--extra-index-url": "extra-index-url",
    "-f": "find-links",
    "--find-links": "find-links",
}
_FILES = {"-r", "--requirement", "-c", "--constraint"}
_OPTION = re.compile(r"(--?[a-z-]{1,40})(?:[ \t]*=[ \t]*|[ \t]+|$)(.{0,2000})$")


def recognises(name: str, text: str) -> bool:
    """True where most lines are requirements or options of pip."""
    if name.endswith((".py", ".md", ".toml", ".json", ".yml", ".yaml", ".sh")):
        return False
    reading = Reading(source=Source(name=name, text=text[:100_000]))
    lines = list(logical_lines(reading.source))
    known = sum(_is_known(word.text) for word in lines)
    return known > 0 and known * 2 >= len(lines)


def _is_known(text: str) -> bool:
    return bool(of_pip(_requirement(text)) or (text.startswith("-") and _OPTION.match(text)))


def stacks(source: Source) -> tuple[Stack, ...]:
    """The one environment of a file of requirements."""
    reading = Reading(source=source, requirements=read)
    read(reading, source)
    return (Stack(name="requirements", facts=tuple(reading.facts)),)


def read(reading: Reading, source: Source) -> None:
    """What a file of requirements states, as a part of ``reading``."""
    own = Reading(source=source, requirements=read, facts=reading.facts, command=reading.command)
    own.followed = reading.followed
    for word in logical_lines(source):
        if own.is_full:
            break
        _line(own, word)
    reading.followed = own.followed


def _line(reading: Reading, word: Word) -> None:
    option = _OPTION.match(word.text) if word.text.startswith("-") else None
    if option and option[1] in _INDEXES:
        value = option[2].strip().split(" ")[0].strip("'\"")
        reading.state("index", _INDEXES[option[1]], value, word, via="pip")
    elif option and option[1] in _FILES:
        reading.follow(option[2].strip())
    elif option is None:
        text = _requirement(word.text)
        parsed = of_pip(text)
        if parsed:
            shown = Word(text=text, raw=text, line=word.line)
            reading.state("package", parsed[0], parsed[1], shown, via="pip")


def _requirement(text: str) -> str:
    """The requirement without hashes and other options behind it."""
    return text.partition(" --")[0].rstrip(" \\")


def logical_lines(source: Source) -> Iterator[Word]:
    """Lines that say something, continued ones joined, without comments."""
    joined, started = "", 0
    for number, line in enumerate(source.lines, start=source.first_line):
        bare = line.strip()
        started = started or number
        if bare.startswith("#"):
            bare = ""
        comment = bare.find(" #")
        bare = bare[:comment].rstrip() if comment >= 0 else bare
        if bare.endswith("\\") and len(joined) < 20_000:
            joined += bare[:-1].rstrip() + " "
            continue
        text = (joined + bare).strip()
        if text and len(text) < 20_000:
            yield Word(text=text, raw=text, line=started)
        joined, started = "", 0
