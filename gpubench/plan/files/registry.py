"""The kinds of file that are read, each a module with ``recognises`` and ``stacks``."""

import dataclasses
import sys
from pathlib import Path
from types import ModuleType

from gpubench import codec
from gpubench.errors import UnreadableInput
from gpubench.plan.files import (
    compose,
    conda,
    dockerfile,
    locks,
    markdown,
    project,
    python_code,
    requirements,
    script,
)
from gpubench.plan.files.stated import MAX_BYTES, Source, Stack, decoded


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """One kind of file."""

    name: str
    module: ModuleType


KINDS = (
    Kind(name="lock file", module=locks),
    Kind(name="pyproject", module=project),
    Kind(name="Markdown", module=markdown),
    Kind(name="Dockerfile", module=dockerfile),
    Kind(name="conda environment", module=conda),
    Kind(name="compose file", module=compose),
    Kind(name="Python script", module=python_code),
    Kind(name="shell script", module=script),
    Kind(name="requirements", module=requirements),
)
"""The first that recognises a file reads it."""


def read_source(path: str) -> Source:
    """The text of the file ``path``, or of stdin for ``-``; UnreadableInput otherwise."""
    if path == "-":
        content = sys.stdin.buffer.read(MAX_BYTES + 1)
        if len(content) > MAX_BYTES:
            raise UnreadableInput(f"stdin: larger than {MAX_BYTES} bytes")
        return Source(name="stdin", text=decoded(content, "stdin"))
    found = Path(path)
    content = codec.read_bytes(found, MAX_BYTES)
    return Source(name=path, text=decoded(content, path), folder=found.parent)


def read_stacks(source: Source) -> tuple[str, tuple[Stack, ...]]:
    """The kind of a file and the stacks it states; UnreadableInput where no kind is its."""
    for kind in KINDS:
        if kind.module.recognises(source.name, source.text):
            return kind.name, kind.module.stacks(source)
    raise UnreadableInput(
        f"{source.name}: neither a Dockerfile nor requirements, an environment.yml, a "
        "pyproject.toml, a lock file, a script or Markdown with such a block"
    )
