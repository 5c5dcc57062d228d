"""Imports in Python code that stands in a file; the code is parsed by lines, never run."""

import re

from gpubench.plan.files.reading import Reading
from gpubench.plan.files.stated import Source, Stack

_FROM = re.compile(r"(?:^|;)[ \t]*from[ \t]{1,20}([\w.]{1,100})[ \t]{1,20}import[ \t]{0,20}(\(?)")
_FIRST = re.compile(
    r"(?:[ \t]*(?:#[^\n]*)?\r?\n)*(?:import[ \t]+\w|from[ \t]+[\w.]{1,100}[ \t]+import\b)"
)
_NAMES = re.compile(r"[\w* \t,.]+")
_MARKS = (("torch.compile", re.compile(r"\btorch\.compile\(")),)
_ATTRIBUTE = re.compile(r"\b(torchvision\.models|transformers)\.(\w{1,100})")


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
    """Every ``from module import name`` of ``code``, and what it uses by full name."""
    lines = code.replace("\r\n", "\n").split("\n")
    for number, line in enumerate(lines):
        if len(line) > 5000 or line.lstrip().startswith("#"):
            continue
        for found in _FROM.finditer(line):
            _names(reading, found, lines, number, first_line)
        for module, name in _ATTRIBUTE.findall(line):
            if "import" not in line:
                reading.state("import", name, module, first_line + number, via="attribute")
        for mark, pattern in _MARKS:
            if pattern.search(line):
                reading.state("use", mark, None, first_line + number)


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
                reading.state("import", name, found[1], first_line + number + offset, via=via)
        if closed and found[2]:
            return
