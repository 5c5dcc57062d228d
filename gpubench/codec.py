"""Files: records to versioned JSON and back, written so that nothing is ever half there."""

import contextlib
import dataclasses
import functools
import io
import json
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeVar, cast

from gpubench.errors import UnknownSchema, UnreadableInput, UnwritableOutput

T = TypeVar("T")

MAX_BYTES = 64 * 2**20
"""The largest JSON file that is read (own choice: a 5-process record of every mode is 1 MiB)."""


def to_plain(value: Any) -> Any:
    """A record as JSON's own types; tuples become lists."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {
            field.name: to_plain(getattr(value, field.name)) for field in dataclasses.fields(value)
        }
    if isinstance(value, dict):
        return {str(key): to_plain(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [to_plain(entry) for entry in value]
    return value


def to_json(value: Any, *, indent: int | None = None) -> str:
    """Strict JSON; a NaN that slipped into a record is written as null, never as ``NaN``."""
    return json.dumps(_finite(to_plain(value)), indent=indent, ensure_ascii=False, allow_nan=False)


def _finite(value: Any) -> Any:
    if isinstance(value, float) and (value != value or value in (float("inf"), float("-inf"))):
        return None
    if isinstance(value, dict):
        return {key: _finite(entry) for key, entry in value.items()}
    if isinstance(value, list):
        return [_finite(entry) for entry in value]
    return value


@functools.lru_cache(maxsize=64)
def _adapter(kind: Any) -> Any:
    from pydantic import TypeAdapter

    return TypeAdapter(kind)


def from_plain(kind: type[T], plain: Any, source: str) -> T:
    """The record of type ``kind`` in ``plain``; UnreadableInput names the field that is wrong."""
    from pydantic import ValidationError

    try:
        return cast("T", _adapter(cast("Any", kind)).validate_python(plain))
    except ValidationError as problem:
        first = problem.errors()[0]
        where = ".".join(str(step) for step in first["loc"]) or "the top level"
        raise UnreadableInput(f"{source}: {where}: {first['msg']}") from None


def parse_json(text: str | bytes, source: str) -> Any:
    """The JSON value in ``text``; UnreadableInput says where it stops being JSON.

    Pydantic's parser took a tenth of the time of Python's on a record's lines (own measurement);
    what it refuses is read again by Python's, which knows the line and column.
    """
    from pydantic_core import from_json

    with contextlib.suppress(ValueError):
        return from_json(text)
    try:
        return json.loads(text)
    except json.JSONDecodeError as problem:
        raise UnreadableInput(
            f"{source}: not valid JSON at line {problem.lineno}, column {problem.colno}: "
            f"{problem.msg}"
        ) from None
    except (UnicodeDecodeError, RecursionError, ValueError) as problem:
        raise UnreadableInput(f"{source}: not valid JSON: {problem}") from None


def check_schema(plain: Any, schema: str, source: str) -> dict[str, Any]:
    """``plain`` itself, if it says that it follows ``schema`` (``name/major``)."""
    if not isinstance(plain, dict) or "schema" not in plain:
        raise UnreadableInput(f"{source}: no {schema} in it (it names no schema)")
    if plain["schema"] != schema:
        raise UnknownSchema(source, plain["schema"], schema)
    return plain


def read_bytes(path: Path, limit: int = MAX_BYTES) -> bytes:
    """The content of a regular file of at most ``limit`` bytes; UnreadableInput otherwise."""
    try:
        if not path.is_file():
            raise UnreadableInput(
                f"{path}: not a file" if path.exists() else f"{path}: no such file"
            )
        with path.open("rb") as stream:
            size = os.fstat(stream.fileno()).st_size or limit  # of what the kernel makes up: 0
            content = stream.read(min(size, limit) + 1)  # memory is taken for as much as is asked
    except OSError as problem:
        raise UnreadableInput(f"{path}: {problem.strerror or problem}") from None
    if len(content) > limit:
        raise UnreadableInput(f"{path}: larger than {limit} bytes")
    return content


def write_text(path: Path, text: str) -> None:
    """Write ``text`` at ``path`` whole or not at all; UnwritableOutput says why not.

    A device or a pipe (/dev/stdout, /dev/null) is written to, never replaced by a file.
    """
    if _is_special(path):
        return _write_through(path, text)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    except OSError as problem:
        raise UnwritableOutput.of(path, problem) from None
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as stream:
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())
        Path(name).chmod(0o666 & ~_umask())
        Path(name).replace(path)
    except OSError as problem:
        with contextlib.suppress(OSError):
            Path(name).unlink()
        raise UnwritableOutput.of(path, problem) from None
    except BaseException:
        with contextlib.suppress(OSError):
            Path(name).unlink()
        raise


def _is_special(path: Path) -> bool:
    try:
        return path.exists() and not path.is_file()
    except OSError:  # writing will say why
        return False


def _write_through(path: Path, text: str) -> None:
    try:
        with path.open("w", encoding="utf-8") as stream:
            stream.write(text)
    except OSError as problem:
        raise UnwritableOutput.of(path, problem) from None


def _umask() -> int:
    """The process's umask, which can only be read by setting it."""
    mask = os.umask(0o077)
    os.umask(mask)
    return mask


def append_line(path: Path, value: Any) -> None:
    """Append one JSON line and wait until it is on the disk; a line cut short is taken back."""
    line = (to_json(value) + "\n").encode()
    try:
        # unbuffered: a buffer would be written once more when the file is closed
        with path.open("ab", buffering=0) as stream:
            before = stream.tell()
            try:
                _write_whole(stream, line)
                os.fsync(stream.fileno())
            except BaseException:
                with contextlib.suppress(OSError):
                    stream.truncate(before)
                raise
    except OSError as problem:
        raise UnwritableOutput.of(path, problem) from None


def _write_whole(stream: "io.FileIO", content: bytes) -> None:
    """A full disk may take a part of it, and say so at the next attempt."""
    while content:
        content = content[stream.write(content) :]


def read_lines(path: Path) -> tuple[list[Any], bool]:
    """The JSON values of a line file, and whether a torn last line was dropped."""
    content = read_bytes(path)
    return _lines(content, str(path))


def _lines(content: bytes, source: str) -> tuple[list[Any], bool]:
    *whole, rest = content.split(b"\n")
    values = list(_parsed(whole, source))
    return values, bool(rest.strip())


def _parsed(lines: list[bytes], source: str) -> Iterator[Any]:
    for number, line in enumerate(lines, start=1):
        if line.strip():
            yield parse_json(line, f"{source}, line {number}")
