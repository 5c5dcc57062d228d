"""The GPUs that NVML counts: are they all there, and may they be used."""

from gpubench.checks.facts import (
    NO_GPU,
    cuda_works,
    gpu_nodes,
    has_no_gpu,
    is_one_gpu,
    is_rocm,
    is_shared_out,
    on_the_host,
    pci_gpus,
    per_gpu,
)
from gpubench.checks.outcome import Check, Outcome, fail, note, ok, skip, unknown
from gpubench.env.snapshot import Gpu, Snapshot
from gpubench.units import count

LOST = {15: "is lost: it has fallen off the bus or stopped answering", 16: "must be reset"}
REFUSED = {4: "may not be opened: no permission", 17: "is blocked by the operating system"}
HELD_BYTES = 64 * 2**20
"""Memory in use beyond this, without a program, is held by someone (own choice)."""


def all_counted(snapshot: Snapshot) -> Outcome:
    """NVML counts as many GPUs as the PCI bus shows.

    Why: a card that the driver could not start is missing from every job without a word.
    Remedy: look for the reason in the kernel log; reset, reseat or replace the card.
    """
    nvml = snapshot.driver.nvml
    on_bus = sum(device.driver in (None, "nvidia") for device in pci_gpus(snapshot))
    if nvml is None or nvml.device_count is None:
        return skip(NO_GPU) if has_no_gpu(snapshot) else skip("NVML counted nothing")
    if not pci_gpus(snapshot):
        return note(f"NVML counts {nvml.device_count}; the PCI bus is not shown here")
    if nvml.device_count >= on_bus:
        return ok(f"NVML counts {nvml.device_count}, the PCI bus {on_bus}")
    words = f"NVML counts {count(nvml.device_count, 'GPU')}, the PCI bus shows {on_bus}"
    if is_shared_out(snapshot):
        return note(f"{words}: this container or job was given some of the host's GPUs")
    if any(not node.accessible for node in gpu_nodes(snapshot)):
        return note(f"{words}: this process may not open every /dev/nvidiaN")
    if snapshot.cuda_init is not None and (snapshot.cuda_init.device_count or 0) >= on_bus:
        return note(f"{words}, and CUDA sees them all")
    nodes = len(gpu_nodes(snapshot))
    if 0 < nvml.device_count <= nodes < on_bus:
        return fail(
            f"{words}; /dev has nodes for {nodes}",
            *on_the_host(snapshot, f"sudo nvidia-modprobe -u -c {on_bus - 1}"),
            "where that brings no node: sudo dmesg | grep -iE 'nvrm|xid|fallen off'",
            cause="device-access",
            confidence="possible",
            nodes=nodes,
        )
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
    lost = {index: code for index, code in bad.items() if code in LOST}
    refused = all(code in REFUSED for code in bad.values())
    if _all_computed(snapshot):
        return note(f"{_unopened(bad)}; but every GPU computes", gpus=_by_name(bad))
    if not lost and (cuda_works(snapshot) or (refused and is_shared_out(snapshot))):
        return note(_unopened(bad), gpus=_by_name(bad))
    if lost:
        return _lost(snapshot, bad, list(lost))
    if refused:
        return fail(
            _unopened(bad),
            "give this user, and its cgroup, read and write access to: ls -l /dev/nvidia*",
            cause="device-access",
            confidence="likely",
            gpus=_by_name(bad),
        )
    return fail(
        _unopened(bad),
        *on_the_host(snapshot, "sudo dmesg | grep -iE 'nvrm|xid|fallen off'"),
        confidence="possible",
        gpus=_by_name(bad),
    )


def _all_computed(snapshot: Snapshot) -> bool:
    """True where torch computed rightly on as many GPUs as NVML names, the silent ones too.

    They are counted and not matched: CUDA numbers GPUs in an order of its own.
    """
    if snapshot.torch_run is None or is_rocm(snapshot):
        return False
    agreed: dict[str, bool] = {}
    for proof in snapshot.torch_run.proofs:
        if is_one_gpu(proof.device) and proof.is_supported:
            agreed[proof.device] = agreed.get(proof.device, True) and proof.agrees
    return sum(agreed.values()) >= len(snapshot.gpus)


def _lost(snapshot: Snapshot, bad: dict[int, int], lost: list[int]) -> Outcome:
    """A reset ends what computes there, so that is said before it."""
    return fail(
        _unopened(bad),
        "end every program on the GPU first, nvidia-persistenced too: a reset needs it idle",
        *on_the_host(snapshot, *(f"sudo nvidia-smi --gpu-reset -i {index}" for index in lost)),
        "where that fails: power cycle the machine; where it comes back, replace the card",
        gpus=_by_name(bad),
    )


def _unopened(bad: dict[int, int]) -> str:
    said = {**LOST, **REFUSED}
    return "; ".join(
        f"GPU {index} {said.get(code, f'cannot be opened (NVML {code})')}"
        for index, code in bad.items()
    )


def _by_name(bad: dict[int, int]) -> dict[str, int]:
    return {str(index): code for index, code in bad.items()}


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
    closed = [gpu.index for gpu in snapshot.gpus if gpu.compute_mode == "prohibited"]
    if closed:
        steps = (f"sudo nvidia-smi -i {index} -c 0" for index in closed)
        return fail("; ".join(found), *on_the_host(snapshot, *steps))
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
    empty = [gpu.index for gpu in snapshot.gpus if gpu.mig_enabled and gpu.mig_instances == 0]
    which = "that GPU alone" if len(empty) == 1 else "those GPUs alone"
    if found:
        return fail(
            f"MIG is on without instances: {'; '.join(found)}",
            *on_the_host(
                snapshot,
                *(f"sudo nvidia-smi mig -i {index} -cgi 0 -C" for index in empty),
                f"or switch MIG off on {which}: sudo nvidia-smi -i "
                f"{','.join(map(str, empty))} -mig 0",
            ),
        )
    pending = [gpu.index for gpu in snapshot.gpus if gpu.mig_pending not in (None, gpu.mig_enabled)]
    if pending:
        return note(f"MIG changes with the next reset of GPU {', '.join(map(str, pending))}")
    on = sum(bool(gpu.mig_enabled) for gpu in snapshot.gpus)
    return note(f"MIG is on for {count(on, 'GPU')}") if on else ok("MIG is off")


def idle(snapshot: Snapshot) -> Outcome:
    """No other program computes on the GPUs or holds their memory.

    Why: a benchmark beside another program measures both. Memory may also be held by programs
    that are not shown here: in another container, or ended badly.
    Remedy: end the other program, or choose another GPU.
    """
    other, found = per_gpu(
        snapshot,
        "process_count",
        "its processes",
        lambda gpu: count(gpu.process_count, "process", "processes") if gpu.process_count else None,
    )
    held = [said for gpu in snapshot.gpus if (said := _held(gpu))]
    if found or held:
        return note(f"in use: {'; '.join(found + held)}")
    return other or ok("no program computes on the GPUs")


def _held(gpu: Gpu) -> str | None:
    """Memory in use without a program; None where the driver's own part is not told apart."""
    if gpu.process_count or gpu.mig_enabled or gpu.memory_reserved_bytes is None:
        return None
    used = gpu.memory_used_bytes or 0
    if used <= HELD_BYTES:
        return None
    return f"GPU {gpu.index}: {used / 2**20:.0f} MiB held by a program that is not shown"


_NVML = "NVIDIA Management Library API reference"
_UP = ("ctr.injection", "ctr.lost_access", "drv.module", "drv.user_kernel_match", "drv.devnodes")

CHECKS = (
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
