"""The machine around the GPUs, and the container."""

import dataclasses

from gpubench.env.snapshot.fields import VOLATILE
from gpubench.units import Bytes


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What the system lets this process use: its own limits and those of its control group."""

    open_files: int | None = None
    """The soft limit of open files; -1 is unlimited."""
    processes: int | None = None
    """The most processes and threads of the control group; None: no limit."""
    processes_used: int | None = dataclasses.field(default=None, metadata=VOLATILE)
    machine_cpus: int | None = None
    """CPUs of the machine that are on; ``Host.cpu_count`` are those this process may run on."""
    cpus: float | None = None
    """CPU seconds per second that the control group grants; None: no limit."""
    memory_bytes: Bytes | None = None
    """The most memory of the control group; None: no limit."""
    memory_used_bytes: Bytes | None = dataclasses.field(default=None, metadata=VOLATILE)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Folder:
    """A folder that torch, its compilers or its downloads write to, and what it lies on."""

    purpose: str
    """The variable that names it, or what it is for."""
    path: str
    file_system: str | None = None
    """Such as ``ext4``, ``overlay`` or ``nfs4``."""
    is_writable: bool | None = None
    runs_programs: bool | None = None
    """False where it is mounted noexec."""
    size_bytes: Bytes | None = None
    free_bytes: Bytes | None = dataclasses.field(default=None, metadata=VOLATILE)
    free_files: int | None = dataclasses.field(default=None, metadata=VOLATILE)
    """Files that can still be made; None where the file system has no such limit."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a PCI device sits."""

    address: str
    kind: str
    """``gpu`` or ``nic`` (an InfiniBand or RoCE adapter)."""
    numa_node: int | None = None
    """-1: the firmware does not say."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Topology:
    """How CPUs, GPUs and network adapters are connected."""

    is_virtual: bool | None = None
    """True in a virtual machine."""
    sockets: int | None = None
    numa_nodes: int | None = None
    allowed_numa_nodes: tuple[int, ...] | None = None
    """Those whose CPUs this process may run on."""
    places: tuple[Place, ...] | None = None
    redirecting_bridges: tuple[str, ...] | None = None
    """PCIe bridges above GPUs whose access control (ACS) sends peer traffic to the root."""
    iommu: str | None = None
    """``off``, or the type of the GPUs' domain: ``identity``, ``DMA``, ``DMA-FQ``."""
    interfaces: tuple[str, ...] | None = dataclasses.field(default=None, metadata=VOLATILE)
    """Network interfaces; those of containers come and go."""
    infiniband: tuple[str, ...] | None = None
    """InfiniBand and RoCE adapters, such as ``mlx5_0``."""
    peer_modules: tuple[str, ...] | None = None
    """Loaded modules that let adapters and disks reach GPU memory."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Tuning:
    """Settings of the machine that change speed or logs, not results."""

    governors: tuple[str, ...] | None = None
    """The distinct CPU frequency governors; empty where the CPUs have none."""
    clocksource: str | None = None
    clocksources: tuple[str, ...] = ()
    """Those the kernel could use instead."""
    is_clock_synchronised: bool | None = dataclasses.field(default=None, metadata=VOLATILE)
    secure_boot: bool | None = None
    taint: int | None = None
    """The kernel's taint bits."""
    stuck: tuple[str, ...] | None = dataclasses.field(default=None, metadata=VOLATILE)
    """NVIDIA's processes and those stuck in its driver, in uninterruptible sleep."""
    linux_driver_files: tuple[str, ...] | None = None
    """Under WSL: libcuda of a Linux driver, which has no place there."""


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
    memory_available_bytes: Bytes | None = dataclasses.field(default=None, metadata=VOLATILE)
    shm_bytes: Bytes | None = None
    shm_free_bytes: Bytes | None = dataclasses.field(default=None, metadata=VOLATILE)
    memlock_bytes: Bytes | None = None
    """The soft limit of locked memory; -1 is unlimited."""
    is_wsl: bool = False
    limits: Limits | None = None
    folders: tuple[Folder, ...] | None = None
    topology: Topology | None = None
    tuning: Tuning | None = None


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Container:
    """The container this process runs in."""

    runtime: str
    """``docker``, ``podman``, ``kubernetes``, ``apptainer``, ``lxc`` or ``unknown``."""
    evidence: str
    """Where that was seen."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Stack:
    """What an image of gpubench says it was built from, beside what is installed."""

    name: str | None = None
    """``2.8``, ``current`` …"""
    revision: str | None = dataclasses.field(default=None, metadata=VOLATILE)
    """The commit of gpubench it was built from."""
    image: str | None = dataclasses.field(default=None, metadata=VOLATILE)
    """Its reference, with the digest where that was given."""
    path: str
    """Where its constraints file lies."""
    pins: dict[str, str] = dataclasses.field(default_factory=dict)
    """The release stated of each distribution."""
    installed: dict[str, str] = dataclasses.field(default_factory=dict)
    """The release installed of those; one that is missing is not in it."""
