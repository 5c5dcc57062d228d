"""NVML and the GPUs it counts."""

from gpubench.checks.facts import NO_GPU, has_gpu, has_no_gpu, pci_gpus, per_gpu
from gpubench.checks.outcome import Check, Outcome, fail, note, ok, skip, unknown
from gpubench.env.snapshot import Nvml, Snapshot
from gpubench.units import count

LOST = {15: "is lost: it has fallen off the bus or stopped answering", 16: "must be reset"}
UTILITY = "NVIDIA_DRIVER_CAPABILITIES=compute,utility"
NOT_LOADED, LIBRARY_MISSING, BLOCKED, MISMATCH = 9, 12, 17, 18


def nvml_starts(snapshot: Snapshot) -> Outcome:
    """NVML, the driver's management library, starts.

    Why: nvidia-smi, monitoring and this doctor read the GPUs through it.
    Remedy: by its code: load the driver, install its libraries, allow the device nodes, reboot.
    """
    nvml = snapshot.driver.nvml
    if nvml is None:
        reason = snapshot.why_unread("driver.nvml")
        return unknown(reason) if reason else skip("NVML was not asked")
    if nvml.hung_in is not None:
        return fail(
            f"NVML {nvml.message}",
            "look for Xid lines: sudo dmesg | grep -i nvrm",
            "drain the machine and power cycle it",
            cause="gpu-hardware-fault",
            confidence="likely",
            hung_in=nvml.hung_in,
        )
    if nvml.code == 0:
        return ok(f"NVML answers for {count(nvml.device_count or 0, 'GPU')}")
    if not has_gpu(snapshot) and nvml.code in (NOT_LOADED, LIBRARY_MISSING):
        return skip(NO_GPU if has_no_gpu(snapshot) else "nothing here shows a GPU")
    return _failed(nvml)


def _failed(nvml: Nvml) -> Outcome:
    cause, remedy = {
        NOT_LOADED: ("driver-absent", "sudo modprobe nvidia"),
        LIBRARY_MISSING: (
            "driver-absent",
            f"sudo apt install libnvidia-ml1; in a container: {UTILITY}",
        ),
        BLOCKED: ("device-access", "allow this process's cgroup to open /dev/nvidia*"),
        MISMATCH: ("driver-library-mismatch", "sudo reboot"),
    }.get(nvml.code, ("device-access", "sudo nvidia-smi, and: sudo dmesg | grep -i nvrm"))
    return fail(
        f"NVML did not start: {nvml.message} ({nvml.code})",
        remedy,
        cause=cause,
        confidence="certain" if nvml.code in (NOT_LOADED, LIBRARY_MISSING, MISMATCH) else "likely",
        code=nvml.code,
    )


def all_counted(snapshot: Snapshot) -> Outcome:
    """NVML counts as many GPUs as the PCI bus shows.

    Why: a card that the driver could not start is missing from every job without a word.
    Remedy: look for the reason in the kernel log; reset, reseat or replace the card.
    """
    nvml, on_bus = snapshot.driver.nvml, len(pci_gpus(snapshot))
    if nvml is None or nvml.device_count is None:
        return skip(NO_GPU) if has_no_gpu(snapshot) else skip("NVML counted nothing")
    if snapshot.driver.pci_devices is None or not on_bus:
        return note(f"NVML counts {nvml.device_count}; the PCI bus is not shown here")
    if nvml.device_count >= on_bus:
        return ok(f"NVML counts {nvml.device_count}, the PCI bus {on_bus}")
    words = f"NVML counts {count(nvml.device_count, 'GPU')}, the PCI bus shows {on_bus}"
    if snapshot.container is not None:
        return note(f"{words}: this container was given some of the host's GPUs")
    return fail(
        words,
        "sudo dmesg | grep -iE 'nvrm|xid|fallen off'",
        "power cycle the machine; where the card stays away, reseat or replace it",
        confidence="likely",
        nvml=nvml.device_count,
        pci=on_bus,
    )


