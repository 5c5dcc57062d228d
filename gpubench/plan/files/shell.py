"""Splits shell text into commands and words that know their line; nothing is ever run.

shlex loses the line a word stands on, which every finding names.
"""

import dataclasses
import re
from collections.abc import Iterator, Mapping, Sequence

_TOKEN = re.compile(
    r"(?P<space>(?:[ \t\r]|\\\r?\n)+)"
    r"|(?P<end>\n|&&|\|\||[;|&(){}]+(?=[\s;|&(){}]|$)|[;|()])"
    r"|(?P<redirect>\d?(?:>>?|<<?<?)&?\d?(?=[\s]))"
    r"|(?P<comment>\#[^\n]*)"
    r"|(?P<word>(?:[^\s\"'\\;|&()]+|\\.|\"(?:[^\"\\]|\\.)*(?:\"|\Z)|'[^']*(?:'|\Z)|&(?!&|\s))+)"
    r"|(?P<other>.)",
    re.DOTALL,
)
_PIECE = re.compile(r"\\(.)|\"((?:[^\"\\]|\\.)*)\"?|'([^']*)'?|([^\\\"']+)", re.DOTALL)
_VARIABLE = re.compile(r"\$(?:\{(\w{1,100})(?:(:?)-([^${}]{0,500}))?\}|(\w{1,100}))")


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Word:
    """One word of a command."""

    text: str
    """Without quotes, variables put in."""
    raw: str
    """As it stands."""
    line: int
    is_literal: bool = True
    """It stands so in the file, without a variable."""


Command = Sequence[Word]


def commands(
    text: str, first_line: int, variables: Mapping[str, str] | None = None
) -> list[list[Word]]:
    """The simple commands of ``text``, each a list of words; linear in its length."""
    return list(each_command(text, first_line, variables))


def each_command(
    text: str, first_line: int, variables: Mapping[str, str] | None = None
) -> Iterator[list[Word]]:
    """The same, one by one: a variable that is set meanwhile is put into those that follow."""
    found: list[Word] = []
    line = first_line
    for token in _TOKEN.finditer(text):
        kind, raw = token.lastgroup, token[0]
        if kind == "word":
            found.append(_word(raw, line, {} if variables is None else variables))
        elif kind in ("end", "other") and found:
            yield found
            found = []
        line += raw.count("\n")
    if found:
        yield found


def _word(raw: str, line: int, variables: Mapping[str, str]) -> Word:
    text = unquoted(raw)
    filled = substituted(text, variables) if "$" in text and not raw.startswith("'") else text
    return Word(text=filled, raw=raw, line=line, is_literal=filled == text)


def unquoted(raw: str) -> str:
    """A word as the shell hands it on."""
    pieces = []
    for escaped, double, single, plain in _PIECE.findall(raw):
        if double:
            double = re.sub(r"\\([\"\\$`])", r"\1", double.replace("\\\n", ""))
        pieces.append(("" if escaped == "\n" else escaped) or double or single or plain)
    return "".join(pieces)


def substituted(text: str, variables: Mapping[str, str]) -> str:
    """``text`` with the variables that are known put in; others stay as they are."""

    def value(found: re.Match[str]) -> str:
        name = found[1] or found[4]
        known = variables.get(name)
        if known is None or (known == "" and found[2]):  # ${A:-x} is for an empty one too
            known = found[3] if found[3] is not None else known
        return found[0] if known is None else known[:300]

    return _VARIABLE.sub(value, text)
