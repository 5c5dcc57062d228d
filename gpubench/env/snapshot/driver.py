"""The NVIDIA driver and what it left in the kernel log."""

import dataclasses


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
class KernelEvent:
    """One line of the kernel log about a GPU."""

    kind: str
    """``xid`` or ``fallen-off-bus``."""
    code: int | None = None
    pci_address: str | None = None
    seconds_since_boot: float | None = None
    line: str = ""
