"""The memory of the GPUs: ECC errors, rows waiting to be remapped or no longer to be."""

from gpubench.checks.facts import per_gpu
from gpubench.checks.outcome import Check, Outcome, fail, note, ok
from gpubench.env.snapshot import Snapshot
from gpubench.units import count

ROW_LIMIT = 512
"""Remapped rows above which NVIDIA's field diagnostics fail a GPU (NVIDIA DCGM)."""


def ecc_on(snapshot: Snapshot) -> Outcome:
    """ECC is on where the GPU has it.

    Why: without it a flipped bit is a wrong result that nobody sees.
    Remedy: sudo nvidia-smi -e 1, then reset the GPU.
    """
    other, off = per_gpu(
        snapshot, "ecc_enabled", "its ECC mode", lambda gpu: None if gpu.ecc_enabled else "off"
    )
    if other is not None:
        return other
    pending = [gpu.index for gpu in snapshot.gpus if gpu.ecc_pending not in (None, gpu.ecc_enabled)]
    if pending:
        return note(f"ECC changes with the next reset of GPU {', '.join(map(str, pending))}")
    return note(f"ECC is off on {count(len(off), 'GPU')}") if off else ok("ECC is on")


def no_uncorrected_errors(snapshot: Snapshot) -> Outcome:
    """No uncorrectable memory error since the driver was loaded.

    Why: one such error ends the program that meets it, and tells of a failing memory.
    Remedy: reset the GPU; where errors come back, have it replaced.
    """
    other, found = per_gpu(
        snapshot,
        "ecc_uncorrected_volatile",
        "its ECC errors",
        lambda gpu: (
            count(gpu.ecc_uncorrected_volatile, "uncorrectable ECC error")
            if gpu.ecc_uncorrected_volatile
            else None
        ),
    )
    if other is not None:
        return other
    if found:
        return fail("; ".join(found), *_reset(found), "where errors come back: dcgmi diag -r 3")
    earlier = [gpu.index for gpu in snapshot.gpus if gpu.ecc_uncorrected_aggregate]
    if earlier:
        return note(
            "no uncorrectable error now, but in the lifetime of GPU " + ", ".join(map(str, earlier))
        )
    return ok("no uncorrectable ECC error")


def _reset(found: list[str]) -> list[str]:
    """The reset command for every GPU that is named."""
    indices = [words.removeprefix("GPU ").partition(":")[0] for words in found]
    return [f"sudo nvidia-smi --gpu-reset -i {index}" for index in indices]


def no_failed_remapping(snapshot: Snapshot) -> Outcome:
    """Every faulty row could be remapped.

    Why: a GPU that has no spare rows left keeps using faulty memory.
    Remedy: have the GPU replaced.
    """
    other, found = per_gpu(
        snapshot,
        "rows_failed",
        "its remapped rows",
        lambda gpu: "a row could not be remapped" if gpu.rows_failed else None,
    )
    if other is not None:
        return other
    worn = [
        f"GPU {gpu.index}: {gpu.rows_remapped_uncorrected} rows remapped"
        for gpu in snapshot.gpus
        if (gpu.rows_remapped_uncorrected or 0) > ROW_LIMIT
    ]
    if found or worn:
        return fail("; ".join(found + worn), "drain the machine and have the GPU replaced (RMA)")
    return ok("no row remapping failed")


def no_pending_remapping(snapshot: Snapshot) -> Outcome:
    """No row waits to be remapped.

    Why: until the GPU is reset it goes on using the faulty row.
    Remedy: sudo nvidia-smi --gpu-reset -i INDEX
    """
    other, found = per_gpu(
        snapshot,
        "rows_pending",
        "its remapped rows",
        lambda gpu: "a row waits to be remapped" if gpu.rows_pending else None,
    )
    if other is not None:
        return other
    return fail("; ".join(found), *_reset(found)) if found else ok("no row waits to be remapped")


_UP = ("nvml.load",)
_ERRORS = "NVIDIA GPU Memory Error Management"

CHECKS = (
    Check(id="ecc.mode", judge=ecc_on, cause="gpu-hardware-fault", needs=_UP, reference=_ERRORS),
    Check(
        id="rows.failure",
        judge=no_failed_remapping,
        cause="gpu-hardware-fault",
        needs=_UP,
        reference=_ERRORS,
    ),
    Check(
        id="rows.pending",
        judge=no_pending_remapping,
        cause="gpu-hardware-fault",
        needs=(*_UP, "rows.failure"),
        reference=_ERRORS,
    ),
    Check(
        id="ecc.uncorrected",
        judge=no_uncorrected_errors,
        cause="gpu-hardware-fault",
        needs=(*_UP, "rows.failure", "rows.pending"),
        reference=_ERRORS,
    ),
)
