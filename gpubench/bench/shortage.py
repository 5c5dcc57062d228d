"""Memory that ran out: what was there at that moment, and whether it was short or in pieces."""

import dataclasses
import re
from collections.abc import Mapping
from typing import Any, Literal

from gpubench.bench.hostmemory import HostMemory
from gpubench.units import Bytes

USUAL_VARIABLE = "PYTORCH_CUDA_ALLOC_CONF"
"""What the allocator reads in every release from 1.8 on; torch's own message is asked first."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Shortage:
    """Memory when an allocation failed, in bytes; None where it could not be told.

    On a GPU: ``reserved`` is what torch's allocator holds, ``allocated`` the part of it in use,
    ``inactive_split`` the pieces of broken blocks that nobody uses, ``largest_free_block`` the
    largest piece it could give, ``allowed`` its own limit where one is set; ``elsewhere`` is what
    other processes use as torch's message says. On a CPU: ``resident`` is this process,
    ``available`` what the machine could still give, ``limit`` that of its control group.
    ``variable`` is the environment variable of the allocator's settings, ``expandable`` whether
    its segments can grow already.
    """

    device: Literal["cuda", "cpu"]
    requested_bytes: Bytes | None = None
    total_bytes: Bytes | None = None
    free_bytes: Bytes | None = None
    allowed_bytes: Bytes | None = None
    allocated_bytes: Bytes | None = None
    reserved_bytes: Bytes | None = None
    inactive_split_bytes: Bytes | None = None
    largest_free_block_bytes: Bytes | None = None
    elsewhere_bytes: Bytes | None = None
    resident_bytes: Bytes | None = None
    available_bytes: Bytes | None = None
    limit_bytes: Bytes | None = None
    variable: str = USUAL_VARIABLE
    expandable: bool = False

    @property
    def unused_bytes(self) -> int | None:
        """What torch holds and nobody uses."""
        if self.reserved_bytes is None or self.allocated_bytes is None:
            return None
        return max(0, self.reserved_bytes - self.allocated_bytes)

    @property
    def obtainable_bytes(self) -> int | None:
        """What was not in use, whether torch held it or the device had it free."""
        if self.device == "cpu":
            return self.available_bytes
        if self.free_bytes is None or self.unused_bytes is None or self.reserved_bytes is None:
            return None
        free = self.free_bytes
        if self.allowed_bytes is not None:
            free = Bytes(max(0, min(free, self.allowed_bytes - self.reserved_bytes)))
        return free + self.unused_bytes

    @property
    def for_training_bytes(self) -> int | None:
        """What this process had in use and could have had: the room a batch has to fit in."""
        own = self.resident_bytes if self.device == "cpu" else self.allocated_bytes
        if own is None or self.obtainable_bytes is None:
            return None
        return own + self.obtainable_bytes

    @property
    def is_fragmented(self) -> bool | None:
        """Whether there was enough in all but no piece large enough; None where unknown.

        It is unknown as well where what the device had free would have done alone.
        """
        if self.device == "cpu" or self.requested_bytes is None or self.obtainable_bytes is None:
            return None
        if self.requested_bytes <= self.obtainable_bytes - (self.unused_bytes or 0):
            return None
        return self.requested_bytes <= self.obtainable_bytes


def read_shortage(
    message: str, *, device: str, allocator: Mapping[str, int], host: HostMemory, settings: str
) -> Shortage:
    """What is known, from torch's message, its ``allocator``'s figures and the ``host``.

    The ``allocator``'s figures are of the moment of failure or missing; then those in the message
    stand in, which are rounded. ``settings`` are the allocator's in the environment.
    """
    requested = _size(r"[Tt]ried to allocate ([\d.]+ \w+)", message)
    if device != "cuda":
        return Shortage(
            device="cpu",
            requested_bytes=requested,
            total_bytes=host.total_bytes,
            resident_bytes=host.resident_bytes,
            available_bytes=host.available_bytes,
            limit_bytes=host.limit_bytes,
        )
    named = re.search(r"(PYTORCH_\w*ALLOC_CONF)=expandable_segments", message)
    figures: dict[str, Any] = {**_figures(message), **allocator}
    return Shortage(
        device="cuda",
        requested_bytes=requested,
        allowed_bytes=_size(r"([\d.]+ \w+) allowed", message),
        elsewhere_bytes=_elsewhere(message),
        variable=named[1] if named else USUAL_VARIABLE,
        expandable="expandable_segments:true" in settings.replace(" ", "").lower(),
        **figures,
    )


def _figures(message: str) -> dict[str, Bytes]:
    """The allocator's state as the message has it, as far as it does."""
    allocated = _size(r"([\d.]+ \w+) is allocated by PyTorch", message)
    unused = _size(r"([\d.]+ \w+) is reserved by PyTorch but unallocated", message)
    found = {
        "total_bytes": _size(r"total capacity of ([\d.]+ \w+)", message),
        "free_bytes": _size(r"of which ([\d.]+ \w+) is free", message),
        "allocated_bytes": allocated,
        "reserved_bytes": None if None in (allocated, unused) else allocated + unused,  # type: ignore[operator]
    }
    return {name: Bytes(size) for name, size in found.items() if size is not None}


_UNITS = {"bytes": 1, "B": 1, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30, "TiB": 2**40}


def _size(pattern: str, message: str) -> Bytes | None:
    """A size as torch writes it (2.50 GiB, 4096 bytes) where the pattern stands; rounded to it."""
    found = re.search(pattern, message)
    if found is None:
        return None
    number, unit = found[1].split()
    if unit not in _UNITS or re.fullmatch(r"\d{1,19}(\.\d{1,9})?", number) is None:
        return None
    return Bytes(round(float(number) * _UNITS[unit]))


def _elsewhere(message: str) -> Bytes | None:
    """What torch's message says other processes use; None where it names none."""
    named = re.findall(r"Process \d+ has ([\d.]+ \w+) memory in use", message)
    sizes = [_size(r"([\d.]+ \w+)", text) for text in named]
    known = [size for size in sizes if size is not None]
    return Bytes(sum(known)) if known else None
