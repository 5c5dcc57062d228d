"""What the driver itself says of its GPUs: what they need, and whether they are alike."""

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

from gpubench.checks.facts import gpus_known, on_the_host, per_gpu
from gpubench.checks.outcome import Check, Outcome, fail, note, ok, skip, warn
from gpubench.env.snapshot import Gpu, Snapshot

ACTIONS = {
    "reset": "it must be reset",
    "reboot": "the machine must be rebooted",
    "drain-p2p": "programs that use peer access must end",
    "drain-and-reset": "it must be drained and reset",
    "recover-imex": "the IMEX domain must be recovered",
    "bus-reset": "its bus must be reset",
    "system-reboot": "the machine must be rebooted",
}
_STEPS = {
    "reset": "sudo nvidia-smi --gpu-reset -i {index}",
    "drain-and-reset": "sudo nvidia-smi --gpu-reset -i {index}",
    "reboot": "sudo reboot",
    "system-reboot": "sudo reboot",
}


def nothing_to_recover(snapshot: Snapshot) -> Outcome:
    """No GPU asks to be reset, drained or rebooted.

    Why: after some errors the driver says itself what a GPU needs before it can be trusted.
    Remedy: by the action it names: end its programs, reset it, reboot.
    """
    other, found = per_gpu(
        snapshot, "recovery_action", "a recovery action", lambda gpu: _action(gpu.recovery_action)
    )
    if other is not None:
        return other
    if not found:
        return ok("no GPU asks for a recovery action")
    asked = [gpu for gpu in snapshot.gpus if _action(gpu.recovery_action)]
    steps = [_STEPS.get(str(gpu.recovery_action), "").format(index=gpu.index) for gpu in asked]
    return fail(
        "; ".join(found),
        "end every program on the GPU first",
        *on_the_host(snapshot, *dict.fromkeys(step for step in steps if step)),
        actions={str(gpu.index): gpu.recovery_action for gpu in asked},
    )


def _action(action: str | None) -> str | None:
    if action in (None, "none"):
        return None
    return ACTIONS.get(str(action), f"it asks for: {action}")


def inforom_whole(snapshot: Snapshot) -> Outcome:
    """Every GPU's infoROM, its own record of settings and errors, is whole.

    Why: with a corrupted one, ECC settings, retired pages and serial numbers are not to be had.
    Remedy: ask the vendor for support.
    """
    other, found = per_gpu(
        snapshot,
        "inforom_valid",
        "whether its infoROM is whole",
        lambda gpu: "its infoROM is corrupted" if gpu.inforom_valid is False else None,
    )
    if other is not None:
        return other
    if found:
        return fail("; ".join(found), "drain the machine and ask the vendor for support")
    return ok("every infoROM is whole")


def ready_for_confidential_work(snapshot: Snapshot) -> Outcome:
    """Where confidential computing is on, the GPUs accept work.

    Why: until they are set ready, every CUDA program is refused.
    Remedy: sudo nvidia-smi conf-compute -srs 1
    """
    nvml = snapshot.driver.nvml
    if nvml is None or nvml.cc_enabled is None:
        return skip("this driver does not tell of confidential computing")
    if not nvml.cc_enabled:
        return ok("confidential computing is off")
    if nvml.cc_ready is False:
        return fail(
            "confidential computing is on, and the GPUs do not accept work yet",
            *on_the_host(snapshot, "sudo nvidia-smi conf-compute -srs 1"),
        )
    return note("confidential computing is on: transfers to the GPU are encrypted and slower")


_ALIKE: tuple[tuple[str, Callable[[Gpu], Any]], ...] = (
    ("memory", lambda gpu: gpu.memory_bytes),
    ("VBIOS", lambda gpu: gpu.vbios),
    ("power limit", lambda gpu: _watts(gpu.power_limit_w)),
    ("highest PCIe generation", lambda gpu: gpu.pcie_generation_max),
)
"""What GPUs of one name have in common."""


def _watts(value: float | None) -> int | None:
    return None if value is None else round(value)


def alike(snapshot: Snapshot) -> Outcome:
    """GPUs of one model are alike in memory, VBIOS, power limit and PCIe generation.

    Why: work that is spread over GPUs goes at the pace of the odd one out.
    Remedy: bring the odd one to the others' VBIOS and limits, or replace it.
    """
    missing = gpus_known(snapshot)
    if missing is not None:
        return missing
    named = [gpu for gpu in snapshot.gpus if gpu.name]
    if len(named) < 2:
        return skip("there are no two GPUs to compare")
    models = sorted({str(gpu.name) for gpu in named})
    found = [
        words
        for model in models
        for what, value_of in _ALIKE
        if (words := _odd(what, [(g.index, value_of(g)) for g in named if _is(g, model)]))
    ]
    if found:
        return warn(
            "; ".join(found),
            "bring the odd GPU to the VBIOS and limits of the others: nvidia-smi -q",
            confidence="possible",
        )
    if len(models) > 1:
        return note(f"different GPUs in one machine: {', '.join(models)}")
    return ok(f"{len(named)} GPUs alike")


def _is(gpu: Gpu, model: str) -> bool:
    """True for a GPU of that name that is not cut into instances."""
    return gpu.name == model and not gpu.mig_enabled


def _odd(what: str, values: Sequence[tuple[int, Any]]) -> str | None:
    """The values that differ from the most frequent one, and whose they are."""
    known = [(index, value) for index, value in values if value is not None]
    counted = Counter(value for _, value in known)
    if len(counted) < 2:
        return None
    usual = counted.most_common(1)[0][0]
    odd = "; ".join(f"GPU {index}: {value}" for index, value in known if value != usual)
    return f"{what} differs: {odd}; the others: {usual}"


_NVML = "NVIDIA Management Library API reference"
_UP = ("nvml.load",)
_FAULTS = ("rows.failure", "rows.pending", "pages.retired", "ecc.uncorrected", "kmsg.xid")

CHECKS = (
    Check(
        id="gpu.recovery_action",
        judge=nothing_to_recover,
        cause="gpu-hardware-fault",
        needs=(*_UP, "gpu.handles", *_FAULTS),
        reference=f"{_NVML}, NVML_FI_DEV_GET_GPU_RECOVERY_ACTION",
    ),
    Check(
        id="gpu.inforom",
        judge=inforom_whole,
        cause="gpu-hardware-fault",
        needs=_UP,
        reference=f"{_NVML}, nvmlDeviceValidateInforom",
    ),
    Check(
        id="gpu.cc_mode",
        judge=ready_for_confidential_work,
        cause="device-access",
        needs=_UP,
        reference="NVIDIA confidential computing deployment guide",
    ),
    Check(id="gpu.homogeneous", judge=alike, cause="host-tuning", needs=_UP, reference=_NVML),
)
