"""NVML, the driver's management library: does it start, and through which binding."""

from gpubench.checks.facts import (
    NO_GPU,
    cuda_works,
    gpu_nodes,
    has_gpu,
    has_no_gpu,
    install_on,
    on_the_host,
)
from gpubench.checks.outcome import Check, Outcome, fail, note, ok, skip, unknown, warn
from gpubench.env.snapshot import Nvml, Snapshot
from gpubench.units import count
from gpubench.versions import Version

UTILITY = "docker run --gpus all -e NVIDIA_DRIVER_CAPABILITIES=compute,utility ..."
NO_ANSWER, NOT_LOADED, LIBRARY_MISSING, BLOCKED, MISMATCH = -1, 9, 12, 17, 18
ABSENT = (NO_ANSWER, NOT_LOADED, LIBRARY_MISSING)
NO_MODULE_OF_ITS_OWN = 12
"""From this release on pynvml requires nvidia-ml-py and brings no module of that name."""


WSL_NODE = "/dev/dxg"
"""WSL has it for the cards of every maker, and for none."""


def nvml_starts(snapshot: Snapshot) -> Outcome:
    """NVML, the driver's management library, starts.

    Why: nvidia-smi, monitoring and this doctor read the GPUs through it.
    Remedy: by its code: load the driver, install its libraries, allow the device nodes, reboot.
    """
    nvml = snapshot.driver.nvml
    if nvml is None:
        reason = snapshot.why_unread("driver.nvml")
        return unknown(reason) if reason else skip("NVML was not asked")
    broke_off = snapshot.why_unread("driver.nvml")
    if nvml.code == 0 and nvml.hung_in is None and broke_off is None:
        return ok(f"NVML answers for {count(nvml.device_count or len(snapshot.gpus), 'GPU')}")
    nodes = [node for node in gpu_nodes(snapshot) if node.path != WSL_NODE]
    if not (has_gpu(snapshot) or nodes) and nvml.code in ABSENT:
        return skip(NO_GPU if has_no_gpu(snapshot) else "nothing here shows a GPU")
    if cuda_works(snapshot):
        words = nvml.message or "gave no answer"
        return note(f"CUDA works, but NVML does not: {words} ({nvml.code})", code=nvml.code)
    if nvml.hung_in is not None:
        return _hung(snapshot, nvml)
    if nvml.code in (0, NO_ANSWER):
        return unknown(broke_off or f"NVML {nvml.message or 'gave no answer'}")
    return _failed(snapshot, nvml)


def _hung(snapshot: Snapshot, nvml: Nvml) -> Outcome:
    if "did not come back" not in nvml.message:
        return unknown(f"NVML {nvml.message}")  # it broke: that says nothing of the hardware
    return fail(
        f"NVML {nvml.message}",
        "look for Xid lines: " + on_the_host(snapshot, "sudo dmesg | grep -i nvrm")[0],
        "drain the machine and power cycle it",
        cause="gpu-hardware-fault",
        confidence="likely",
        hung_in=nvml.hung_in,
    )


def _failed(snapshot: Snapshot, nvml: Nvml) -> Outcome:
    library = install_on(
        snapshot,
        "libnvidia-ml1",
        "install the NVIDIA driver of your distribution with its libraries (libnvidia-ml)",
    )
    cause, remedy = {
        NOT_LOADED: ("driver-absent", on_the_host(snapshot, "sudo modprobe nvidia")[0]),
        LIBRARY_MISSING: ("driver-absent", library if snapshot.container is None else UTILITY),
        BLOCKED: ("device-access", "allow this process's cgroup to open /dev/nvidia*"),
        MISMATCH: ("driver-library-mismatch", on_the_host(snapshot, "sudo reboot")[0]),
    }.get(
        nvml.code,
        (
            "device-access",
            on_the_host(snapshot, "sudo nvidia-smi, and: sudo dmesg | grep -i nvrm")[0],
        ),
    )
    return fail(
        f"NVML did not start: {nvml.message} ({nvml.code})",
        remedy,
        cause=cause,
        confidence="certain" if nvml.code in (NOT_LOADED, LIBRARY_MISSING, MISMATCH) else "likely",
        code=nvml.code,
    )


def one_binding(snapshot: Snapshot) -> Outcome:
    """One distribution alone owns the module pynvml.

    Why: the old pynvml and nvidia-ml-py write the same file; which one is imported is chance.
    Remedy: pip uninstall pynvml, then install nvidia-ml-py again.
    """
    if snapshot.python is None:
        return skip("no Python environment is described here")
    old = snapshot.python.distribution("pynvml")
    new = snapshot.python.distribution("nvidia-ml-py")
    release = Version.find(old.version if old else None)
    if release is None or release.major >= NO_MODULE_OF_ITS_OWN:
        return ok("pynvml is owned by one distribution or none")
    if new is None:
        return note(f"pynvml {release} is no longer maintained; nvidia-ml-py takes its place")
    return warn(
        f"pynvml {release} and nvidia-ml-py {new.version} both own the module pynvml",
        "pip uninstall -y pynvml",
        "pip install --force-reinstall nvidia-ml-py",
        cause="host-tuning",
    )


_NVML = "NVIDIA Management Library API reference"
_UP = ("ctr.injection", "ctr.lost_access", "drv.module", "drv.user_kernel_match", "drv.devnodes")

CHECKS = (
    Check(id="nvml.load", judge=nvml_starts, cause="driver-absent", needs=_UP, reference=_NVML),
    Check(
        id="nvml.binding",
        judge=one_binding,
        cause="host-tuning",
        reference="XuehaiPan/nvitop, installation notes",
    ),
)
