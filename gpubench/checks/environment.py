"""Variables that hide GPUs, or change what every CUDA program does."""

import re
from collections.abc import Sequence

from gpubench.checks.facts import (
    NO_GPU,
    gpu_computed,
    gpu_was_wanted,
    has_gpu,
    is_rocm,
    was_available,
)
from gpubench.checks.outcome import Check, Outcome, fail, note, ok, skip, warn
from gpubench.env.snapshot import Gpu, Snapshot
from gpubench.units import count

DEBUGGING = (
    "COMPUTE_PROFILE",
    "CUDA_AUTO_BOOST",
    "CUDA_COREDUMP_FILE",
    "CUDA_DEVICE_WAITS_ON_EXCEPTION",
    "CUDA_ENABLE_COREDUMP_ON_EXCEPTION",
    "CUDA_INJECTION32_PATH",
    "CUDA_INJECTION64_PATH",
    "CUDA_PROFILE",
    "NSIGHT_CUDA_DEBUGGER",
    "OPENCL_PROFILE",
)
SLOW = {
    "CUDA_LAUNCH_BLOCKING": (),
    "PYTORCH_NO_CUDA_MEMORY_CACHING": (),
    "NCCL_DEBUG": ("TRACE",),
    "TORCH_DISTRIBUTED_DEBUG": ("DETAIL",),
}
"""Variables that slow every step, and the values that do; without any, all but 0."""
OTHERS = ("HIP_VISIBLE_DEVICES", "ROCR_VISIBLE_DEVICES")
"""What hides AMD's GPUs, and no NVIDIA one."""
YES = ("1", "true", "yes", "y", "t", "on")
"""What accelerate takes for yes (str_to_bool)."""
_HASH = re.compile(r"[0-9a-f]{16}")
_NAMED = re.compile(r"(GPU|MIG|MIG-GPU)-[0-9a-fA-F-]+(/\d+/\d+)?$|[0-9a-f]{16}$")
"""A UUID, whole or shortened, that of a MIG instance in its old form, or what stands for one."""


def devices_visible(snapshot: Snapshot) -> Outcome:
    """No variable hides the GPUs.

    Why: CUDA sees what CUDA_VISIBLE_DEVICES lists, up to the first entry that is wrong; an
    empty value or -1 hides everything.
    Remedy: unset CUDA_VISIBLE_DEVICES, or list devices that exist.
    """
    if not (has_gpu(snapshot) or was_available(snapshot)):
        return skip(NO_GPU)
    value = snapshot.environment.get("CUDA_VISIBLE_DEVICES")
    if value is None:
        return ok("CUDA_VISIBLE_DEVICES is not set")
    entries = [entry.strip() for entry in value.strip().removesuffix(",").split(",")]
    valid = _valid(entries, snapshot.gpus)
    words = f"CUDA_VISIBLE_DEVICES={value}"
    seen = _seen(snapshot, hides_all=entries[0] in ("", "-1"))
    if len(valid) < len(entries) and seen >= (len(entries) if valid else 1):
        return note(f"{words}, and CUDA sees {count(seen, 'GPU')}")
    if snapshot.paste is not None and not _is_missed(snapshot):
        return note(f"{words} stands in the report, and nothing says that GPUs are missing")
    if not valid:
        return fail(f"{words} hides every GPU", "unset CUDA_VISIBLE_DEVICES", value=value)
    if len(valid) < len(entries):
        return warn(
            f"{words} ends at its first wrong entry {entries[len(valid)]!r}: "
            f"only {','.join(valid)} can be seen",
            "list devices that nvidia-smi -L shows",
            value=value,
        )
    if snapshot.paste is not None and len(entries) < max(2, len(snapshot.gpus)):
        return fail(f"{words} hides the other GPUs", "unset CUDA_VISIBLE_DEVICES", value=value)
    if snapshot.gpus and len(valid) < len(snapshot.gpus):
        return note(f"{words} shows {len(valid)} of {len(snapshot.gpus)} GPUs")
    return ok(words)


def _is_here(name: str, gpus: Sequence[Gpu]) -> bool:
    """False where every GPU tells its UUID, and a GPU of this one (as a hash) is not among them."""
    found = re.fullmatch(r"GPU-([0-9a-f]{16})", name)
    told = [gpu.uuid for gpu in gpus]
    if found is None or not told or None in told or not all(map(_HASH.fullmatch, map(str, told))):
        return True
    return found[1] in told


def _is_missed(snapshot: Snapshot) -> bool:
    """True where a report complains that GPUs are missing; its list of them may be cut."""
    paste = snapshot.paste
    if paste is None:
        return False
    return paste.cuda_available is False or gpu_was_wanted(snapshot)


