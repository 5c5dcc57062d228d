"""Which machine figures are from, and whether two sets of figures are from one."""

import dataclasses
import hashlib
import json
import re
from collections.abc import Mapping
from typing import Any

MEMORY_WITHIN = 0.02
"""Two sizes of one machine's memory may differ by so much: a kernel reserves more or less of it."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """A device and its host, without a name that tells whose they are.

    ``device`` is ``cuda``, ``cpu`` or ``other`` (a benchmark that does not say). ``gpu`` is the
    truncated SHA-256 of the GPU's UUID, ``host`` that of a host name where a file gives one.
    """

    device: str
    name: str | None = None
    gpu: str | None = None
    host: str | None = None
    cpu_model: str | None = None
    cpu_count: int | None = None
    memory_bytes: int | None = None

    @property
    def slug(self) -> str:
        """A folder's name for machines of this model."""
        words = re.sub(r"[^a-z0-9]+", "-", (self.name or self.device).lower()).strip("-")
        return words[:60] or "other"

    @property
    def digest(self) -> str:
        """Tells this machine from others of its model, in a file's name."""
        plain = dataclasses.asdict(self) | {"memory_bytes": None}
        return hashlib.sha256(json.dumps(plain, sort_keys=True).encode()).hexdigest()[:12]


def machine_of(device: Mapping[str, Any], snapshot: Mapping[str, Any] | None) -> Machine:
    """The machine from what a child said of its device and the snapshot said of its host."""
    host = (snapshot or {}).get("host") or {}
    return Machine(
        device=str(device.get("type", "other")),
        name=device.get("name"),
        gpu=device.get("gpu"),
        host=hashed(host["name"]) if host.get("name") else None,
        cpu_model=host.get("cpu_model"),
        cpu_count=host.get("cpu_count"),
        memory_bytes=host.get("memory_bytes"),
    )


def hashed(name: str) -> str:
    """A name as files and reports may hold it."""
    return hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:16]


def why_other(one: Machine, other: Machine) -> str | None:
    """Why figures of the two say nothing of each other; None where they are one machine's."""
    if one.device != other.device:
        return f"one was measured on {one.device}, the other on {other.device}"
    if one.name != other.name:
        return f"different models: {one.name} and {other.name}"
    if one.device == "cuda":
        if one.gpu is None or other.gpu is None:
            return "a GPU did not tell its UUID, so they cannot be known to be the same"
        if one.gpu != other.gpu:
            return f"different GPUs of one model: {one.gpu} and {other.gpu}"
    return _why_other_host(one, other)


def _why_other_host(one: Machine, other: Machine) -> str | None:
    for field, said in (("host", "hosts"), ("cpu_model", "CPUs"), ("cpu_count", "CPU counts")):
        values = getattr(one, field), getattr(other, field)
        if None not in values and values[0] != values[1]:
            return f"different {said}: {values[0]} and {values[1]}"
    sizes = one.memory_bytes, other.memory_bytes
    if None not in sizes and abs(sizes[0] - sizes[1]) > MEMORY_WITHIN * max(sizes):  # type: ignore[operator,type-var]
        return f"different hosts: {sizes[0]} and {sizes[1]} bytes of memory"
    return None
