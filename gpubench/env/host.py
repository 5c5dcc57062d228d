"""The machine around the GPUs: system, limits, container, variables."""

import os
import platform
import re
import resource
from collections.abc import Mapping

from gpubench.env.files import optional
from gpubench.env.limits import read_limits
from gpubench.env.redact import anonymous, clean
from gpubench.env.snapshot import Host
from gpubench.env.sources import Sources
from gpubench.env.storage import read_folders
from gpubench.env.topology import read_topology
from gpubench.env.tuning import read_tuning
from gpubench.units import Bytes

SHM = "/dev/shm"  # noqa: S108 - looked at, not written
ALLOWED = re.compile(
    r"CUDA_(VISIBLE_DEVICES|DEVICE_ORDER|HOME|PATH|LAUNCH_BLOCKING|MODULE_LOADING"
    r"|DISABLE_PTX_JIT|FORCE_PTX_JIT|AUTO_BOOST|COREDUMP_FILE|ENABLE_COREDUMP_ON_EXCEPTION"
    r"|DEVICE_WAITS_ON_EXCEPTION|PROFILE|INJECTION(32|64)_PATH)"
    r"|COMPUTE_PROFILE|OPENCL_PROFILE|NSIGHT_CUDA_DEBUGGER"
    r"|HIP_VISIBLE_DEVICES|ROCR_VISIBLE_DEVICES|GLOO_SOCKET_IFNAME|ACCELERATE_USE_CPU"
    r"|NVIDIA_(VISIBLE_DEVICES|DRIVER_CAPABILITIES|REQUIRE_CUDA|DISABLE_REQUIRE|TF32_OVERRIDE)"
    r"|NCCL_(DEBUG|P2P_DISABLE|P2P_LEVEL|SHM_DISABLE|IB_DISABLE|SOCKET_IFNAME|IB_HCA|ALGO|PROTO)"
    r"|PYTORCH_(CUDA_)?ALLOC_CONF|PYTORCH_NO_CUDA_MEMORY_CACHING"
    r"|TORCH_(ALLOW_TF32_CUBLAS_OVERRIDE|CUDA_ARCH_LIST|DISTRIBUTED_DEBUG|USE_RTLD_GLOBAL)"
    r"|TORCH(INDUCTOR_CACHE_DIR|DYNAMO_DISABLE)|TRITON_(CACHE_DIR|LIBCUDA_PATH|PTXAS_PATH)"
    r"|CC|CXX|LD_LIBRARY_PATH|LD_PRELOAD|PYTHONPATH|PYTHONNOUSERSITE|CONDA_DEFAULT_ENV"
    r"|OMP_NUM_THREADS|MKL_NUM_THREADS"
)
"""The variables that are looked at and stored; every other one is none of our business."""
SCHEDULERS = ("SLURM_JOB_ID", "PBS_JOBID", "LSB_JOBID", "COBALT_JOBID", "FLUX_JOB_ID", "OAR_JOB_ID")
"""Variables of a scheduler's job; that they are set is stored, not the number of the job."""
_UUID = re.compile(r"(MIG-)?GPU-([0-9a-fA-F][0-9a-fA-F-]*)|MIG-([0-9a-fA-F][0-9a-fA-F-]*)")


def read_environment(variables: Mapping[str, str], *, identify: bool = False) -> dict[str, str]:
    """The variables of the allow-list, cleaned; UUIDs of GPUs as hashes unless ``identify``."""
    kept = {
        name: clean(variables[name], keep_uuids=True)
        for name in sorted(variables)
        if ALLOWED.fullmatch(name)
    }
    if not identify:
        kept = {name: _UUID.sub(_hashed, value) for name, value in kept.items()}
    return {**kept, **{name: "set" for name in SCHEDULERS if variables.get(name)}}


def _hashed(found: re.Match[str]) -> str:
    """A GPU's UUID as the GPU itself shows it; that of a MIG instance keeps its first word."""
    if found[3]:
        return f"MIG-{anonymous(f'MIG-{found[3].lower()}')}"
    return f"{found[1] or ''}{anonymous(f'GPU-{found[2].lower()}')}"


def read_host(sources: Sources, unread: dict[str, str], *, identify: bool = False) -> Host:
    """The operating system and what it grants this process."""
    shm, shm_free = _shared_memory(sources, unread)
    is_wsl = "microsoft" in platform.release().lower()
    return Host(
        name=platform.node() if identify else None,
        system=_release_name(sources) or platform.system(),
        kernel=platform.release(),
        machine=platform.machine(),
        libc=" ".join(part for part in platform.libc_ver() if part) or None,
        cpu_model=_cpu_model(sources),
        cpu_count=_cpu_count(),
        memory_bytes=_memory(sources, unread),
        memory_available_bytes=_memory_of(sources, "MemAvailable"),
        shm_bytes=shm,
        shm_free_bytes=shm_free,
        memlock_bytes=Bytes(resource.getrlimit(resource.RLIMIT_MEMLOCK)[0]),
        is_wsl=is_wsl,
        limits=read_limits(sources, unread),
        folders=read_folders(sources, unread),
        topology=read_topology(sources, unread),
        tuning=read_tuning(sources, unread, is_wsl=is_wsl),
    )


def _cpu_count() -> int | None:
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # not on Linux
        return os.cpu_count()


def _release_name(sources: Sources) -> str | None:
    found = re.search(
        r'^PRETTY_NAME="?([^"\n]*)', optional(sources, "/etc/os-release"), re.MULTILINE
    )
    return clean(found[1]) if found else None


def _cpu_model(sources: Sources) -> str | None:
    found = re.search(
        r"^model name\s*:\s*(.+)$", optional(sources, "/proc/cpuinfo", 65536), re.MULTILINE
    )
    return clean(found[1]) if found else None


def _memory(sources: Sources, unread: dict[str, str]) -> Bytes | None:
    found = _memory_of(sources, "MemTotal")
    if found is None:
        unread["host.memory_bytes"] = "/proc/meminfo has no MemTotal"
    return found


def _memory_of(sources: Sources, name: str) -> Bytes | None:
    found = re.search(rf"^{name}:\s*(\d+) kB", optional(sources, "/proc/meminfo"), re.MULTILINE)
    return Bytes(int(found[1]) * 1024) if found else None


def _shared_memory(sources: Sources, unread: dict[str, str]) -> tuple[Bytes | None, Bytes | None]:
    try:
        answer = os.statvfs(sources.path(SHM))
    except FileNotFoundError:
        return None, None
    except OSError as problem:
        unread["host.shm_bytes"] = f"{SHM}: {problem.strerror}"
        return None, None
    return Bytes(answer.f_blocks * answer.f_frsize), Bytes(answer.f_bavail * answer.f_frsize)