def _seen(snapshot: Snapshot, *, hides_all: bool) -> int:
    """How many GPUs CUDA counted; one at least where a kernel ran.

    An empty value or -1 hides everything from every CUDA, so there a count alone proves nothing.
    """
    counted = (snapshot.cuda_init and snapshot.cuda_init.device_count) or 0
    counted = 0 if hides_all else counted
    return max(counted, int(gpu_computed(snapshot) and not is_rocm(snapshot)))


def _valid(entries: list[str], gpus: Sequence[Gpu]) -> list[str]:
    """The entries up to the first that is wrong; one that stands twice hides everything."""
    valid: list[str] = []
    for entry in entries:
        index = entry.isdigit() and (not gpus or int(entry) < len(gpus))
        if not index and not (_NAMED.match(entry) and _is_here(entry, gpus)):
            break
        if entry in valid:
            return []
        valid.append(entry)
    return valid


def nothing_left_on(snapshot: Snapshot) -> Outcome:
    """No debugging variable is left on.

    Why: they serialise every launch, write core dumps or load foreign code into every program.
    Remedy: unset them.
    """
    if snapshot.source != "live" and not snapshot.environment:
        return skip("the variables are not described here")
    found = [name for name in DEBUGGING if snapshot.environment.get(name) not in (None, "", "0")]
    if not found:
        return ok("no debugging variable is set")
    return warn(
        f"set: {', '.join(found)}", f"unset {' '.join(found)}", cause="host-tuning", variables=found
    )


def nothing_slows(snapshot: Snapshot) -> Outcome:
    """No variable slows every step down.

    Why: they wait after every kernel, ask the driver for every tensor, or log every collective;
    a measurement taken so is not the machine's.
    Remedy: unset them.
    """
    if snapshot.source != "live" and not snapshot.environment:
        return skip("the variables are not described here")
    found = [
        name
        for name, values in SLOW.items()
        if (value := snapshot.environment.get(name, "")) not in ("", "0")
        and (not values or value.upper() in values)
    ]
    if not found:
        return ok("no variable slows training down")
    return warn(f"set: {', '.join(found)}", f"unset {' '.join(found)}", variables=found)


def overrides(snapshot: Snapshot) -> Outcome:
    """No variable changes what programs compute, or is meant for other GPUs.

    Why: NVIDIA_TF32_OVERRIDE decides over the program's own precision; the variables of AMD's
    GPUs do nothing here, where somebody may have meant to hide some.
    Remedy: unset them where they were not meant.
    """
    if not has_gpu(snapshot):
        return skip(NO_GPU)
    if snapshot.source != "live" and not snapshot.environment:
        return skip("the variables are not described here")
    launcher = snapshot.environment.get("ACCELERATE_USE_CPU", "")
    if launcher.lower() in YES:
        return warn(
            f"ACCELERATE_USE_CPU={launcher}: accelerate trains on the CPU, whatever GPUs are here",
            "unset ACCELERATE_USE_CPU",
            cause="devices-hidden",
            value=launcher,
        )
    tf32 = snapshot.environment.get("NVIDIA_TF32_OVERRIDE")
    if tf32:
        state = "off" if tf32 == "0" else "on"
        return note(f"NVIDIA_TF32_OVERRIDE={tf32} forces TF32 {state} in every program")
    found = [name for name in OTHERS if name in snapshot.environment]
    if found and not is_rocm(snapshot):
        return note(f"{', '.join(found)} is set, and does nothing to NVIDIA GPUs")
    return ok("no variable changes what programs compute")


CHECKS = (
    Check(
        id="env.masking",
        judge=devices_visible,
        cause="devices-hidden",
        needs=("ctr.injection", "drv.module"),
        reference="NVIDIA CUDA C++ Programming Guide, environment variables",
    ),
    Check(
        id="env.debug_vars",
        judge=nothing_left_on,
        cause="host-tuning",
        reference="NVIDIA DCGM, software prerequisites",
    ),
    Check(
        id="env.slow_vars",
        judge=nothing_slows,
        cause="host-tuning",
        reference="PyTorch, CUDA semantics, environment variables; NVIDIA NCCL documentation",
    ),
    Check(
        id="env.overrides",
        judge=overrides,
        cause="host-tuning",
        reference="NVIDIA cuBLAS documentation, NVIDIA_TF32_OVERRIDE; ROCm, GPU isolation; "
        "huggingface/accelerate, environment variables",
    ),
)
