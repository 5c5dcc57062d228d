"""Pasted text as lines: decoded leniently, stripped of what pasting adds, each claimed once."""

import codecs
import contextlib
import re
from collections.abc import Callable, Iterator

from gpubench.env.redact import ESCAPES

HEAD, TAIL = 2 * 2**20, 2**20
"""Characters that are looked at from the beginning and the end: reports are far shorter."""
HEAD_LINES, TAIL_LINES = 14_000, 6_000
"""Lines that are looked at from the beginning and the end."""
MAX_LINE = 4_000
"""Characters of a line that are looked at."""
LONGEST_KEY = 150
"""Lines of the longest private key: RSA of 16384 bits."""
BINARY_SHARE = 0.2
"""The share of characters that are none in text; more of them, and it is no text at all."""

_TERMINAL = re.compile(ESCAPES)
_CONTROL = re.compile(
    r"[\x00-\x08\x0b\x0e-\x1f\x7f-\x84\x86-\x9f\u200b-\u200f\u202a-\u202e\u2066-\u2069\ufeff]"
)
_NO_TEXT = re.compile(r"[\x00-\x08\x0e-\x1a\x1c-\x1f\ufffd]")
_KEY_LINE = re.compile(r"[\s>|]*(?:[A-Za-z0-9+/=]{16,}|(?:Proc-Type|DEK-Info):.*)?\s*$")
_LINE_END = re.compile(r"\r\n?|[\n\x0c\x85\u2028\u2029]")
_QUOTED = re.compile(r"^(?:\s{0,3}>\s?)+")
_PLAIN = {"：": ": ", "\u00a0": " ", "\u3000": " ", "（": "(", "）": ")", "＝": "="}
"""Letters of other alphabets' keyboards, and what stands in reports for them."""


def decode(content: bytes) -> str:
    """The text in ``content``: UTF-8, UTF-16 by its mark or its NULs, GB18030; never fails."""
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
    text = content.decode("utf-8", "replace")
    if not is_text(text):  # pages of Chinese in GBK; other bytes are hardly ever valid in it
        with contextlib.suppress(UnicodeDecodeError):
            return content.decode("gb18030")
    return text


class Pasted:
    """The lines of a paste and which of them a reader has understood."""

    def __init__(self, text: str) -> None:
        self.is_cut = len(text) > HEAD + TAIL
        """Its middle was too long to be looked at."""
        if self.is_cut:
            text = f"{text[:HEAD]}\n{text[-TAIL:]}"
        self.lines = [line[:MAX_LINE] for line in _LINE_END.split(_plain(text))]
        if "PRIVATE KEY" in text:
            _take_out_keys(self.lines)
        if len(self.lines) > HEAD_LINES + TAIL_LINES:
            self.is_cut = True
            del self.lines[HEAD_LINES:-TAIL_LINES]
        self.text = "\n".join(self.lines)
        """What is looked at, as one text."""
        self._folded = self.text.lower()
        self._taken = [not line.strip() for line in self.lines]
        self._filled = self._taken.count(False)

    def mentions(self, *words: str) -> bool:
        """True where one of ``words``, in lower case, stands anywhere in what is looked at."""
        return any(word in self._folded for word in words)

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


def _take_out_keys(lines: list[str]) -> None:
    """Empty the lines of private keys: up to their end, or as far as lines look like one's."""
    end = -1
    for number, line in enumerate(lines):
        begins = line.rfind("-----BEGIN")
        if begins > line.rfind("-----END") and "PRIVATE KEY" in line[begins:]:
            ahead = range(number + 1, min(number + LONGEST_KEY, len(lines)))
            mark = next((n for n in ahead if "-----" in lines[n]), number)
            end = mark if "-----END" in lines[mark] else number
            lines[number] = line[:begins]
        elif number <= end or (end >= 0 and _KEY_LINE.match(line)):
            lines[number] = ""
            end = -1 if number == end else end
        else:
            end = -1


def _plain(text: str) -> str:
    """``text`` without what a terminal would obey, in the letters reports are written in."""
    if "\x1b" in text:
        text = _TERMINAL.sub("", text)
    if text.isascii() and "\0" not in text:
        return _CONTROL.sub("", text)
    for letter, plain in _PLAIN.items():
        text = text.replace(letter, plain)
    return _CONTROL.sub("", text)


def is_text(text: str) -> bool:
    """False for what is some other kind of file, judged by its beginning."""
    head = text[:65536]
    return len(_NO_TEXT.findall(head)) <= BINARY_SHARE * len(head)


def unquoted(line: str) -> str:
    """``line`` without the marks of a quotation, a list or a code span around it."""
    return _QUOTED.sub("", line).strip().strip("`").strip()
