"""The device: its clock, its memory, what it can do. The one place that talks to CUDA."""

import contextlib
import gc
import hashlib
import os
import resource
import shlex
import shutil
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import torch

from gpubench.bench.modes import Mode
from gpubench.bench.steps import Clock, WallClock
from gpubench.errors import BadUsage
from gpubench.units import Seconds

OUT_OF_MEMORY_WORDS = (
    "out of memory",
    "DefaultCPUAllocator",
    "CUBLAS_STATUS_ALLOC_FAILED",
    "CUDNN_STATUS_ALLOC_FAILED",
    "cudaErrorMemoryAllocation",
)
"""How torch and the libraries below it say so in errors of no type of their own."""


def device_named(name: str) -> torch.device:
    """The device of that name, with its index: some functions of torch 2.4 want one."""
    if name == "cuda":
        return torch.device("cuda", torch.cuda.current_device())
    return torch.device(name)


def device_for(name: str) -> torch.device:
    """The device a job asks for; BadUsage where torch has no GPU and one is asked for."""
    if name.startswith("cuda") and not torch.cuda.is_available():
        raise BadUsage(
            f"torch {torch.__version__} cannot use a GPU here: `gpubench doctor` says why; "
            "--device cpu measures the CPU"
        )
    return device_named(name)


class CudaClock:
    """Marks on the current CUDA stream; a mark costs a few microseconds and never waits."""

    def mark(self) -> torch.cuda.Event:
        """An event that is reached when the work before it is done."""
        event = torch.cuda.Event(enable_timing=True)
        event.record()
        return event

    def seconds(self, start: torch.cuda.Event, end: torch.cuda.Event) -> Seconds:
        """The time between two reached events."""
        return Seconds(start.elapsed_time(end) / 1e3)

    def settle(self) -> None:
        """Wait for the device."""
        torch.cuda.synchronize()


def clock_of(device: torch.device) -> Clock[Any]:
    """The clock that fits the device."""
    return CudaClock() if device.type == "cuda" else WallClock()


def unsupported(mode: Mode, device: torch.device) -> str | None:
    """Why ``device`` cannot do ``mode``, or None where it can."""
    reason = _unsupported_numerics(mode, device)
    if reason is None and mode.compile is not None:
        reason = _unsupported_compile(mode, device)
    return reason


def _unsupported_numerics(mode: Mode, device: torch.device) -> str | None:
    if device.type != "cuda":
        if mode.float32 == "tf32":
            return "TF32 is a mode of NVIDIA GPUs of compute capability 8.0 or newer"
        if mode.autocast == "float16":
            return "float16 with a GradScaler is a recipe for GPUs; on a CPU use amp-bf16"
        return None
    capability = torch.cuda.get_device_capability(device)
    dotted = ".".join(map(str, capability))
    if mode.float32 == "tf32" and capability < (8, 0):
        return f"TF32 needs compute capability 8.0, this GPU has {dotted}"
    if mode.autocast == "bfloat16" and capability < (8, 0):
        return f"bfloat16 needs compute capability 8.0, this GPU has {dotted}"
    return None


def _unsupported_compile(mode: Mode, device: torch.device) -> str | None:
    missing = _missing_compiler(device)
    if missing is not None:
        return missing
    if device.type != "cuda":
        if mode.compile == "reduce-overhead":
            return "reduce-overhead records CUDA graphs, which need a GPU"
        return None
    if torch.cuda.get_device_capability(device) < (7, 0):
        return "torch.compile needs compute capability 7.0 (Triton)"
    return None


def _missing_compiler(device: torch.device) -> str | None:
    """Why what torch.compile calls is not there: Inductor's C++ compiler, or Triton's for C."""
    variable, usual = ("CC", ["gcc", "clang", "cc"]) if device.type == "cuda" else ("CXX", ["g++"])
    given = shlex.split(os.environ.get(variable, ""))
    names = given[:1] or usual
    if any(shutil.which(name) for name in names):
        return None
    named = f"${variable} names {names[0]}, which" if given else " or ".join(names)
    return f"torch.compile needs a compiler: {named} is not on PATH"


def facts(device: torch.device) -> dict[str, Any]:
    """What the device and the torch on it call themselves."""
    found: dict[str, Any] = {
        "type": device.type,
        "torch": torch.__version__,
        "cuda": torch.version.cuda,
        "threads": torch.get_num_threads(),
        "omp_wait_policy": os.environ.get("OMP_WAIT_POLICY"),
    }
    if device.type == "cuda":
        properties = torch.cuda.get_device_properties(device)
        found |= {
            "name": properties.name,
            "capability": f"{properties.major}.{properties.minor}",
            "memory_bytes": properties.total_memory,
            "cudnn": torch.backends.cudnn.version(),
            "visible_gpus": torch.cuda.device_count(),
            "gpu": _hashed_uuid(properties),
        }
    else:
        found |= {"name": _cpu_name(), "memory_bytes": _host_memory()}
    return found


def gpus(device: torch.device, count: int) -> dict[str, Any]:
    """The hashed UUIDs of the first ``count`` GPUs, where several are trained on."""
    seen = min(count, torch.cuda.device_count()) if device.type == "cuda" else 0
    if seen < 2:
        return {}
    each = [torch.cuda.get_device_properties(index) for index in range(seen)]
    return {"gpus": [_hashed_uuid(properties) for properties in each]}


