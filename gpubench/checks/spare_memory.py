"""The spare memory of the GPUs: rows and pages that took a faulty one's place, or wait to."""

from collections.abc import Iterable

from gpubench.checks.facts import on_the_host, per_gpu
from gpubench.checks.outcome import Check, Outcome, fail, note, ok, warn
from gpubench.env.snapshot import Gpu, Snapshot
from gpubench.units import count

ROW_LIMIT = 512
"""Remapped rows above which NVIDIA's field diagnostics fail a GPU (NVIDIA DCGM)."""
PAGE_LIMIT, DOUBLE_BIT_PAGES = 63, 15
"""Retired pages that fail a GPU, and pages after double-bit errors that warn (NVIDIA DCGM)."""


def reset_steps(snapshot: Snapshot, found: Iterable[str]) -> tuple[str, ...]:
    """The reset command for every GPU that is named."""
    indices = [words.removeprefix("GPU ").partition(":")[0] for words in found]
    return on_the_host(snapshot, *(f"sudo nvidia-smi --gpu-reset -i {index}" for index in indices))


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
        return fail("; ".join(found), *reset_steps(snapshot, found))
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
        return fail("; ".join(waiting), *reset_steps(snapshot, waiting), "where that fails: reboot")
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
)
