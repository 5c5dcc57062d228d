"""The memory of the GPUs: ECC errors, rows waiting to be remapped or no longer to be."""

import re
from collections.abc import Iterable

from gpubench.checks.facts import on_the_host, per_gpu
from gpubench.checks.outcome import Check, Outcome, fail, note, ok, warn
from gpubench.env.snapshot import Gpu, Snapshot
from gpubench.units import count

ROW_LIMIT = 512
"""Remapped rows above which NVIDIA's field diagnostics fail a GPU (NVIDIA DCGM)."""
PAGE_LIMIT, DOUBLE_BIT_PAGES = 63, 15
"""Retired pages that fail a GPU, and pages after double-bit errors that warn (NVIDIA DCGM)."""
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
            "; ".join(bad), *_reset(snapshot, bad), "where errors come back: dcgmi diag -r 3"
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


def _reset(snapshot: Snapshot, found: Iterable[str]) -> tuple[str, ...]:
    """The reset command for every GPU that is named."""
    indices = [words.removeprefix("GPU ").partition(":")[0] for words in found]
    return on_the_host(snapshot, *(f"sudo nvidia-smi --gpu-reset -i {index}" for index in indices))


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
    if found:
        return fail("; ".join(found), "drain the machine and have the GPU replaced (RMA)")
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
    if found:
        return fail("; ".join(found), *_reset(snapshot, found))
    return ok("no row waits to be remapped")


def spare_rows_left(snapshot: Snapshot) -> Outcome:
    """Few rows were remapped, and every memory bank has spare ones left.

    Why: a bank without spare rows cannot mend its next fault.
    Remedy: plan the GPU's replacement.
    """
    other, found = per_gpu(snapshot, "rows_remapped_uncorrected", "its remapped rows", _worn)
    if found:
        return fail("; ".join(found), "drain the machine and have the GPU replaced (RMA)")
    if other is not None:
        return other
    empty = [
        f"GPU {gpu.index}: {count(gpu.rows_banks_none, 'memory bank')} without spare rows"
        for gpu in snapshot.gpus
        if gpu.rows_banks_none
    ]
    if empty:
        return warn("; ".join(empty), "plan the GPU's replacement", confidence="likely")
    some = [
        f"GPU {gpu.index}: {count(gpu.rows_remapped_uncorrected, 'row')} remapped after "
        "uncorrectable errors"
        for gpu in snapshot.gpus
        if gpu.rows_remapped_uncorrected
    ]
    return note("; ".join(some)) if some else ok("no row was remapped after an uncorrectable error")


def _worn(gpu: Gpu) -> str | None:
    rows = gpu.rows_remapped_uncorrected or 0
    return f"{rows} rows remapped, the limit is {ROW_LIMIT}" if rows > ROW_LIMIT else None


def few_retired_pages(snapshot: Snapshot) -> Outcome:
    """Few memory pages were retired, and none waits to be (GPUs before Ampere).

    Why: a page that waits is still in use; a GPU with many is at the end of its spare ones.
    Remedy: reboot for a waiting page; have a GPU with many replaced.
    """
    other, found = per_gpu(snapshot, "pages_retired_double_bit", "its retired pages", _used_up)
    waiting = [
        f"GPU {gpu.index}: a page waits to be retired" for gpu in snapshot.gpus if gpu.pages_pending
    ]
    if found:
        return fail("; ".join(found), "drain the machine and have the GPU replaced (RMA)")
    if waiting:
        return fail("; ".join(waiting), *_reset(snapshot, waiting), "where that fails: reboot")
    if other is not None:
        return other
    many = [
        f"GPU {gpu.index}: {gpu.pages_retired_double_bit} pages retired after double-bit errors"
        for gpu in snapshot.gpus
        if (gpu.pages_retired_double_bit or 0) >= DOUBLE_BIT_PAGES
    ]
    if many:
        return warn("; ".join(many), "dcgmi diag -r 3", confidence="possible")
    return ok("few memory pages were retired")


def _used_up(gpu: Gpu) -> str | None:
    pages = (gpu.pages_retired_single_bit or 0) + (gpu.pages_retired_double_bit or 0)
    return f"{pages} pages retired, the limit is {PAGE_LIMIT}" if pages >= PAGE_LIMIT else None


_UP = ("nvml.load",)
_ERRORS = "NVIDIA GPU Memory Error Management"
_FAULT = "gpu-hardware-fault"

CHECKS = (
    Check(id="ecc.mode", judge=ecc_on, cause=_FAULT, needs=_UP, reference=_ERRORS),
    Check(id="rows.failure", judge=no_failed_remapping, cause=_FAULT, needs=_UP, reference=_ERRORS),
    Check(
        id="rows.pending",
        judge=no_pending_remapping,
        cause=_FAULT,
        needs=(*_UP, "rows.failure"),
        reference=_ERRORS,
    ),
    Check(
        id="rows.count",
        judge=spare_rows_left,
        cause=_FAULT,
        needs=(*_UP, "rows.failure"),
        reference=f"{_ERRORS}; NVIDIA DCGM, row remap limit",
    ),
    Check(
        id="pages.retired",
        judge=few_retired_pages,
        cause=_FAULT,
        needs=_UP,
        reference="NVIDIA dynamic page retirement; NVIDIA DCGM, retired page limit",
    ),
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
