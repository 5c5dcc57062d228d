"""What one machine and one Python environment look like: plain values, versioned JSON.

``None`` means absent. What should have been readable and was not is listed in
``Snapshot.unread`` under the dotted path of the field, with the reason.
"""

import dataclasses
import hashlib
import json
from typing import Any

from gpubench.env.snapshot.driver import (
    DeviceNode,
    Driver,
    KernelEvent,
    Nvml,
    PciDevice,
    PciLink,
)
from gpubench.env.snapshot.fields import VOLATILE
from gpubench.env.snapshot.gpu import Gpu
from gpubench.env.snapshot.host import (
    Container,
    Folder,
    Host,
    Limits,
    Place,
    Stack,
    Topology,
    Tuning,
)
from gpubench.env.snapshot.paste import Paste
from gpubench.env.snapshot.python import (
    Distribution,
    LibraryFile,
    Python,
    Toolchain,
    Toolkit,
    Torch,
)
from gpubench.env.snapshot.runs import CudaInit, Proof, Soak, TorchDevice, TorchRun

__all__ = [
    "SCHEMA",
    "VOLATILE",
    "Container",
    "CudaInit",
    "DeviceNode",
    "Distribution",
    "Driver",
    "Folder",
    "Gpu",
    "Host",
    "KernelEvent",
    "LibraryFile",
    "Limits",
    "Nvml",
    "Paste",
    "PciDevice",
    "PciLink",
    "Place",
    "Proof",
    "Python",
    "Snapshot",
    "Soak",
    "Stack",
    "Toolchain",
    "Toolkit",
    "Topology",
    "Torch",
    "TorchDevice",
    "TorchRun",
    "Tuning",
    "digest",
    "lasting",
]

SCHEMA = "gpubench.snapshot/1"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """One machine and one Python environment, at one moment."""

    schema: str = SCHEMA
    gpubench_version: str = dataclasses.field(default="", metadata=VOLATILE)
    taken_at: str = dataclasses.field(default="", metadata=VOLATILE)
    """UTC, ISO 8601."""
    level: str = dataclasses.field(default="quick", metadata=VOLATILE)
    source: str = "live"
    """``live``, or the kind of report this was read from."""
    host: Host = dataclasses.field(default_factory=Host)
    container: Container | None = None
    environment: dict[str, str] = dataclasses.field(default_factory=dict)
    """Variables by allow-list."""
    stack: Stack | None = None
    """What the image says it is; None outside the images, and for another interpreter."""
    driver: Driver = dataclasses.field(default_factory=Driver)
    gpus: tuple[Gpu, ...] = ()
    kernel_events: tuple[KernelEvent, ...] | None = dataclasses.field(
        default=None, metadata=VOLATILE
    )
    python: Python | None = None
    torch: Torch | None = None
    toolchain: Toolchain | None = None
    cuda_init: CudaInit | None = dataclasses.field(default=None, metadata=VOLATILE)
    torch_run: TorchRun | None = dataclasses.field(default=None, metadata=VOLATILE)
    paste: Paste | None = None
    """Only where ``source`` is no ``live``: what the pasted report says beside the facts."""
    unread: dict[str, str] = dataclasses.field(default_factory=dict, metadata=VOLATILE)
    """Dotted path of a field → why it could not be read."""

    def why_unread(self, *paths: str) -> str | None:
        """The reason of the first of ``paths`` that could not be read, with its path."""
        for path in paths:
            if path in self.unread:
                return f"{path}: {self.unread[path]}"
        return None


def digest(snapshot: Snapshot) -> str:
    """SHA-256 of what makes two environments the same: no clocks, counters or free memory."""
    canonical = json.dumps(lasting(snapshot), sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode("utf-8", "surrogatepass")).hexdigest()


def lasting(value: Any) -> Any:
    """A record as JSON's own types, without the fields that change from minute to minute."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {
            field.name: lasting(getattr(value, field.name))
            for field in dataclasses.fields(value)
            if not field.metadata.get("volatile")
        }
    if isinstance(value, dict):
        return {str(key): lasting(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [lasting(entry) for entry in value]
    return value
