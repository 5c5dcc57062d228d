"""The instructions of a Dockerfile: keyword, continued lines, heredocs, with their lines."""

import bisect
import dataclasses
import re
from collections.abc import Iterator

from gpubench.plan.files.stated import Source

_HEREDOC = re.compile(r"<<-?([\"']?)([A-Za-z_]\w{0,60})\1")


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Instruction:
    """One instruction with the lines that belong to it."""

    keyword: str
    text: str
    """What follows the keyword, continued lines still broken as they are."""
    line: int
    heredocs: tuple[tuple[int, str], ...] = ()
    """The first line and the text of each."""


def instructions(source: Source) -> Iterator[Instruction]:
    """Every instruction, in the order of the file."""
    lines, number = source.lines, 0
    ends = _Ends(lines)
    while number < len(lines):
        bare = lines[number].strip()
        if not bare or bare.startswith("#"):
            number += 1
            continue
        start = number
        parts, number = _continued(lines, number)
        keyword, _, text = parts.lstrip().partition(" ")
        if "\t" in keyword:
            keyword, _, text = parts.lstrip().partition("\t")
        opened = [opening[2] for opening in _HEREDOC.finditer(text)]
        heredocs, number = _heredocs(lines, number, opened, ends, source.first_line)
        yield Instruction(
            keyword=keyword.upper()[:40],
            text=text,
            line=start + source.first_line,
            heredocs=tuple(heredocs),
        )


def _continued(lines: list[str], number: int) -> tuple[str, int]:
    """One instruction with its continued lines; comments between them are left out."""
    parts: list[str] = []
    while number < len(lines):
        line = lines[number].rstrip()
        number += 1
        is_comment = bool(parts) and (not line or line.lstrip().startswith("#"))
        parts.append("\\" if is_comment else line)
        if not is_comment and not line.endswith("\\"):
            break
    return "\n".join(parts), number


class _Ends:
    """Where each word stands alone on a line, so that no search goes over the file again."""

    def __init__(self, lines: list[str]) -> None:
        self.places: dict[str, list[int]] = {}
        for number, line in enumerate(lines):
            word = line.strip()
            if word.isidentifier():
                self.places.setdefault(word, []).append(number)

    def after(self, word: str, number: int) -> int | None:
        """The first such line from ``number`` on."""
        places = self.places.get(word, [])
        at = bisect.bisect_left(places, number)
        return places[at] if at < len(places) else None


def _heredocs(
    lines: list[str], number: int, opened: list[str], ends: _Ends, first_line: int
) -> tuple[list[tuple[int, str]], int]:
    found: list[tuple[int, str]] = []
    for word in opened[:10]:
        end = ends.after(word, number)
        if end is None:  # it is never closed, so it was none
            return found, number
        found.append((number + first_line, "\n".join(lines[number:end])))
        number = end + 1
    return found, number
