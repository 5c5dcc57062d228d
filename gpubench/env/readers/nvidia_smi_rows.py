"""Rows of tables as they were printed, whatever pasting did to them."""

import html
import re
from collections.abc import Callable, Iterator

from gpubench.env.readers.pasted import Pasted

DATE = re.compile(r"\s*(?:[A-Z][a-z]{2}\s){2}\s?\d{1,2}\s[\d:]{8}\s\d{4}\s*$")
"""The line above the table: ``Thu Oct 12 10:11:12 2023``."""
PIECES = 3
"""Lines into which a terminal breaks one row at most."""

WIDEST = 180
"""Characters of a row; in a longer line the rows of a table have lost their line ends."""

_GLUED = re.compile(r"([|+])[ \t]{1,200}(?=[|+])")
_QUOTED = re.compile(r"^(?:\s{0,3}>\s?){1,9}")
_BARS = str.maketrans({"│": "|", "┃": "|", "║": "|", "─": "-", "━": "-"})


def rows(pasted: Pasted, wanted: Callable[[str], bool]) -> Iterator[tuple[list[int], str]]:
    """The rows that are wanted, with the numbers of their lines.

    They are put together again where a narrow terminal broke them.
    """
    numbers: list[int] = []
    text = ""
    for number, raw in list(pasted.free()):
        if not numbers and not wanted(raw):
            continue
        line = plain(raw)
        if len(line) > WIDEST and not numbers:
            yield from (([number], piece) for piece in _GLUED.sub(r"\1\n", line).split("\n"))
            continue
        starts = line.lstrip().startswith(("|", "+"))
        if numbers and not starts and "|" in line and _follows(number, numbers):
            numbers.append(number)
            text += line
            if _ends(line):
                yield numbers, text
                numbers = []
            continue
        if numbers:
            yield numbers, text
            numbers = []
        if starts and "|" in line and not _ends(line):
            numbers, text = [number], line
        else:
            yield [number], line
    if numbers:
        yield numbers, text


def _follows(number: int, numbers: list[int]) -> bool:
    return number == numbers[-1] + 1 and len(numbers) < PIECES


def _ends(line: str) -> bool:
    return line.rstrip().endswith(("|", "+"))


def plain(line: str) -> str:
    """A line without quotation marks, with plain bars for drawn or escaped ones."""
    if "&" in line:
        line = html.unescape(line)
    return _QUOTED.sub("", line.translate(_BARS).replace("\\|", "|")).strip("`")
