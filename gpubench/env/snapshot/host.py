"""The machine around the GPUs, and the container."""

import dataclasses

from gpubench.env.snapshot.fields import VOLATILE
from gpubench.units import Bytes


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Host:
    """The operating system and what it grants this process."""

    name: str | None = None
    """Only with ``--identify``."""
    system: str | None = None
    kernel: str | None = None
    machine: str | None = None
    libc: str | None = None
    cpu_model: str | None = None
    cpu_count: int | None = None
    memory_bytes: Bytes | None = None
    shm_bytes: Bytes | None = None
    shm_free_bytes: Bytes | None = dataclasses.field(default=None, metadata=VOLATILE)
    memlock_bytes: Bytes | None = None
    """The soft limit of locked memory; -1 is unlimited."""
    is_wsl: bool = False


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Container:
    """The container this process runs in."""

    runtime: str
    """``docker``, ``podman``, ``kubernetes``, ``apptainer``, ``lxc`` or ``unknown``."""
    evidence: str
    """Where that was seen."""
