"""Annotations of a GitHub job: workflow commands that the runner shows beside a step.

https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands: one command is
one line, ``::error title=T::message``, and what would end a field is written as ``%XX``.
"""

import dataclasses
from collections.abc import Iterable, Sequence
from typing import Literal

from gpubench.render.machine import one_line

Level = Literal["error", "warning", "notice"]

MOST = 10
"""Annotations of one level that GitHub shows of a step; further ones it drops without a word.

https://docs.github.com/en/rest/checks/runs#create-a-check-run
"""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Annotation:
    """One mark on a job; each of ``lines`` is a line of its message."""

    level: Level
    title: str
    lines: tuple[str, ...]

    def __str__(self) -> str:
        """The command as the runner reads it."""
        message = "\n".join(map(one_line, self.lines))
        return f"::{self.level} title={_property(one_line(self.title))}::{_data(message)}"


def written(annotations: Iterable[Annotation]) -> str:
    """The commands, a line each; of more than are shown the last says how many there are."""
    levels: dict[Level, list[Annotation]] = {"error": [], "warning": [], "notice": []}
    for annotation in annotations:
        levels[annotation.level].append(annotation)
    return "".join(f"{each}\n" for found in levels.values() for each in _shown(found))


def _shown(found: Sequence[Annotation]) -> Sequence[Annotation]:
    if len(found) <= MOST:
        return found
    more = f"{len(found) - MOST + 1} more of them; the summary of the job has all"
    last = Annotation(level=found[0].level, title="gpubench", lines=(more,))
    return [*found[: MOST - 1], last]


def _data(text: str) -> str:
    """A message as the runner takes it back: ``%`` first, or an escape would be escaped."""
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
