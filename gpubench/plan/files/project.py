"""pyproject.toml and Pipfile: dependencies of a project, of its extras and groups."""

from collections.abc import Sequence
from typing import Any

from gpubench.errors import UnreadableInput
from gpubench.knowledge.tables import tomllib
from gpubench.plan.files.reading import Reading
from gpubench.plan.files.shell import Word
from gpubench.plan.files.specifiers import of_pip, of_poetry
from gpubench.plan.files.stated import Source, Stack, Stated, normalised


def recognises(name: str, text: str) -> bool:  # noqa: ARG001 - the arguments of every kind
    """True by name."""
    return name.rsplit("/", 1)[-1] in ("pyproject.toml", "Pipfile")


def parsed_toml(source: Source) -> dict[str, Any]:
    """The content of a TOML file; UnreadableInput where it is none."""
    try:
        content: dict[str, Any] = tomllib.loads(source.text.replace("\r\n", "\n"))
    except (ValueError, RecursionError) as problem:
        raise UnreadableInput(f"{source.name}: not valid TOML: {str(problem)[:200]}") from None
    return content


def stacks(source: Source) -> tuple[Stack, ...]:
    """The project alone, and with each of its extras and groups."""
    project = _Project(source, parsed_toml(source))
    base = project.base()
    groups = project.groups(base)
    return (Stack(name="project", facts=tuple(base)), *groups)


class _Project:
    def __init__(self, source: Source, content: dict[str, Any]) -> None:
        self.reading = Reading(source=source)
        self.content = content
        self.tool = _table(content, "tool")
        self.poetry = _table(self.tool, "poetry")

    def base(self) -> list[Stated]:
        """What is installed whatever is chosen."""
        project = _table(self.content, "project")
        requires = project.get("requires-python") or _table(self.content, "requires").get(
            "python_version"
        )
        if isinstance(requires, str):
            value = requires if not requires[:1].isdigit() else f"=={requires}.*"
            self._state("python", "requires-python", value, requires)
        self._requirements(project.get("dependencies"))
        self._tables(_table(self.poetry, "dependencies"))
        self._tables(_table(self.content, "packages"))
        self._indexes(None)
        return self._taken()

    def groups(self, base: list[Stated]) -> list[Stack]:
        found = [
            *_table(_table(self.content, "project"), "optional-dependencies").items(),
            *_table(self.content, "dependency-groups").items(),
        ]
        stacks = []
        for name, entries in found[:50]:
            self._requirements(entries)
            self._indexes(str(name))
            stacks.append(Stack(name=f"with {name}", facts=(*base, *self._taken())))
        for name, group in list(_table(self.poetry, "group").items())[:50]:
            self._tables(_table(group, "dependencies"))
            stacks.append(Stack(name=f"with {name}", facts=(*base, *self._taken())))
        return stacks

    def _taken(self) -> list[Stated]:
        facts, self.reading.facts = self.reading.facts, []
        return facts

    def _requirements(self, entries: Any) -> None:
        for text in entries if isinstance(entries, list) else ():
            parsed = of_pip(text) if isinstance(text, str) else None
            if parsed:
                self._state("package", parsed[0], parsed[1], text)

    def _tables(self, entries: dict[str, Any]) -> None:
        """Poetry's and Pipenv's tables: a name, and a constraint or a table with a version."""
        for name, value in entries.items():
            text = value.get("version", "") if isinstance(value, dict) else value
            if not isinstance(text, str):
                continue
            if name == "python":
                self._state("python", "requires-python", of_poetry(text), text)
            else:
                self._state("package", normalised(name), of_poetry(text), text, near=name)

    def _indexes(self, group: str | None) -> None:
        """The index that uv or Poetry takes torch from, in this group."""
        uv = _table(self.tool, "uv")
        urls = {
            entry.get("name"): entry.get("url")
            for entry in [*_list(uv, "index"), *_list(self.poetry, "source")]
            if isinstance(entry, dict)
        }
        source = _table(uv, "sources").get("torch")
        for entry in source if isinstance(source, list) else [source]:
            if isinstance(entry, dict) and entry.get("extra", entry.get("group")) == group:
                self._index(urls.get(entry.get("index")))
        poetry = _table(self.poetry, "dependencies").get("torch")
        if group is None and isinstance(poetry, dict):
            self._index(urls.get(poetry.get("source")))

    def _index(self, url: Any) -> None:
        if isinstance(url, str):
            self._state("index", "index-url", url, url)

    def _state(self, kind: str, name: str, value: str, text: str, *, near: str = "") -> None:
        line = _line_of(self.reading.lines, text, near)
        word = Word(text=text, raw=text, line=line + self.reading.source.first_line)
        self.reading.state(kind, name, value, word, via="poetry" if near else "project")


def _table(content: Any, name: str) -> dict[str, Any]:
    found = content.get(name) if isinstance(content, dict) else None
    return found if isinstance(found, dict) else {}


def _list(content: dict[str, Any], name: str) -> list[Any]:
    found = content.get(name)
    return found if isinstance(found, list) else []


def _line_of(lines: Sequence[str], text: str, near: str) -> int:
    """The first line that holds ``text`` behind ``near``; 0 where there is none."""
    for number, line in enumerate(lines):
        if text in line and (not near or line.lstrip().strip("\"'").startswith(near)):
            return number
    return 0
