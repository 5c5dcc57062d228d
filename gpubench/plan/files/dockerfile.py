"""Dockerfiles: stages, their base images, variables, and what their commands install."""

import dataclasses
import json
import re
from collections.abc import Iterator

from gpubench.plan.files import python_code, requirements
from gpubench.plan.files.commands import read_command, read_shell
from gpubench.plan.files.instructions import Instruction, instructions
from gpubench.plan.files.reading import Reading
from gpubench.plan.files.shell import Word, commands, substituted
from gpubench.plan.files.stated import MAX_STACKS, Source, Stack, Stated

_KEYWORDS = {
    "ADD", "ARG", "CMD", "COPY", "ENTRYPOINT", "ENV", "EXPOSE", "FROM", "HEALTHCHECK", "LABEL",
    "MAINTAINER", "ONBUILD", "RUN", "SHELL", "STOPSIGNAL", "USER", "VOLUME", "WORKDIR",
}  # fmt: skip
_OTHERS = (".txt", ".in", ".toml", ".lock", ".json", ".sh", ".bash", ".yml", ".yaml")
_IMPORT = re.compile(r"\s{0,20}[\w.]{1,200}\s{1,20}import\b")
_FLAG = re.compile(r"\s*--[a-z][\w-]{0,40}(?:=\S{0,1000})?(?=\s)")
_PYTHON_FIRST = re.compile(r"(?:\S{0,200}/)?python[\d.]{0,5}(?:\s+-)?\s*<<")
_FROM = re.compile(r"(\S{1,500})(?:\s+[aA][sS]\s+(\S{1,200}))?\s*$")


@dataclasses.dataclass(slots=True, kw_only=True)
class Stage:
    """One FROM and what follows it."""

    name: str
    variables: dict[str, str]
    facts: list[Stated]


def recognises(name: str, text: str) -> bool:
    """True by name, or where the first instruction is FROM or ARG and others follow a FROM."""
    base = name.rsplit("/", 1)[-1].lower()
    if base.endswith(".py"):
        return False
    if base.startswith(("dockerfile", "containerfile")) or base.endswith(
        (".dockerfile", ".containerfile")
    ):
        return True
    if base.endswith(_OTHERS):
        return False
    found = list(instructions(Source(name=name, text=text[:50_000])))
    if any(i.keyword == "FROM" and _IMPORT.match(i.text) for i in found):
        return False  # Python: from x import y
    words = [i.keyword for i in found]
    known = [word for word in words if word in _KEYWORDS]
    return bool(words) and words[0] in ("FROM", "ARG") and "FROM" in words and len(known) > 1


def stacks(source: Source) -> tuple[Stack, ...]:
    """One stack per stage; a stage that starts from another one has its facts too."""
    reader = _Reader(source)
    for instruction in instructions(source):
        reader.read(instruction)
    reader.close()
    return tuple(Stack(name=stage.name, facts=tuple(stage.facts)) for stage in reader.stages)


# -- reading them ---------------------------------------------------------------------------------


