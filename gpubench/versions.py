"""Versions as vendors write them: dotted integers, compared part by part, never as floats."""

import dataclasses
import functools
import re
from collections.abc import Iterable

_DOTTED = re.compile(r"\d+(?:\.\d+)*")


@functools.total_ordering
@dataclasses.dataclass(frozen=True, slots=True)
class Version:
    """A dotted version, such as driver 535.104.05 or CUDA 12.10.

    ``text`` keeps the spelling of the source; order and equality use the numbers alone, a
    missing part counting as zero, so 12.8 equals 12.8.0.
    """

    parts: tuple[int, ...]
    text: str

    @classmethod
    def parse(cls, text: str) -> "Version":
        """The leading dotted number of ``text``; ValueError where there is none."""
        found = _DOTTED.match(text.strip())
        if found is None:
            raise ValueError(f"no version in {text!r}")
        return cls(tuple(int(part) for part in found[0].split(".")), found[0])

    @classmethod
    def find(cls, text: str | None) -> "Version | None":
        """Like ``parse``, with None where there is nothing to read."""
        try:
            return None if text is None else cls.parse(text)
        except ValueError:
            return None

    @property
    def major(self) -> int:
        """The first number."""
        return self.parts[0]

    @property
    def minor(self) -> int:
        """The second number, 0 where there is none."""
        return self.parts[1] if len(self.parts) > 1 else 0

    def release(self, length: int) -> tuple[int, ...]:
        """The first ``length`` numbers, zeros for missing ones."""
        return (*self.parts, *(0,) * length)[:length]

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Version):
            return NotImplemented
        return _significant(self.parts) == _significant(other.parts)

    def __lt__(self, other: "Version") -> bool:
        return _significant(self.parts) < _significant(other.parts)

    def __hash__(self) -> int:
        return hash(_significant(self.parts))

    def __str__(self) -> str:
        return self.text


def _significant(parts: Iterable[int]) -> tuple[int, ...]:
    kept = list(parts)
    while kept and kept[-1] == 0:
        kept.pop()
    return tuple(kept)


def cuda_from_driver_api(code: int) -> Version:
    """The CUDA release of ``cuDriverGetVersion``: 12080 is 12.8."""
    return Version.parse(f"{code // 1000}.{code % 1000 // 10}")


def cudnn_from_code(code: int) -> Version:
    """The cuDNN release of ``cudnnGetVersion``: 8902 is 8.9.2, 91002 is 9.10.2."""
    scale = 10_000 if code >= 90_000 else 1_000
    return Version.parse(f"{code // scale}.{code % scale // 100}.{code % 100}")


def nccl_from_code(code: int) -> Version:
    """The NCCL release of ``ncclGetVersion``: 2708 is 2.7.8, 22703 is 2.27.3."""
    scale = 10_000 if code >= 10_000 else 1_000
    return Version.parse(f"{code // scale}.{code % scale // 100}.{code % 100}")
