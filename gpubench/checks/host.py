"""The machine around the GPUs: shared memory, the compiler torch.compile calls."""

from gpubench.checks.facts import has_gpu, torch_known, torch_version
from gpubench.checks.outcome import Check, Outcome, fail, note, ok, skip, unknown, warn
from gpubench.env.snapshot import Snapshot, Toolchain
from gpubench.units import memory
from gpubench.versions import Version

DOCKER_DEFAULT = 64 * 2**20
"""What Docker gives /dev/shm unless asked for more."""
SHM_WANTED = 512 * 2**20
"""Below this, loaders with several workers run out (DeepSpeed warns at the same size)."""


def shared_memory(snapshot: Snapshot) -> Outcome:
    """Shared memory (/dev/shm) holds what loaders and NCCL put there.

    Why: workers hand batches over through it; when it is full they die with a bus error.
    Remedy: docker run --shm-size=8g, or --ipc=host
    """
    size = snapshot.host.shm_bytes
    if size is None:
        reason = snapshot.why_unread("host.shm_bytes")
        return unknown(reason) if reason else skip("shared memory is not described here")
    words = f"shared memory (/dev/shm) has {memory(size)}"
    if size >= SHM_WANTED:
        return ok(words)
    remedy = "sudo mount -o remount,size=8G /dev/shm"
    if snapshot.container is not None:
        remedy = "docker run --shm-size=8g ...  (or --ipc=host; Kubernetes: an emptyDir of "
        remedy += "medium Memory at /dev/shm)"
    tiny = size <= DOCKER_DEFAULT + 2**20
    if tiny and snapshot.container is not None and len(snapshot.gpus) > 1:
        return fail(f"{words} for {len(snapshot.gpus)} GPUs", remedy, shm_bytes=size)
    return warn(f"{words}, less than {memory(SHM_WANTED)}", remedy, shm_bytes=size)


def _toolchain(snapshot: Snapshot) -> tuple[Outcome | None, Toolchain]:
    missing = torch_known(snapshot)
    if missing is not None:
        return missing, Toolchain()
    torch = torch_version(snapshot)
    if torch is not None and torch < Version.parse("2.0"):
        return skip(f"torch {torch} has no torch.compile"), Toolchain()
    if snapshot.toolchain is None or snapshot.paste is not None:  # no report tells all of it
        reason = snapshot.why_unread("toolchain")
        words = "the tool chain is not described here"
        return unknown(reason) if reason else skip(words), Toolchain()
    return None, snapshot.toolchain


def compiler(snapshot: Snapshot) -> Outcome:
    """There is a C compiler for torch.compile.

    Why: triton builds its launchers with a C compiler, the CPU back end whole kernels with a
    C++ compiler, both when a model is first compiled.
    Remedy: apt install build-essential, or a -devel image.
    """
    other, tools = _toolchain(snapshot)
    if other is not None:
        return other
    remedy = "apt-get install -y build-essential"
    if tools.cc is None and tools.cxx is None:
        return warn("no C compiler on the PATH: torch.compile cannot build anything", remedy)
    if tools.cc is None:
        return warn("no C compiler on the PATH, only a C++ one: triton needs it", remedy)
    if tools.cxx is None:
        if has_gpu(snapshot):
            return note("no C++ compiler: torch.compile works on the GPU, not on the CPU")
        return warn("no C++ compiler on the PATH: torch.compile cannot build CPU code", remedy)
    return ok(f"{tools.cc} and {tools.cxx}")


def python_header(snapshot: Snapshot) -> Outcome:
    """Python.h is there for torch.compile.

    Why: what is built when a model is compiled includes the interpreter's header.
    Remedy: apt install python3-dev of this Python.
    """
    other, tools = _toolchain(snapshot)
    if other is not None:
        return other
    if tools.python_h is not None:
        return ok(tools.python_h)
    version = snapshot.python.version if snapshot.python else None
    minor = ".".join((version or "3").split(".")[:2])
    return warn(
        f"no Python.h for Python {minor}: torch.compile cannot build its launchers",
        f"apt-get install -y python{minor}-dev",
    )


CHECKS = (
    Check(
        id="host.shm",
        judge=shared_memory,
        cause="shm-too-small",
        reference="PyTorch README, Docker image; Docker run reference, --shm-size",
    ),
    Check(
        id="tc.cc",
        judge=compiler,
        cause="compiler-missing",
        needs=("torch.present",),
        reference="pytorch/pytorch issue 116696",
    ),
    Check(
        id="tc.python_h",
        judge=python_header,
        cause="compiler-missing",
        needs=("torch.present",),
        reference="theroyallab/tabbyAPI issue 456",
    ),
)
