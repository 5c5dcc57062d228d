"""Lines that programs print when they fail, and the cause each points to."""

import dataclasses
import functools
import re

from gpubench.knowledge.tables import load


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One row of ``error_lines.toml``."""

    pattern: re.Pattern[str]
    meaning: str
    source: str
    cause: str | None = None
    """None where it says nothing of the environment, or only together with other facts."""
    cause_with_gpus: str | None = None
    """The cause where GPUs are described, so that they are not what is missing."""
    cause_in_container: str | None = None
    confidence: str = "likely"
    remedy: str | None = None
    explained_by: tuple[str, ...] = ()
    """Causes that, where they are found for certain, are what this line comes from."""
    wants_gpu: bool = False
    """Whoever reads it expected a GPU to be used."""
    is_programs: bool = False
    """Printed by faulty programs on sound machines as well: it counts only in our own proofs."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """A message that was found, and where it stands."""

    message: Message
    words: str


@functools.cache
def messages() -> tuple[Message, ...]:
    """Every row, the more telling ones first."""
    rows = load("error_lines")["line"]
    return tuple(
        Message(
            pattern=re.compile(row["pattern"]),
            explained_by=tuple(row.get("explained_by", ())),
            **{key: value for key, value in row.items() if key not in ("pattern", "explained_by")},
        )
        for row in rows
    )


def is_message(text: str) -> bool:
    """True where a line on record stands in ``text``."""
    return bool(messages_in(text))


@functools.lru_cache(maxsize=4)
def messages_in(text: str) -> tuple[Said, ...]:
    """The messages that stand in ``text``, in the order of the table; several checks ask of one."""
    found = ((message, message.pattern.search(text)) for message in messages())
    return tuple(Said(message=message, words=place[0]) for message, place in found if place)
