"""What one machine and one Python environment look like: plain values, versioned JSON.

``None`` means absent. What should have been readable and was not is listed in
``Snapshot.unread`` under the dotted path of the field, with the reason.
"""

import dataclasses
import hashlib
import json
from typing import Any

from gpubench.units import Bytes, Seconds

SCHEMA = "gpubench.snapshot/1"


VOLATILE = {"volatile": True}
"""Marks a field that changes from minute to minute and stays out of the digest."""


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


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class PciDevice:
    """One PCI function of vendor NVIDIA (10de)."""

    address: str
    device_id: str
    device_class: str
    """Six hexadecimal digits, such as 030200."""
    driver: str | None = None
    """The kernel driver bound to it."""

    @property
    def is_gpu(self) -> bool:
        """True for display and 3D controllers; false for audio functions and NVSwitches."""
        return self.device_class.startswith("03")


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class DeviceNode:
    """One /dev/nvidia* node."""

    path: str
    accessible: bool
    """This process may open it for reading and writing."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Nvml:
    """How NVML answered."""

    code: int
    """What ``nvmlInit_v2`` returned; 0 is success."""
    message: str
    device_count: int | None = None
    driver_version: str | None = None
    """The release of the user-space library."""
    cuda_version: str | None = None
    """The newest CUDA this driver runs, as it says itself."""
    hung_in: str | None = None
    """The call that did not come back."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Driver:
    """The NVIDIA driver: kernel module, device nodes, user-space libraries."""

    module_loaded: bool | None = None
    version: str | None = None
    """The release of the loaded kernel module."""
    flavour: str | None = None
    """``open`` or ``proprietary``."""
    nouveau_loaded: bool | None = None
    uvm_loaded: bool | None = None
    pci_devices: tuple[PciDevice, ...] | None = None
    device_nodes: tuple[DeviceNode, ...] | None = None
    nvml: Nvml | None = None


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Gpu:
    """One GPU as NVML describes it; power in watts, temperatures in degrees Celsius."""

    index: int
    name: str | None = None
    uuid: str | None = None
    """A truncated SHA-256 unless ``--identify``."""
    serial: str | None = None
    pci_address: str | None = None
    compute_capability: str | None = None
    vbios: str | None = None
    memory_bytes: Bytes | None = None
    memory_used_bytes: Bytes | None = dataclasses.field(default=None, metadata=VOLATILE)
    ecc_enabled: bool | None = None
    ecc_pending: bool | None = None
    ecc_uncorrected_volatile: int | None = dataclasses.field(default=None, metadata=VOLATILE)
    ecc_uncorrected_aggregate: int | None = dataclasses.field(default=None, metadata=VOLATILE)
    ecc_corrected_volatile: int | None = dataclasses.field(default=None, metadata=VOLATILE)
    rows_remapped_corrected: int | None = dataclasses.field(default=None, metadata=VOLATILE)
    rows_remapped_uncorrected: int | None = dataclasses.field(default=None, metadata=VOLATILE)
    rows_pending: bool | None = dataclasses.field(default=None, metadata=VOLATILE)
    rows_failed: bool | None = dataclasses.field(default=None, metadata=VOLATILE)
    throttle_reasons: int | None = dataclasses.field(default=None, metadata=VOLATILE)
    """NVML's bit mask of clock event reasons."""
    temperature_c: int | None = dataclasses.field(default=None, metadata=VOLATILE)
    temperature_slowdown_c: int | None = None
    temperature_shutdown_c: int | None = None
    power_w: float | None = dataclasses.field(default=None, metadata=VOLATILE)
    power_limit_w: float | None = None
    power_limit_default_w: float | None = None
    pcie_generation: int | None = dataclasses.field(default=None, metadata=VOLATILE)
    pcie_generation_max: int | None = None
    pcie_width: int | None = dataclasses.field(default=None, metadata=VOLATILE)
    pcie_width_max: int | None = None
    mig_enabled: bool | None = None
    mig_pending: bool | None = None
    mig_instances: int | None = None
    persistence: bool | None = None
    compute_mode: str | None = None
    """``default``, ``exclusive-thread``, ``prohibited`` or ``exclusive-process``."""
    process_count: int | None = dataclasses.field(default=None, metadata=VOLATILE)
    error_code: int | None = dataclasses.field(default=None, metadata=VOLATILE)
    """NVML's code where no handle could be had (15: lost, 16: reset required)."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class KernelEvent:
    """One line of the kernel log about a GPU."""

    kind: str
    """``xid`` or ``fallen-off-bus``."""
    code: int | None = None
    pci_address: str | None = None
    seconds_since_boot: float | None = None
    line: str = ""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Distribution:
    """One installed distribution that has to do with torch."""

    name: str
    """Normalised: lower case, hyphens."""
    version: str
    requires: tuple[str, ...] = ()
    """What it requires on this platform, markers evaluated and removed."""
    build: str | None = None
    """The version its own files give, with the local tag (0.19.1+cu124)."""
    folder: str | None = None
    """The folder it is installed in."""
    damaged: tuple[str, ...] = ()
    """Files that are missing, or whose size is not that of the RECORD (at most 20 named)."""
    damaged_count: int = 0
    record_read: bool = False
    """Its RECORD was held against the files."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class LibraryFile:
    """One CUDA library as a file, with the version that stands in it."""

    name: str
    """``cudnn`` or ``nccl``."""
    path: str
    version: str | None = None
    origin: str
    """``wheel``, ``torch``, ``prefix`` or ``LD_LIBRARY_PATH``."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Python:
    """The interpreter under test and what is installed for it."""

    executable: str | None = None
    version: str | None = None
    implementation: str | None = None
    is_free_threaded: bool = False
    kind: str | None = None
    """``venv``, ``conda`` or ``system``."""
    distributions: tuple[Distribution, ...] = ()

    def distribution(self, name: str) -> Distribution | None:
        """The distribution that an import would find, or None."""
        return next((entry for entry in self.distributions if entry.name == name), None)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Torch:
    """torch as its files describe it; nothing of it was run."""

    version: str
    cuda: str | None = None
    """None for a build without CUDA."""
    hip: str | None = None
    git: str | None = None
    is_debug: bool | None = None
    architectures: tuple[str, ...] | None = None
    """Compiled code: ``sm_90``, ``compute_90`` (PTX). None where the files did not say."""
    libraries: tuple[LibraryFile, ...] = ()


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Toolchain:
    """What torch.compile and extension builds need on this machine."""

    cc: str | None = None
    """The C compiler that triton would use."""
    cxx: str | None = None
    """The C++ compiler that inductor would use."""
    python_h: str | None = None
    nvcc: str | None = None
    """The release of nvcc on the PATH."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class CudaInit:
    """What ``cuInit`` answered in a process of its own."""

    code: int | None = None
    """CUDA's result code, None where libcuda could not be loaded or did not come back."""
    name: str | None = None
    """CUDA's own name of the code, such as CUDA_ERROR_NO_DEVICE."""
    driver_cuda: str | None = None
    device_count: int | None = None
    library: str | None = None
    """The file that libcuda.so.1 turned out to be."""
    problem: str | None = None


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """One small computation held against FP64."""

    what: str
    """``gemm`` or ``conv``."""
    device: str
    dtype: str
    error: float | None = None
    """Largest absolute error, relative to the largest entry of the FP64 result."""
    limit: float | None = None
    problem: str | None = None
    """Why it did not run."""
    is_supported: bool = True
    """False where torch says that this device cannot do this dtype."""

    @property
    def agrees(self) -> bool:
        """True when it ran and the error is within the rounding of the dtype."""
        return self.error is not None and self.limit is not None and self.error <= self.limit


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class TorchDevice:
    """One GPU as torch sees it."""

    name: str
    capability: str
    memory_bytes: Bytes


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class TorchRun:
    """What torch said and did when it was imported in a child process."""

    ended: str
    """``done``, ``exception``, ``signal``, ``timeout`` or ``exit``."""
    phase: str | None = None
    """What it was doing last: ``import``, ``cuda``, ``gemm``, ``torchvision`` …"""
    problem: str | None = None
    """The exception, the signal's name, or the time limit."""
    last_words: tuple[str, ...] = ()
    seconds: Seconds | None = None
    version: str | None = None
    cuda: str | None = None
    cuda_available: bool | None = None
    cuda_problem: str | None = None
    """Why CUDA did not start, in torch's own words."""
    cudnn: str | None = None
    architectures: tuple[str, ...] | None = None
    devices: tuple[TorchDevice, ...] = ()
    proofs: tuple[Proof, ...] = ()
    torchvision_ops: bool | None = None
    """``torchvision::nms`` ran and gave the right boxes. None: torchvision is not installed."""
    torchvision_problem: str | None = None
    numpy_bridge: bool | None = None
    numpy_problem: str | None = None
    loaded: tuple[str, ...] = ()
    """CUDA libraries mapped into the process."""

    @property
    def imported(self) -> bool:
        """True once ``import torch`` had come back."""
        return self.version is not None


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
    host: Host = Host()
    container: Container | None = None
    environment: dict[str, str] = dataclasses.field(default_factory=dict)
    """Variables by allow-list."""
    driver: Driver = Driver()
    gpus: tuple[Gpu, ...] = ()
    kernel_events: tuple[KernelEvent, ...] | None = dataclasses.field(
        default=None, metadata=VOLATILE
    )
    python: Python | None = None
    torch: Torch | None = None
    toolchain: Toolchain | None = None
    cuda_init: CudaInit | None = dataclasses.field(default=None, metadata=VOLATILE)
    torch_run: TorchRun | None = dataclasses.field(default=None, metadata=VOLATILE)
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
    canonical = json.dumps(_lasting(snapshot), sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode("utf-8", "surrogatepass")).hexdigest()


def _lasting(value: Any) -> Any:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {
            field.name: _lasting(getattr(value, field.name))
            for field in dataclasses.fields(value)
            if not field.metadata.get("volatile")
        }
    if isinstance(value, dict):
        return {str(key): _lasting(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_lasting(entry) for entry in value]
    return value