def _hashed_uuid(properties: Any) -> str | None:
    """The GPU's UUID as the snapshot shows it: a truncated SHA-256, which names no machine."""
    uuid = getattr(properties, "uuid", None)
    if uuid is None:
        return None
    return hashlib.sha256(f"GPU-{uuid}".encode()).hexdigest()[:16]


def _cpu_name() -> str:
    try:
        with open("/proc/cpuinfo", encoding="utf-8", errors="replace") as stream:  # noqa: PTH123
            for line in stream:
                if line.startswith("model name"):
                    return line.partition(":")[2].strip()
    except OSError:
        pass
    return "CPU"


def _host_memory() -> int:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def keep_out_of_memory(device: torch.device, margin: float) -> int:
    """Let torch's allocator use what is free now less a share of it; the bytes it may use."""
    free, total = torch.cuda.mem_get_info(device)
    allowed = torch.cuda.memory_reserved(device) + free * (1 - margin)
    torch.cuda.set_per_process_memory_fraction(allowed / total, device)
    return int(allowed)


@contextlib.contextmanager
def told_of_waits(device: torch.device, tell: Callable[[], object]) -> Iterator[None]:
    """Call ``tell`` in every call in which torch makes the host wait for the GPU.

    Torch says so by a warning, raised in the Python call that waits; on a CPU nothing waits.
    """
    if device.type != "cuda":
        yield
        return

    def heard(message: object, *rest: object, **more: object) -> None:  # noqa: ARG001
        if "called a synchronizing" in str(message):
            tell()

    before = torch.cuda.get_sync_debug_mode()
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.showwarning = heard
        torch.cuda.set_sync_debug_mode("warn")
        try:
            yield
        finally:
            torch.cuda.set_sync_debug_mode(before)


def give_back_memory(device: torch.device) -> None:
    """Return what torch's allocator holds and nobody uses; a CUDA graph's pool cannot take it."""
    if device.type == "cuda":
        gc.collect()
        torch.cuda.empty_cache()


def reset_peak_memory(device: torch.device) -> None:
    """Forget the peak so far, so that compiling and autotuning do not count."""
    if device.type == "cuda":
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats(device)


def memory(device: torch.device, *, graphs: bool = False) -> dict[str, int]:
    """Peak bytes: of the allocator on a GPU, of the resident set of the process on a CPU.

    A CUDA graph's memory looks free to the allocator once it is recorded, so with ``graphs`` the
    peak is what was reserved, which is more than what was used.
    """
    if device.type != "cuda":
        return {"peak_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024}
    free, total = torch.cuda.mem_get_info(device)
    return {
        "peak_bytes": torch.cuda.max_memory_reserved(device)
        if graphs
        else torch.cuda.max_memory_allocated(device),
        "peak_reserved_bytes": torch.cuda.max_memory_reserved(device),
        "free_bytes": free,
        "total_bytes": total,
    }


_LAST_SHORTAGE: dict[str, int] = {}
"""The allocator's figures when it last failed; later ones lack what was freed on the way out."""


def remember_shortages(device: torch.device) -> None:
    """Have torch's allocator keep its figures whenever it fails, where this torch can do so."""
    if device.type != "cuda":
        return
    # torch's own guide to memory uses it; there is no public name
    attach = getattr(torch._C, "_cuda_attach_out_of_memory_observer", None)  # noqa: SLF001
    with contextlib.suppress(RuntimeError, TypeError):
        if attach is not None:
            attach(lambda *_: _LAST_SHORTAGE.update(_allocator(device)))


def allocator_at_shortage() -> dict[str, int]:
    """What torch's allocator held and could have given when it failed, in bytes; or nothing."""
    return dict(_LAST_SHORTAGE)


def _allocator(device: torch.device) -> dict[str, int]:
    free, total = torch.cuda.mem_get_info(device)
    statistics = torch.cuda.memory_stats(device)
    blocks = [
        int(block["size"])
        for segment in torch.cuda.memory_snapshot()
        if segment.get("device", device.index) == device.index
        for block in segment["blocks"]
        if block["state"] == "inactive"
    ]
    return {
        "total_bytes": total,
        "free_bytes": free,
        "allocated_bytes": statistics.get("allocated_bytes.all.current", 0),
        "reserved_bytes": statistics.get("reserved_bytes.all.current", 0),
        "inactive_split_bytes": statistics.get("inactive_split_bytes.all.current", 0),
        "largest_free_block_bytes": max(blocks, default=0),
    }


def allocator_settings() -> str:
    """The settings of torch's allocator in the environment."""
    names = ("PYTORCH_ALLOC_CONF", "PYTORCH_CUDA_ALLOC_CONF")
    return ",".join(os.environ[name] for name in names if os.environ.get(name))


def is_out_of_memory(problem: BaseException) -> bool:
    """Whether an exception says that device or host memory ran out."""
    if isinstance(problem, MemoryError | torch.cuda.OutOfMemoryError):
        return True
    return isinstance(problem, RuntimeError) and any(
        words in str(problem) for words in OUT_OF_MEMORY_WORDS
    )
