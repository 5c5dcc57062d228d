"""Imports in Python code that stands in a file; the code is parsed by lines, never run."""

import re
from collections.abc import Iterator, Mapping

from gpubench.plan.files.reading import Reading
from gpubench.plan.files.shell import Word
from gpubench.plan.files.stated import Source, Stack

_FROM = re.compile(r"(?:^|;)[ \t]*from[ \t]{1,20}([\w.]{1,100})[ \t]{1,20}import[ \t]{0,20}(\(?)")
_FIRST = re.compile(
    r"(?:[ \t]*(?:#[^\n]*)?\r?\n)*(?:import[ \t]+\w|from[ \t]+[\w.]{1,100}[ \t]+import\b)"
)
_NAMES = re.compile(r"[\w* \t,.]+")
_MARKS = (("torch.compile", re.compile(r"\btorch\.compile\(")),)
_MODULES = ("torchvision.models", "transformers")
_ATTRIBUTE = re.compile(r"(?<![\w.])(torchvision\.models|\w{1,100})\.(\w{1,100})")
_AS = re.compile(
    r"\bimport[ \t]{1,20}(torchvision\.models|transformers)[ \t]{1,20}as[ \t]{1,20}(\w{1,100})"
)
_FROM_PACKAGE = re.compile(
    r"\bfrom[ \t]{1,20}(torchvision)[ \t]{1,20}import[ \t]{1,20}(models)\b"
    r"(?:[ \t]{1,20}as[ \t]{1,20}(\w{1,100}))?"
)
_IMPORTED = re.compile(r"\bimport[ \t]{1,20}[\w.,* \t]{1,2000}")


def recognises(name: str, text: str) -> bool:
    """True by name; for a text without a telling name where its first statement is an import."""
    if "." in name.rsplit("/", 1)[-1]:
        return name.endswith(".py")
    return _FIRST.match(text[:5000]) is not None


def stacks(source: Source) -> tuple[Stack, ...]:
    """The imports of a script."""
    reading = Reading(source=source)
    read(reading, source.text, source.first_line)
    return (Stack(name="script", facts=tuple(reading.facts)),)


def read(reading: Reading, code: str, first_line: int) -> None:
    """Every ``from module import name`` of ``code``, and what it uses by full name or alias."""
    lines = code.replace("\r\n", "\n").split("\n")
    aliases: dict[str, str] = {}
    for number, line in enumerate(lines):
        if len(line) > 5000 or line.lstrip().startswith("#"):
            continue
        for found in _FROM.finditer(line):
            _names(reading, found, lines, number, first_line)
        aliases.update(_aliases(line))
        for module, name in _used(line, aliases):
            word = Word(text=name, raw=f"{module}.{name}", line=first_line + number)
            reading.state("import", name, module, word, via="attribute")
        for mark, pattern in _MARKS:
            if pattern.search(line):
                reading.state("use", mark, None, first_line + number)


def _aliases(line: str) -> Iterator[tuple[str, str]]:
    """Short names of modules, as ``import torchvision.models as m`` gives them."""
    for module, alias in _AS.findall(line):
        yield alias, module
    for package, module, alias in _FROM_PACKAGE.findall(line):
        yield alias or module, f"{package}.{module}"


def _used(line: str, aliases: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Module and name of every use outside imports."""
    for package, name in _ATTRIBUTE.findall(_IMPORTED.sub("", line).partition("#")[0]):
        module = aliases.get(package, package)
        if module in _MODULES:
            yield module, name


def _names(
    reading: Reading, found: "re.Match[str]", lines: list[str], number: int, first_line: int
) -> None:
    """The names after ``import``: to the end of the line, or to the closing bracket."""
    rest, last = lines[number][found.end() :], number
    if found[2]:
        last = min(number + 100, len(lines))
        chunk = [rest, *lines[number + 1 : last]]
    else:
        chunk = [rest.partition(";")[0]]
    for offset, text in enumerate(chunk):
        inside, closed, _ = text.partition(")")
        for part in inside.partition("#")[0].split(","):
            name = part.strip().split(" ")[0].strip("\\\"'")
            if name.isidentifier():
                via = "from-lines" if found[2] and len(chunk) > 1 and not closed else "from"
                line = first_line + number + offset
                word = Word(text=name, raw=f"from {found[1]} import {name}", line=line)
                reading.state("import", name, found[1], word, via=via)
        if closed and found[2]:
            return
