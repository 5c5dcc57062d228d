"""The NVIDIA driver and what it left in the kernel log."""

import dataclasses

from gpubench.env.snapshot.fields import VOLATILE
from gpubench.units import Seconds


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class PciLink:
    """The PCIe link of one device or port, as the kernel shows it."""

    address: str
    width: int | None = dataclasses.field(default=None, metadata=VOLATILE)
    """Lanes in use."""
    width_max: int | None = None
    speed_max: float | None = None
    """GT/s per lane that the device or port can do, such as 16.0 for generation 4."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class PciDevice:
    """One PCI function of vendor NVIDIA (10de)."""

    address: str
    device_id: str
    device_class: str
    """Six hexadecimal digits, such as 030200."""
    driver: str | None = None
    """The kernel driver bound to it."""
    links: tuple[PciLink, ...] = ()
    """Its own link, then the ports above it up to the root; empty where none is shown."""
    aer_correctable: int | None = dataclasses.field(default=None, metadata=VOLATILE)
    """PCIe errors that the hardware mended (advanced error reporting)."""
    aer_nonfatal: int | None = dataclasses.field(default=None, metadata=VOLATILE)
    aer_fatal: int | None = dataclasses.field(default=None, metadata=VOLATILE)

    @property
    def is_gpu(self) -> bool:
        """True for display and 3D controllers; false for audio functions and NVSwitches."""
        return self.device_class.startswith("03")

    @property
    def is_nvswitch(self) -> bool:
        """True for bridges of another kind, which are NVSwitches where NVIDIA made them."""
        return self.device_class.startswith("0680")


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
    cc_enabled: bool | None = None
    """Confidential computing is on."""
    cc_ready: bool | None = None
    """With confidential computing: the GPUs accept work."""


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
    version_on_disk: str | None = None
    """The release of the kernel module that would be loaded next."""
    firmware_files: tuple[str, ...] | None = None
    """GSP firmware of the loaded release; None where there is no firmware folder to look in."""
    fabric_manager_running: bool | None = dataclasses.field(default=None, metadata=VOLATILE)
    """None where there is no NVSwitch, or where processes of the host are not shown."""
    fabric_manager_version: str | None = None
    uptime_seconds: Seconds | None = dataclasses.field(default=None, metadata=VOLATILE)
    """Since the machine was started; no counter of the driver is older."""
    nvml: Nvml | None = None


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class KernelEvent:
    """One line of the kernel log about a GPU, or about what ends GPU programs.

    Kinds: ``xid``, ``sxid-fatal``, ``sxid`` (an NVSwitch), ``fallen-off-bus``, ``init-failed``,
    ``pcie-fatal``, ``pcie-error``, ``pcie-corrected``, ``pcie-limited``, ``module-rejected``,
    ``module-unverified``, ``oom``, ``machine-check``, ``lockup``, ``nccl-crash``.
    """

    kind: str
    code: int | None = None
    pci_address: str | None = None
    seconds_since_boot: float | None = None
    line: str = ""