class _Reader:
    """Reads instruction after instruction; ``stages`` holds what they state."""

    def __init__(self, source: Source) -> None:
        self.reading = Reading(source=source, requirements=requirements.read, is_shell=True)
        self.arguments: dict[str, str] = {}
        self.shared: list[Stated] = []
        self.stages: list[Stage] = []
        self.current: Stage | None = None

    def read(self, instruction: Instruction) -> None:
        reader = {
            "FROM": self._from,
            "ARG": self._variables,
            "ENV": self._variables,
            "LABEL": self._variables,
            "RUN": self._run,
            "CMD": self._run,
            "ENTRYPOINT": self._run,
            "COPY": self._copy,
            "ADD": self._copy,
        }.get(instruction.keyword)
        if reader is not None and not self.reading.is_full:
            reader(instruction)

    def close(self) -> None:
        """The stage that was being read is complete."""
        if self.current is not None:
            self.current.facts = list(self.reading.facts)
            self.current.variables = dict(self.reading.variables)
            self.stages.append(self.current)
        elif self.reading.facts:
            self.shared = list(self.reading.facts)

    def _from(self, instruction: Instruction) -> None:
        self.close()
        self.current = None
        if len(self.stages) >= MAX_STACKS:
            return
        words = _FLAG.sub("", " " + instruction.text.replace("\\\n", " ")).strip()
        found = _FROM.match(words)
        if found is None:
            return
        parent = self._parent(found[1])
        name = found[2] or f"stage {len(self.stages) + 1}"
        self.current = Stage(name=name, variables={}, facts=[])
        self.reading.facts = list(parent.facts) if parent else list(self.shared)
        self.reading.variables = dict(parent.variables) if parent else {}
        if parent is None:
            self._image(substituted(found[1], self.arguments), found[1], instruction)

    def _parent(self, name: str) -> Stage | None:
        for number, stage in enumerate(self.stages):
            if name.lower() == stage.name.lower() or name == str(number):
                return stage
        return None

    def _image(self, image: str, raw: str, instruction: Instruction) -> None:
        name, tag = split_image(image)
        line = next(
            (
                instruction.line + offset
                for offset, text in enumerate(instruction.text.split("\n"))
                if raw in text
            ),
            instruction.line,
        )
        word = Word(text=image, raw=raw, line=line, is_literal=image == raw)
        self.reading.state("image", name, tag, word, via="FROM")

    def _variables(self, instruction: Instruction) -> None:
        for name, value, word in _pairs(instruction, self.reading.variables):
            if instruction.keyword == "ARG":
                self._argument(name, value)
            elif instruction.keyword == "ENV" and value is not None:
                self.reading.variables[name] = value
            self.reading.state("variable", name, value, word, via=instruction.keyword)

    def _argument(self, name: str, value: str | None) -> None:
        """An ARG before the first FROM is for the FROMs; one without a value fetches it."""
        if self.current is None:
            self.arguments[name] = substituted(value, self.arguments) if value else ""
        elif value is not None:
            self.reading.variables.setdefault(name, value)
        elif name in self.arguments:
            self.reading.variables.setdefault(name, self.arguments[name])

    def _run(self, instruction: Instruction) -> None:
        """A shell of its own: what it sets is gone when it ends."""
        variables = dict(self.reading.variables)
        self._commands(instruction)
        self.reading.variables = variables

    def _commands(self, instruction: Instruction) -> None:
        text, line = instruction.text, instruction.line
        flags = re.match(r"(?:\s*(?:\\\n)?\s*--[a-z]\S{0,1000}){0,20}", text)
        skipped = flags[0] if flags else ""
        line += skipped.count("\n")
        text = text[len(skipped) :].lstrip(" \t")
        if text.startswith("["):
            self._json(text, line)
            return
        for start, body in instruction.heredocs:
            self._body(text, body, start)
        read_shell(self.reading, text, line)

    def _body(self, text: str, body: str, start: int) -> None:
        """A heredoc: a script for Python or the shell, or a file that is written."""
        is_script = re.search(r">\s{0,5}\S{1,300}\.py(?=[\s\"']|$)", text[:5000]) is not None
        if is_script or _PYTHON_FIRST.match(text) or body.startswith("#!/usr/bin/env python"):
            python_code.read(self.reading, body, start)
        elif not text.lstrip().startswith(("cat", "tee")):
            read_shell(self.reading, body, start)

    def _json(self, text: str, line: int) -> None:
        try:
            words = json.loads(text.replace("\\\n", " "))
        except (ValueError, RecursionError):
            return
        if isinstance(words, list) and all(isinstance(word, str) for word in words):
            read_command(self.reading, [Word(text=word, raw=word, line=line) for word in words])

    def _copy(self, instruction: Instruction) -> None:
        """Which names inside the image are files beside the Dockerfile."""
        words = [word.text for command in commands(instruction.text, 1) for word in command]
        if any(word.startswith("--from") for word in words):
            return
        paths = [word for word in words if not word.startswith("-")]
        for start, body in instruction.heredocs:
            target = paths[-1] if paths else ""
            if target.endswith(".py"):
                python_code.read(self.reading, body, start)
            elif target.endswith(".txt"):
                source = dataclasses.replace(self.reading.source, text=body, first_line=start)
                requirements.read(self.reading, source)
        for path in paths[:-1]:
            name = path.rsplit("/", 1)[-1]
            target = paths[-1].rsplit("/", 1)[-1]
            self.reading.copied[name] = path
            if target:
                self.reading.copied[target] = path


def _pairs(
    instruction: Instruction, variables: dict[str, str]
) -> Iterator[tuple[str, str | None, Word]]:
    """NAME=value …, or the old form of ENV and LABEL: NAME value."""
    words = [
        word for line in commands(instruction.text, instruction.line, variables) for word in line
    ]
    if len(words) > 1 and "=" not in words[0].text and instruction.keyword != "ARG":
        value = " ".join(word.text for word in words[1:])
        raw = f"{words[0].raw} {words[1].raw}"
        yield words[0].text, value, Word(text=value, raw=raw, line=words[0].line)
        return
    for word in words:
        name, equals, value = word.text.partition("=")
        if re.fullmatch(r"[\w.-]{1,200}", name):
            yield name, value if equals else None, word


def split_image(image: str) -> tuple[str, str | None]:
    """Name and tag: docker.io/nvidia/cuda:12.4.1-devel-ubuntu22.04@sha256:… without its digest."""
    image = image.partition("@")[0]
    name, colon, tag = image.rpartition(":")
    if not colon or "/" in tag:
        name, tag = image, ""
    for prefix in ("docker.io/library/", "docker.io/", "library/", "registry.hub.docker.com/"):
        name = name.removeprefix(prefix)
    for known in ("nvidia/cuda", "pytorch/pytorch"):  # of whatever mirror
        if name.endswith(f"/{known}"):
            name = known
    return name, tag or None
