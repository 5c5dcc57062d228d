"""What a contract may expect of the machine around the GPUs: driver, CUDA, limits of the host."""

from gpubench.checks.expected import (
    AMOUNT,
    GIB,
    LIMIT,
    RELEASE,
    Key,
    Release,
    one_of,
    release_is,
    unreadable,
    value_is,
)
from gpubench.checks.expected_gpus import UP
from gpubench.checks.facts import driver_version, on_the_host
from gpubench.checks.outcome import Outcome, fail, ok
from gpubench.env.snapshot import Snapshot
from gpubench.units import Bytes, memory


def driver_release(snapshot: Snapshot, wanted: Release) -> Outcome:
    """The driver is of a release the contract accepts.

    Why: what was tested on one branch of the driver is not proved on another.
    Remedy: install a driver of that range, or run on a machine that has one.
    """
    found = driver_version(snapshot)
    if found is None:
        return unreadable(snapshot, "the driver's release", "driver.version", "driver.nvml")
    cause = "driver-too-old" if wanted.is_above(str(found)) else "framework-incompatible"
    return release_is("driver", str(found), wanted, _install(snapshot, wanted), cause=cause)


def _install(snapshot: Snapshot, wanted: Release) -> str:
    return on_the_host(snapshot, f"install an NVIDIA driver {wanted.text}, then reboot")[0]


def driver_flavour(snapshot: Snapshot, wanted: str) -> Outcome:
    """The kernel module is of the flavour the contract names.

    Why: Blackwell needs the open one; some features are in one of them alone.
    Remedy: install that flavour of the same driver.
    """
    found = snapshot.driver.flavour
    if found is None:
        return unreadable(snapshot, "the flavour of the kernel module", "driver.version")
    remedy = on_the_host(snapshot, f"install the {wanted} flavour of the NVIDIA driver")[0]
    return value_is("kernel module", found, wanted, remedy)


def cuda_release(snapshot: Snapshot, wanted: Release) -> Outcome:
    """The newest CUDA that the driver runs is one the contract accepts.

    Why: programs built for a newer CUDA do not start, or run without its newer features.
    Remedy: update the driver.
    """
    nvml, started = snapshot.driver.nvml, snapshot.cuda_init
    found = (nvml.cuda_version if nvml else None) or (started.driver_cuda if started else None)
    if found is None:
        return unreadable(snapshot, "the CUDA release of the driver", "driver.nvml")
    remedy = on_the_host(snapshot, f"install an NVIDIA driver that runs CUDA {wanted.text}")[0]
    cause = "driver-too-old" if wanted.is_above(found) else "framework-incompatible"
    return release_is("CUDA of the driver", found, wanted, remedy, cause=cause)


def shared_memory(snapshot: Snapshot, wanted: float) -> Outcome:
    """Shared memory (/dev/shm) is as large as the contract asks.

    Why: loaders and NCCL hand data over through it; when it is full they die of a bus error.
    Remedy: docker run --shm-size=8g, or --ipc=host.
    """
    found, expected = snapshot.host.shm_bytes, f"at least {memory(Bytes(int(wanted * GIB)))}"
    if found is None:
        return unreadable(snapshot, "the size of /dev/shm", "host.shm_bytes")
    words = f"shared memory (/dev/shm) has {memory(found)}, expected {expected}"
    if found >= wanted * GIB:
        return ok(words)
    remedy = f"sudo mount -o remount,size={wanted:g}G /dev/shm"
    if snapshot.container is not None:
        remedy = f"docker run --shm-size={wanted:g}g ...  (or --ipc=host)"
    return fail(words, remedy, shm_bytes=found)


def locked_memory(snapshot: Snapshot, wanted: float | None) -> Outcome:
    """The limit of locked memory is what the contract asks for.

    Why: RDMA and pinned buffers lock memory; a low limit stops them when they start.
    Remedy: docker run --ulimit memlock=-1, or raise it in /etc/security/limits.d.
    """
    found = snapshot.host.memlock_bytes
    if found is None:
        return unreadable(snapshot, "the limit of locked memory", "host.memlock_bytes")
    unlimited = found < 0
    enough = unlimited or (wanted is not None and found >= wanted * GIB)
    had = "unlimited" if unlimited else memory(found)
    asked = "unlimited" if wanted is None else f"at least {memory(Bytes(int(wanted * GIB)))}"
    words = f"the limit of locked memory is {had}, expected {asked}"
    if enough:
        return ok(words)
    remedy = "ulimit -l unlimited, or raise memlock in /etc/security/limits.d"
    if snapshot.container is not None:
        remedy = "docker run --ulimit memlock=-1:-1 ..."
    return fail(words, remedy, memlock_bytes=found)


KEYS = (
    Key(
        name="driver.version",
        kind=RELEASE,
        meets=driver_release,
        cause="driver-too-old",
        needs=("drv.nouveau", *UP, "cuda.floor"),
    ),
    Key(
        name="driver.flavour",
        kind=one_of("open", "proprietary"),
        meets=driver_flavour,
        cause="driver-absent",
        needs=(*UP, "drv.open_module"),
    ),
    Key(
        name="cuda.version",
        kind=RELEASE,
        meets=cuda_release,
        cause="driver-too-old",
        needs=(*UP, "cuda.floor", "expect.driver.version"),
    ),
    Key(
        name="host.shm_gib_min",
        kind=AMOUNT,
        meets=shared_memory,
        cause="shm-too-small",
        needs=("host.shm",),
    ),
    Key(name="host.memlock", kind=LIMIT, meets=locked_memory, cause="host-resources"),
)
