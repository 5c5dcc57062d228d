"""What the source documents claim, as rows with what it takes to decide each."""

import dataclasses
import functools
from collections.abc import Mapping
from typing import Any, Literal

from gpubench.knowledge.tables import load

Unit = Literal["times", "share", "images/s", "bytes"]
Direction = Literal["at least", "below", "within"]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """One claim: its words, the function that ``judge`` names, and what is held against what.

    ``bound`` is in ``unit``; ``upper`` closes a range. ``chosen`` says what was read into the
    words. The conditions are ``device``, ``gpu`` (a word of its name), ``torch`` (a release of two
    numbers), ``gpus`` (how many) and ``shape`` (settings of the suite); ``part`` measures it.
    """

    id: str
    row: str
    words: str
    judge: str
    part: str
    source: str
    suites: tuple[str, ...] = ()
    pairs: tuple[tuple[str, str], ...] = ()
    modes: tuple[str, ...] = ()
    batches: tuple[int, ...] = ()
    strategy: str | None = None
    unit: Unit | None = None
    direction: Direction | None = None
    bound: float | None = None
    upper: float | None = None
    chosen: str | None = None
    device: Literal["cpu", "cuda"] | None = None
    gpu: str | None = None
    torch: str | None = None
    gpus: int | None = None
    shape: Mapping[str, Any] = dataclasses.field(default_factory=dict)


@functools.cache
def claims() -> tuple[Claim, ...]:
    """Every claim, in the order of the documents' rows."""
    return tuple(_claim(row) for row in load("claims")["claim"])


def _claim(row: Mapping[str, Any]) -> Claim:
    listed = {
        name: tuple(map(_tuple, row[name]))
        for name in ("suites", "pairs", "modes", "batches")
        if name in row
    }
    return Claim(**{**row, **listed})


def _tuple(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value
