"""The memory of the GPUs: is it watched by ECC, and what errors has it had."""

import re

from gpubench.checks.facts import on_the_host, per_gpu
from gpubench.checks.outcome import Check, Outcome, fail, note, ok, warn
from gpubench.checks.spare_memory import reset_steps
from gpubench.env.snapshot import Gpu, Snapshot
from gpubench.units import count

SRAM_LIMIT = 4
"""Uncorrectable SRAM errors of a GPU's life above which it is replaced (large fleets' practice)."""
CORRECTED_SRAM, CORRECTED_DRAM = 10_000, 20_000_000
"""Corrected errors since the driver was loaded that warn (Azure's node health checks)."""
WORKSTATION = re.compile(r"RTX|GeForce|Quadro|TITAN|GTX")
"""Cards that come with ECC off, or without."""


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
    if not off:
        return ok("ECC is on")
    servers = [
        gpu.index
        for gpu in snapshot.gpus
        if gpu.ecc_enabled is False and gpu.name and not WORKSTATION.search(gpu.name)
    ]
    if not servers:
        return note(f"ECC is off on {count(len(off), 'GPU')}")
    return warn(
        f"ECC is off on GPU {', '.join(map(str, servers))}",
        *on_the_host(snapshot, *(f"sudo nvidia-smi -i {index} -e 1" for index in servers)),
        "then reset the GPU or reboot",
        cause="host-tuning",
    )


def no_uncorrected_errors(snapshot: Snapshot) -> Outcome:
    """No uncorrectable memory error since the driver was loaded.

    Why: one such error ends the program that meets it, and tells of a failing memory.
    Remedy: reset the GPU; where errors come back, have it replaced.
    """
    other, found = per_gpu(snapshot, "ecc_uncorrected_volatile", "its ECC errors", _uncorrected)
    split = [
        f"GPU {gpu.index}: {said}"
        for gpu in snapshot.gpus
        if gpu.ecc_uncorrected_volatile is None and (said := _uncorrected(gpu))
    ]
    if found or split:
        bad = found + split
        return fail(
            "; ".join(bad), *reset_steps(snapshot, bad), "where errors come back: dcgmi diag -r 3"
        )
    if other is not None:
        return other
    earlier = [gpu.index for gpu in snapshot.gpus if gpu.ecc_uncorrected_aggregate]
    if earlier:
        return note(
            "no uncorrectable error now, but in the lifetime of GPU " + ", ".join(map(str, earlier))
        )
    return ok("no uncorrectable ECC error")


def _uncorrected(gpu: Gpu) -> str | None:
    """How many, and where they were where the GPU tells caches (SRAM) from memory (DRAM)."""
    sram, dram = gpu.ecc_sram_uncorrected_volatile, gpu.ecc_dram_uncorrected_volatile
    total = max(gpu.ecc_uncorrected_volatile or 0, (sram or 0) + (dram or 0))
    if not total:
        return None
    places = [
        f"{number} in {place}" for number, place in ((sram, "SRAM"), (dram, "DRAM")) if number
    ]
    where = f" ({', '.join(places)})" if places else ""
    return count(total, "uncorrectable ECC error") + where


def sram_below_threshold(snapshot: Snapshot) -> Outcome:
    """The GPU's caches have had no more uncorrectable errors than a GPU may have.

    Why: the driver itself marks a GPU whose SRAM has failed too often; it is to be replaced.
    Remedy: drain the machine and have the GPU replaced.
    """
    other, found = per_gpu(
        snapshot,
        "ecc_sram_threshold_exceeded",
        "whether its SRAM errors exceed the threshold",
        lambda gpu: (
            "its SRAM errors exceed the driver's threshold"
            if gpu.ecc_sram_threshold_exceeded
            else None
        ),
    )
    if found:
        return fail("; ".join(found), "drain the machine and have the GPU replaced (RMA)")
    many = [
        f"GPU {gpu.index}: {gpu.ecc_sram_uncorrected_aggregate} uncorrectable SRAM errors "
        "in its life"
        for gpu in snapshot.gpus
        if (gpu.ecc_sram_uncorrected_aggregate or 0) > SRAM_LIMIT
    ]
    if many:
        return warn(
            "; ".join(many), "run dcgmi diag -r 3; have the GPU replaced", confidence="likely"
        )
    return other or ok("SRAM errors are below the driver's threshold")


def few_corrected_errors(snapshot: Snapshot) -> Outcome:
    """Corrected memory errors are few.

    Why: they do no harm, but a GPU that has very many is on its way to those that do.
    Remedy: watch it; have it replaced where the number goes on growing.
    """
    other, found = per_gpu(
        snapshot, "ecc_corrected_volatile", "its corrected ECC errors", _corrected
    )
    if found:
        return warn("; ".join(found), "dcgmi diag -r 3", confidence="possible")
    return other or ok("corrected ECC errors are few")


def _corrected(gpu: Gpu) -> str | None:
    if (gpu.ecc_sram_corrected_volatile or 0) > CORRECTED_SRAM:
        return f"{gpu.ecc_sram_corrected_volatile} corrected SRAM errors"
    worst = max(gpu.ecc_dram_corrected_volatile or 0, gpu.ecc_corrected_volatile or 0)
    return f"{worst} corrected memory errors" if worst > CORRECTED_DRAM else None


_UP = ("nvml.load",)
_ERRORS = "NVIDIA GPU Memory Error Management"
_FAULT = "gpu-hardware-fault"

CHECKS = (
    Check(id="ecc.mode", judge=ecc_on, cause=_FAULT, needs=_UP, reference=_ERRORS),
    Check(
        id="ecc.sram_threshold",
        judge=sram_below_threshold,
        cause=_FAULT,
        needs=_UP,
        reference=_ERRORS,
    ),
    Check(
        id="ecc.uncorrected",
        judge=no_uncorrected_errors,
        cause=_FAULT,
        needs=(*_UP, "rows.failure", "rows.pending", "pages.retired", "ecc.sram_threshold"),
        reference=_ERRORS,
    ),
    Check(
        id="ecc.corrected",
        judge=few_corrected_errors,
        cause=_FAULT,
        needs=(*_UP, "ecc.uncorrected"),
        reference="Azure/azurehpc-health-checks, GPU ECC",
    ),
)
