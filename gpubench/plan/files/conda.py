"""conda's environment.yml: channels, packages, and the packages of pip inside.

A small reader of the lists such a file is made of; it is no reader of YAML.
"""

import re
from collections.abc import Iterator

from gpubench.plan.files import requirements
from gpubench.plan.files.commands import conda_package
from gpubench.plan.files.reading import Reading
from gpubench.plan.files.shell import Word
from gpubench.plan.files.specifiers import of_pip
from gpubench.plan.files.stated import Source, Stack

_KEY = re.compile(r"([A-Za-z_][\w-]{0,60})[ \t]*:(?:[ \t]+(.{0,2000}))?$")


def recognises(name: str, text: str) -> bool:
    """True where a list of dependencies stands at the top level."""
    return name.endswith((".yml", ".yaml")) and bool(
        re.search(r"^dependencies[ \t]*:", text, re.MULTILINE)
    )


def stacks(source: Source) -> tuple[Stack, ...]:
    """The one environment such a file describes."""
    reading = Reading(source=source, requirements=requirements.read)
    for section, is_pip, word in _entries(source):
        _entry(reading, section, word, is_pip=is_pip)
    return (Stack(name="environment", facts=tuple(reading.facts)),)


def _entry(reading: Reading, section: str, word: Word, *, is_pip: bool) -> None:
    if section == "channels":
        reading.state("channel", word.text, None, word, via="conda")
    elif section == "variables":
        name, _, value = word.text.partition(":")
        reading.state("variable", name.strip(), _bare(value), word, via="conda")
    elif section == "dependencies" and not is_pip:
        conda_package(reading, word)
    elif section == "dependencies":
        _of_pip(reading, word)


def _of_pip(reading: Reading, word: Word) -> None:
    flag, _, value = word.text.replace("=", " ", 1).partition(" ")
    if flag in ("--index-url", "-i", "--extra-index-url", "-f", "--find-links"):
        name = {"-i": "index-url", "-f": "find-links"}.get(flag, flag.removeprefix("--"))
        reading.state("index", name, value.strip(), word, via="pip")
    elif flag in ("-r", "--requirement", "-c", "--constraint"):
        reading.follow(value.strip())
    elif not word.text.startswith("-"):
        parsed = of_pip(word.text)
        if parsed:
            reading.state("package", parsed[0], parsed[1], word, via="pip")


def _entries(source: Source) -> Iterator[tuple[str, bool, Word]]:
    """Section, whether it is inside ``pip:``, and the entry, of every list item."""
    section, pip_indent = "", -1
    for number, line in enumerate(source.lines, start=source.first_line):
        bare = _without_comment(line).rstrip()
        if not bare.strip() or len(bare) > 2000:
            continue
        indent = len(bare) - len(bare.lstrip())
        text = bare.strip()
        key = _KEY.match(text)
        if indent == 0 and key:
            section, pip_indent = key[1], -1
            yield from ((section, False, word) for word in _flow(key[2] or "", number))
        elif text.startswith("- "):
            item = _bare(text[2:])
            if item in ("pip:", '"pip":'):
                pip_indent = indent
                continue
            if indent <= pip_indent:
                pip_indent = -1
            yield section, pip_indent >= 0, Word(text=item, raw=item, line=number)
        elif section == "variables" and key:
            yield section, False, Word(text=text, raw=text, line=number)


def _without_comment(line: str) -> str:
    at = line.find(" #")
    return "" if line.lstrip().startswith("#") else line[:at] if at >= 0 else line


def _bare(text: str) -> str:
    text = text.strip()
    return text[1:-1] if len(text) > 1 and text[0] == text[-1] and text[0] in "'\"" else text


def _flow(text: str, number: int) -> Iterator[Word]:
    """[pytorch, nvidia] on one line."""
    text = text.strip()
    if text.startswith("[") and text.endswith("]"):
        for part in text[1:-1].split(","):
            yield Word(text=_bare(part), raw=_bare(part), line=number)
