"""A sweep: one dimension of a workload takes several values in a run, each a variant."""

import dataclasses
import re
from typing import Any, Literal, NamedTuple, cast

from gpubench.bench.job import Workload
from gpubench.errors import BadUsage, UnknownName

DimensionName = Literal["batch-size", "sequence-length", "image-size"]


class Dimension(NamedTuple):
    """The field of a workload, its smallest value, and how a variant is called."""

    field: str
    least: int
    words: str


DIMENSIONS: dict[str, Dimension] = {
    "batch-size": Dimension("batch_size", 1, "batch {}"),
    "sequence-length": Dimension("sequence_length", 8, "{} tokens"),
    "image-size": Dimension("image_size", 16, "{} px"),
}

MOST_VALUES = 32
"""Values in one sweep (own choice); each costs as much as a run without one."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Sweep:
    """A dimension and its values, in the order in which they are measured."""

    dimension: DimensionName
    values: tuple[int, ...]

    @classmethod
    def parse(cls, text: str) -> "Sweep":
        """The sweep in ``batch-size=8,16,32``; BadUsage or UnknownName says what is wrong."""
        name, equals, listed = (part.strip() for part in text.partition("="))
        if not equals:
            raise BadUsage(f"--sweep {text}: write it as batch-size=8,16,32")
        if name not in DIMENSIONS:
            raise UnknownName("dimension to sweep", name, DIMENSIONS)
        values = tuple(_value(name, word.strip()) for word in listed.split(","))
        if len(set(values)) != len(values):
            raise BadUsage(f"--sweep {text}: a value is there twice")
        if not 2 <= len(values) <= MOST_VALUES:
            raise BadUsage(f"--sweep {text}: give from two to {MOST_VALUES} values")
        return cls(dimension=cast(DimensionName, name), values=tuple(sorted(values)))

    @property
    def field(self) -> str:
        """The field of the workload that is varied."""
        return DIMENSIONS[self.dimension].field

    @property
    def variants(self) -> tuple[str, ...]:
        """What the variants are called, in the order of the values."""
        return tuple(DIMENSIONS[self.dimension].words.format(value) for value in self.values)

    def value(self, variant: str) -> int:
        """The value that a variant stands for."""
        return self.values[self.variants.index(variant)]

    def workload(self, given: Workload, variant: str) -> Workload:
        """The workload of one variant."""
        changed: dict[str, Any] = {self.field: self.value(variant)}
        return dataclasses.replace(given, **changed)


def whole_number(word: str, least: int) -> int | None:
    """The number a user wrote in at most seven digits; None for what is none, or too small."""
    if re.fullmatch("[0-9]{1,7}", word) is None or int(word) < least:
        return None
    return int(word)


def _value(name: str, word: str) -> int:
    least = DIMENSIONS[name].least
    value = whole_number(word, least)
    if value is None:
        raise BadUsage(f"--sweep {name}: {word[:20]!r} is no whole number of {least} or more")
    return value
