"""What was run in children: CUDA, torch, and small computations held against FP64."""

import dataclasses

from gpubench.units import Bytes, Seconds


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
