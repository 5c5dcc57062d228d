"""Facts as a file states them, each with its line; and the stacks they make up."""

import dataclasses
import re
from collections.abc import Iterator
from pathlib import Path

from gpubench.errors import UnreadableInput

MAX_BYTES = 2**20
MAX_FACTS = 5_000
"""More than any stack states (own choice); what comes after is left out."""

MAX_STACKS = 100
"""Stages, blocks or images of one file that are judged (own choice)."""

_NOISE = re.compile(r"[\x01-\x08\x0e-\x1a\x1c-\x1f]")


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Stated:
    """One fact of a file."""

    kind: str
    """``image``, ``package``, ``index``, ``python``, ``system-package``, ``repository``,
    ``import``, ``variable``, ``channel`` or ``use``."""
    name: str
    value: str | None = None
    """A package's is a PEP 440 specifier, empty for any release; None is not to be resolved."""
    file: str
    line: int
    text: str = ""
    """The line as it stands."""
    written: str = ""
    """The words of it that state this."""
    via: str = ""
    """Who installs or sets it: pip, conda, apt, lock, FROM, ENV, ARG, LABEL."""
    command: int = 0
    """What one command states shares a number."""
    is_shell: bool = False
    """It stands in words of a shell, which are to be quoted."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Stack:
    """What ends up in one environment: a stage of a Dockerfile, or a whole file."""

    name: str
    facts: tuple[Stated, ...]
    is_locked: bool = False
    """The file is written by a tool and is not to be edited."""

    def of_kind(self, kind: str) -> Iterator[Stated]:
        """Every fact of a kind, in the order of the file."""
        return (fact for fact in self.facts if fact.kind == kind)

    def last(self, kind: str, *names: str) -> Stated | None:
        """The last fact of a kind and of one of these names: what holds in the end."""
        found = None
        for fact in self.of_kind(kind):
            if not names or fact.name in names:
                found = fact
        return found

    def package(self, *names: str) -> Stated | None:
        """The last statement about a package; one with a release goes before one without."""
        stated = [f for f in self.of_kind("package") if f.name in names]
        pinned = [f for f in stated if f.value]
        return pinned[-1] if pinned else stated[-1] if stated else None


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A text to read facts from."""

    name: str
    """As it is shown."""
    text: str
    folder: Path | None = None
    """Where files it names are looked for; None where there is none."""
    first_line: int = 1
    """The number of its first line in the file."""
    depth: int = 0
    """How many files led to this one."""

    @property
    def lines(self) -> list[str]:
        """The lines, without their ends; nothing but a line feed ends one, as in editors."""
        return self.text.replace("\r\n", "\n").split("\n")


def normalised(name: str) -> str:
    """A distribution's name as indexes write it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def decoded(content: bytes, name: str) -> str:
    """The text of a file; UnreadableInput where it is no text."""
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        text = content.decode("utf-16", "replace")
    else:
        try:
            text = content.decode("utf-8-sig")
        except UnicodeDecodeError:  # whatever it is, what is judged is ASCII
            text = content.decode("latin-1")
    if "\0" in text or len(_NOISE.findall(text)) > len(text) // 50:
        raise UnreadableInput(f"{name}: not a text file")
    return text


def neighbour(source: Source, path: str) -> "Source | None":
    """A small regular file that ``source`` names, inside its folder; None for any other."""
    if source.folder is None or source.depth >= 5 or not path or len(path) > 500:
        return None
    try:
        folder = source.folder.resolve()
        found = (folder / path).resolve()
        if not found.is_relative_to(folder) or not found.is_file():
            return None
        if found.stat().st_size > MAX_BYTES:
            return None
        text = decoded(found.read_bytes(), path)
    except (OSError, ValueError, RuntimeError, UnreadableInput):
        return None
    return Source(name=path, text=text, folder=folder, depth=source.depth + 1)
