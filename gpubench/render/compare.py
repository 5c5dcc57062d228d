"""The formats of a comparison; each is a module with ``render(comparison)``."""

import dataclasses
import importlib
from collections.abc import Callable

from gpubench.errors import UnknownName
from gpubench.gate.compare import Comparison

Render = Callable[[Comparison], str]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Format:
    """A format's name and its module."""

    name: str
    module: str


FORMATS = (
    Format(name="text", module="gpubench.render.compare_text"),
    Format(name="markdown", module="gpubench.render.compare_markdown"),
    Format(name="json", module="gpubench.render.compare_json"),
    Format(name="junit", module="gpubench.render.compare_junit"),
    Format(name="github-benchmark", module="gpubench.render.compare_github_benchmark"),
    Format(name="github", module="gpubench.render.compare_github"),
)


def renderer(name: str) -> Render:
    """The function that writes a comparison in the format of that name."""
    for entry in FORMATS:
        if entry.name == name:
            render: Render = importlib.import_module(entry.module).render
            return render
    raise UnknownName("format", name, (entry.name for entry in FORMATS))
