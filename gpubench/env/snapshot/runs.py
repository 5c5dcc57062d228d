"""What was run in children: CUDA, torch, and what was proved of each device."""

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
    """One thing that was tried, and how it came out."""

    what: str
    """What the check is called after ``fn.``: ``gemm``, ``conv``, ``alloc``, ``nccl`` …"""
    device: str
    """``cpu``, ``cuda:3``, ``cuda:0->cuda:1``, or ``cuda:0-7`` for all of them together."""
    dtype: str = ""
    variant: str = ""
    """Which of several ways: the attention kernel, the collective, the compile mode."""
    error: float | None = None
    """Largest absolute error relative to the largest entry of the exact result, or the number
    of wrong values where ``limit`` is 0; of a training, the last loss over the first."""
    limit: float | None = None
    problem: str | None = None
    """Why it did not run."""
    is_supported: bool = True
    """False where torch says that this device cannot do it."""
    ended: str | None = None
    """How the process ended while it did this: ``timeout``, ``signal`` or ``exit``."""
    last_words: tuple[str, ...] = ()
    figures: dict[str, float] = dataclasses.field(default_factory=dict)
    """What was measured beside it: ``host_to_device_gb_s``, ``held_bytes`` …"""
    detail: str | None = None
    """What else it told, such as the algorithm NCCL chose."""
    seconds: Seconds | None = None

    @property
    def name(self) -> str:
        """What was tried, and where."""
        parts = (self.what, self.dtype, self.variant)
        return f"{' '.join(filter(None, parts))} on {self.device}"

    @property
    def on_gpu(self) -> bool:
        """True where a GPU took part."""
        return self.device.startswith("cuda")

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
    uuid: str | None = None
    """The hash that the driver's own UUID is shown by; None before torch 2.5."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Soak:
    """One device under sustained load, as its driver saw it; None where it does not tell."""

    device: str
    seconds: Seconds
    tflops: float
    """Mean of all seconds but the first quarter."""
    tflops_lowest: float
    sm_clock_mhz: float | None = None
    sm_clock_mhz_lowest: float | None = None
    power_watts: float | None = None
    temperature_c: float | None = None
    ecc_uncorrected: int | None = None
    """New uncorrected memory errors."""
    throttled: dict[str, float] = dataclasses.field(default_factory=dict)
    """The share of readings under each reason."""
    unavailable: str | None = None
    """Why the driver could not be asked."""


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
    soaks: tuple[Soak, ...] = ()
    new_xids: tuple[int, ...] | None = None
    """Those the kernel logged while GPUs were under load; None where that was not looked at."""
    torchvision_ops: bool | None = None
    """``torchvision::nms`` ran and gave the right boxes. None: torchvision is not installed."""
    torchvision_problem: str | None = None
    numpy_bridge: bool | None = None
    numpy_problem: str | None = None
    loaded: tuple[str, ...] = ()
    """CUDA libraries mapped into the process."""

    def of(self, *what: str) -> tuple[Proof, ...]:
        """The proofs of one kind or several."""
        return tuple(proof for proof in self.proofs if proof.what in what)

    @property
    def imported(self) -> bool:
        """True once ``import torch`` had come back."""
        return self.version is not None
