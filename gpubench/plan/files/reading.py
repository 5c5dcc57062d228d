"""Facts as they are collected while a file is read."""

import dataclasses
from collections.abc import Callable

from gpubench.plan.files.shell import Word
from gpubench.plan.files.stated import MAX_FACTS, Source, Stated, neighbour

MAX_FOLLOWED = 20


@dataclasses.dataclass(slots=True, kw_only=True)
class Reading:
    """A file being read: where words are looked up, and what was stated so far."""

    source: Source
    variables: dict[str, str] = dataclasses.field(default_factory=dict)
    facts: list[Stated] = dataclasses.field(default_factory=list)
    copied: dict[str, str] = dataclasses.field(default_factory=dict)
    """Names of files inside the image → the files beside the Dockerfile they are copies of."""
    requirements: "Callable[[Reading, Source], None] | None" = None
    """Reads a file of requirements that a command names."""
    is_shell: bool = False
    command: int = 0
    followed: int = 0
    lines: list[str] = dataclasses.field(default_factory=list)

    def __post_init__(self) -> None:
        self.lines = self.source.lines

    def next_command(self) -> None:
        """What is stated from here on belongs to another command."""
        self.command += 1

    @property
    def is_full(self) -> bool:
        """So much was stated that the rest is left out."""
        return len(self.facts) >= MAX_FACTS

    def line(self, number: int) -> str:
        """A line of the file as it stands."""
        index = number - self.source.first_line
        return self.lines[index] if 0 <= index < len(self.lines) else ""

    def state(
        self, kind: str, name: str, value: str | None, word: Word | int, *, via: str = ""
    ) -> None:
        """One more fact, at a word or a line."""
        if self.is_full:
            return
        number = word if isinstance(word, int) else word.line
        self.facts.append(
            Stated(
                kind=kind,
                name=name[:200],
                value=value[:1000] if value is not None else None,
                file=self.source.name,
                line=number,
                text=self.line(number),
                written=self.line(number).strip() if isinstance(word, int) else word.raw,
                via=via,
                command=self.command,
                is_shell=self.is_shell,
            )
        )

    def follow(self, path: str) -> None:
        """Read the file of requirements ``path``, if it lies beside this one."""
        path = self.copied.get(path.rsplit("/", 1)[-1], path)
        if self.requirements is None or self.followed >= MAX_FOLLOWED or "://" in path:
            return
        found = neighbour(self.source, path.removeprefix("./"))
        if found is not None:
            self.followed += 1
            self.requirements(self, found)
