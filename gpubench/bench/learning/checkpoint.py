"""Checkpoints: the whole state of a training in one file, never half written, never executed.

Written by ``torch.save`` and read with ``weights_only``, so that a file can hold tensors and plain
values alone. What a file says is checked before anything of it is used.
"""

import dataclasses
import os
import random
import tempfile
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from gpubench.errors import BadData, NotComparable, UnwritableOutput

SCHEMA = "gpubench.checkpoint/1"
PREFIX, ENDING = "step-", ".pt"
UNFINISHED = ".unfinished-"
"""How the name of a file begins that is being written; one that was left behind is removed."""

MOST_GROWTH = 1.5
"""How much larger than its file a checkpoint's content may be: torch stores it uncompressed."""

PARTS = ("schema", "fingerprint", "step", "model", "optimizer", "scheduler", "scaler", "chance",
         "epoch_losses")  # fmt: skip


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """Where a training stands after ``step`` steps; the states are those of torch's own objects.

    ``epoch_losses`` are the sum and the number of losses of the epoch that has begun.
    """

    fingerprint: Mapping[str, Any]
    step: int
    model: Mapping[str, Any]
    optimizer: Mapping[str, Any]
    scheduler: Mapping[str, Any]
    scaler: Mapping[str, Any] | None
    epoch_losses: tuple[float, int]


def write(folder: Path, state: State, *, kept: int) -> Path:
    """Write a checkpoint, flushed to the disk before it gets its name; only ``kept`` stay."""
    path = folder / f"{PREFIX}{state.step:08}{ENDING}"
    content = {
        "schema": SCHEMA,
        "chance": _chance(),
        **{field.name: getattr(state, field.name) for field in dataclasses.fields(state)},
    }
    content["fingerprint"] = dict(state.fingerprint)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _write_whole(path, content)
        for old in _steps(folder)[:-kept]:
            old.unlink(missing_ok=True)
    except OSError as problem:
        raise UnwritableOutput.of(path, problem) from None
    except RuntimeError as problem:  # how torch's writer says that a disk is full
        raise UnwritableOutput(f"cannot write {path}: {_first_line(problem)}") from None
    return path


def _write_whole(path: Path, content: Mapping[str, Any]) -> None:
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=UNFINISHED)
    try:
        with os.fdopen(handle, "wb") as stream:
            torch.save(content, stream)
            stream.flush()
            os.fsync(stream.fileno())
        Path(name).replace(path)
        _sync_folder(path.parent)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def _sync_folder(folder: Path) -> None:
    """Have the new name on the disk too, not only the content."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def newest(folder: Path) -> Path | None:
    """The checkpoint of the last step in a folder; None where there is none."""
    found = _steps(folder)
    return found[-1] if found else None


def _steps(folder: Path) -> list[Path]:
    """Whole checkpoints, by their step."""
    if not folder.is_dir():
        return []
    return sorted(
        path
        for path in folder.glob(f"{PREFIX}*{ENDING}")
        if path.name[len(PREFIX) : -len(ENDING)].isdigit()
    )


def remove_unfinished(folder: Path) -> None:
    """Remove what a killed process was writing."""
    if folder.is_dir():
        for left in folder.glob(f"{UNFINISHED}*"):
            left.unlink(missing_ok=True)


def read(path: Path, fingerprint: Mapping[str, Any], device: torch.device) -> State:
    """The state in a checkpoint of this very training; chance goes on from where it was.

    BadData where the file is none or cut short, NotComparable where it is of another training.
    """
    content = content_of(path)
    _hold_same(path, content["fingerprint"], fingerprint)
    _set_chance(path, content["chance"], device)
    names = [field.name for field in dataclasses.fields(State)]
    losses, count = content["epoch_losses"]
    return State(**{name: content[name] for name in names} | {"epoch_losses": (losses, count)})


def content_of(path: Path) -> dict[str, Any]:
    """What a checkpoint holds, held to be one; BadData otherwise."""
    _hold_whole(path)
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as problem:  # hostile bytes raise what they like in torch
        raise BadData(f"{path} is no checkpoint of gpubench: {_first_line(problem)}") from None
    if not isinstance(content, dict) or content.get("schema") != SCHEMA:
        raise BadData(f"{path} is no checkpoint of gpubench (no {SCHEMA} in it)")
    wrong = [name for name in PARTS if not isinstance(content.get(name, ...), _KINDS[name])]
    if wrong or len(content["epoch_losses"]) != 2 or content["step"] < 0:
        raise BadData(f"{path} is no checkpoint of gpubench ({', '.join(wrong) or 'step'} wrong)")
    return content


_KINDS: dict[str, Any] = {
    "schema": str,
    "fingerprint": dict,
    "step": int,
    "model": dict,
    "optimizer": dict,
    "scheduler": dict,
    "scaler": dict | None,
    "chance": dict,
    "epoch_losses": tuple,
}


def _hold_whole(path: Path) -> None:
    """A zip archive whose checksums hold, and which does not swell when it is read."""
    try:
        size = path.stat().st_size
        with zipfile.ZipFile(path) as archive:
            content = sum(entry.file_size for entry in archive.infolist())
            damaged = archive.testzip() if content <= MOST_GROWTH * size else None
    except OSError as problem:
        raise BadData(f"{path}: {problem.strerror or problem}") from None
    except (zipfile.BadZipFile, zlib.error, ValueError, RuntimeError, EOFError):
        raise BadData(
            f"{path} is no whole checkpoint (cut short, or of another program); "
            "remove it to go on from the one before"
        ) from None
    if content > MOST_GROWTH * size:
        raise BadData(f"{path} is no checkpoint of gpubench: it swells to {content} bytes")
    if damaged is not None:
        raise BadData(f"{path} is damaged: the checksum of {damaged[:80]!r} does not hold")


def _hold_same(path: Path, found: Mapping[str, Any], asked: Mapping[str, Any]) -> None:
    differing = [
        f"{name} {found.get(name)!r} there, {asked.get(name)!r} here"[:200]
        for name in sorted({*found, *asked})
        if found.get(name) != asked.get(name)
    ]
    if differing:
        raise NotComparable(f"{path} is of another training: {'; '.join(differing[:4])}")


def _chance() -> dict[str, Any]:
    """The states of all generators that training draws from, as tensors and plain values."""
    return {
        "torch": torch.get_rng_state(),
        "cuda": torch.cuda.get_rng_state_all() if torch.cuda.is_initialized() else [],
        "python": random.getstate(),
    }


def _set_chance(path: Path, chance: Mapping[str, Any], device: torch.device) -> None:
    try:
        torch.set_rng_state(chance["torch"])
        random.setstate(chance["python"])
        if device.type == "cuda" and chance["cuda"]:
            torch.cuda.set_rng_state_all(chance["cuda"])
    except (LookupError, TypeError, ValueError, RuntimeError, ArithmeticError) as problem:
        raise BadData(
            f"{path}: its random numbers cannot be gone on with: {_first_line(problem)}"
        ) from None


def _first_line(problem: BaseException) -> str:
    return (str(problem).splitlines() or [type(problem).__name__])[0][:300]