def all_answer(snapshot: Snapshot) -> Outcome:
    """Every GPU that NVML counts can be opened.

    Why: a lost GPU hangs or ends every program that touches it.
    Remedy: reset the GPU or power cycle the machine; where it comes back, replace the card.
    """
    if not snapshot.gpus:
        return skip(NO_GPU) if has_no_gpu(snapshot) else skip("no GPU is described here")
    bad = {gpu.index: gpu.error_code for gpu in snapshot.gpus if gpu.error_code}
    if not bad:
        if snapshot.source != "live":
            return skip("only a live machine tells whether its GPUs answer")
        counted = snapshot.driver.nvml.device_count if snapshot.driver.nvml else None
        if counted is None or counted > len(snapshot.gpus):
            return unknown(f"{len(snapshot.gpus)} of {counted or 'all'} GPUs were asked")
        return ok(f"{count(len(snapshot.gpus), 'GPU answers', 'GPUs answer')}")
    words = "; ".join(
        f"GPU {index} {LOST.get(code or 0, f'cannot be opened (NVML {code})')}"
        for index, code in bad.items()
    )
    return fail(
        words,
        *(f"sudo nvidia-smi --gpu-reset -i {index}" for index in bad),
        "where that fails: power cycle the machine; where it comes back, replace the card",
        gpus={str(index): code for index, code in bad.items()},
    )


def compute_mode(snapshot: Snapshot) -> Outcome:
    """The compute mode lets programs in.

    Why: prohibited refuses every CUDA program, exclusive every second one.
    Remedy: sudo nvidia-smi -c 0
    """
    other, found = per_gpu(
        snapshot,
        "compute_mode",
        "its compute mode",
        lambda gpu: None if gpu.compute_mode == "default" else str(gpu.compute_mode),
    )
    if other is not None:
        return other
    if any("prohibited" in words for words in found):
        return fail("; ".join(found), "sudo nvidia-smi -c 0")
    if found:
        return note("; ".join(found))
    return ok("compute mode is default")


def mig_usable(snapshot: Snapshot) -> Outcome:
    """Where MIG is on, there are instances to use and no change is pending.

    Why: a GPU in MIG mode without instances shows no CUDA device.
    Remedy: create instances (nvidia-smi mig -cgi ... -C), or switch MIG off and reset.
    """
    other, found = per_gpu(
        snapshot,
        "mig_enabled",
        "its MIG mode",
        lambda gpu: "no instance" if gpu.mig_enabled and gpu.mig_instances == 0 else None,
    )
    if other is not None:
        return other
    if found:
        return fail(
            f"MIG is on without instances: {'; '.join(found)}",
            "sudo nvidia-smi mig -cgi 0 -C",
            "or: sudo nvidia-smi -mig 0",
        )
    pending = [gpu.index for gpu in snapshot.gpus if gpu.mig_pending not in (None, gpu.mig_enabled)]
    if pending:
        return note(f"MIG changes with the next reset of GPU {', '.join(map(str, pending))}")
    on = sum(bool(gpu.mig_enabled) for gpu in snapshot.gpus)
    return note(f"MIG is on for {count(on, 'GPU')}") if on else ok("MIG is off")


def idle(snapshot: Snapshot) -> Outcome:
    """No other program computes on the GPUs.

    Why: a benchmark beside another program measures both.
    Remedy: end the other program, or choose another GPU.
    """
    other, found = per_gpu(
        snapshot,
        "process_count",
        "its processes",
        lambda gpu: count(gpu.process_count, "process", "processes") if gpu.process_count else None,
    )
    if other is not None:
        return other
    return note(f"in use: {'; '.join(found)}") if found else ok("no program computes on the GPUs")


_NVML = "NVIDIA Management Library API reference"
_UP = ("ctr.injection", "drv.module", "drv.user_kernel_match", "drv.devnodes")

CHECKS = (
    Check(id="nvml.load", judge=nvml_starts, cause="driver-absent", needs=_UP, reference=_NVML),
    Check(
        id="gpu.count",
        judge=all_counted,
        cause="gpu-hardware-fault",
        needs=(*_UP, "nvml.load"),
        reference=_NVML,
    ),
    Check(
        id="gpu.handles",
        judge=all_answer,
        cause="gpu-hardware-fault",
        needs=(*_UP, "nvml.load"),
        reference=_NVML,
    ),
    Check(
        id="gpu.compute_mode",
        judge=compute_mode,
        cause="device-access",
        needs=("nvml.load",),
        reference=_NVML,
    ),
    Check(
        id="gpu.mig",
        judge=mig_usable,
        cause="device-access",
        needs=("nvml.load",),
        reference="NVIDIA Multi-Instance GPU user guide",
    ),
    Check(
        id="gpu.busy",
        judge=idle,
        cause="device-access",
        needs=("nvml.load",),
        reference=_NVML,
    ),
)
