"""Pasted text as lines: decoded leniently, stripped of what pasting adds, each claimed once."""

import codecs
import re
from collections.abc import Callable, Iterator

MAX_LINES = 200_000
MAX_LINE = 4_000
"""Characters of a line that are looked at; a report's own lines are far shorter."""

_TERMINAL = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)?|\x1b.")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2066-\u2069\ufeff]")
_LINE_END = re.compile(r"\r\n?|\n|\u2028|\u2029")
_QUOTED = re.compile(r"^(?:\s{0,3}>\s?)+")
_PLAIN = str.maketrans({"：": ":", "\u00a0": " ", "\u3000": " ", "（": "(", "）": ")", "＝": "="})


def decode(content: bytes) -> str:
    """The text in ``content``: UTF-8, or UTF-16 where a mark or its NULs say so; never fails."""
    for mark, name in (
        (codecs.BOM_UTF8, "utf-8-sig"),
        (codecs.BOM_UTF16_LE, "utf-16"),
        (codecs.BOM_UTF16_BE, "utf-16"),
    ):
        if content.startswith(mark):
            return content.decode(name, "replace")
    head = content[:4096]
    if head.count(0) * 3 > len(head):
        little = head[1::2].count(0) >= head[::2].count(0)
        return content.decode("utf-16-le" if little else "utf-16-be", "replace")
    return content.decode("utf-8", "replace")


class Pasted:
    """The lines of a paste and which of them a reader has understood."""

    def __init__(self, text: str) -> None:
        lines = _LINE_END.split(_TERMINAL.sub("", text), MAX_LINES)
        self.dropped = max(0, len(lines) - MAX_LINES)
        """Whether the rest beyond ``MAX_LINES`` lines was not looked at: 0 or 1."""
        self.lines = [_tidy(line) for line in lines[:MAX_LINES]]
        self.text = "\n".join(self.lines)
        self._taken = [not line.strip() for line in self.lines]
        self._filled = self._taken.count(False)

    def take(self, number: int) -> None:
        """Line ``number`` was understood; nobody else is offered it."""
        self._taken[number] = True

    def free(self, start: int = 0) -> Iterator[tuple[int, str]]:
        """The lines from ``start`` on that nobody has taken, with their numbers."""
        for number in range(start, len(self.lines)):
            if not self._taken[number]:
                yield number, self.lines[number]

    def block(self, start: int, belongs: Callable[[str], bool]) -> Iterator[tuple[int, str]]:
        """The lines after ``start`` as long as each ``belongs``, empty ones passed over."""
        for number in range(start + 1, len(self.lines)):
            line = self.lines[number]
            if line.strip() and not belongs(line):
                return
            if line.strip() and not self._taken[number]:
                yield number, line

    @property
    def line_count(self) -> int:
        """Lines that are not empty."""
        return self._filled

    @property
    def free_count(self) -> int:
        """Lines that nobody has understood."""
        return self._taken.count(False)


def _tidy(line: str) -> str:
    if line.isascii() and line.isprintable():
        return line[:MAX_LINE]  # the common case, at a tenth of the cost
    return _CONTROL.sub("", line[:MAX_LINE].translate(_PLAIN))


def unquoted(line: str) -> str:
    """``line`` without the marks of a quotation, a list or a code span around it."""
    return _QUOTED.sub("", line).strip().strip("`").strip()
