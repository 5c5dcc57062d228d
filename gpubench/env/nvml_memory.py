"""What NVML says of a GPU's memory: size, ECC errors by place, spare rows, retired pages."""

import ctypes
from typing import Any

from gpubench.env.nvml_question import (
    ABSENCES,
    FUNCTION_NOT_FOUND,
    Query,
    field_values,
    number,
    number_of,
    refusals,
)

RETIRED_SINGLE, RETIRED_DOUBLE, RETIRED_PENDING = 29, 30, 31
"""Numbered fields of NVML."""


def _memory(nvml: Any, gpu: Any) -> dict[str, Any]:
    """Version 2 tells what the driver keeps for itself from what programs use."""
    reserved = None
    try:
        memory = nvml.nvmlDeviceGetMemoryInfo(gpu, nvml.nvmlMemory_v2)
        reserved = int(memory.reserved)
    except (nvml.NVMLError, *refusals(nvml)) as problem:
        if getattr(problem, "value", FUNCTION_NOT_FOUND) not in ABSENCES:
            raise
        memory = nvml.nvmlDeviceGetMemoryInfo(gpu)
    return {
        "memory_bytes": int(memory.total),
        "memory_used_bytes": int(memory.used),
        "memory_reserved_bytes": reserved,
    }


def _ecc_mode(nvml: Any, gpu: Any) -> dict[str, Any]:
    current, pending = nvml.nvmlDeviceGetEccMode(gpu)
    return {"ecc_enabled": bool(current), "ecc_pending": bool(pending)}


CORRECTED, UNCORRECTED = 0, 1
VOLATILE, AGGREGATE = 0, 1
DRAM, SRAM = 2, 7


def _ecc_total(field: str, kind: int, counter: int) -> tuple[str, Query]:
    return field, number_of(field, "nvmlDeviceGetTotalEccErrors", kind, counter)


def _ecc_at(field: str, kind: int, counter: int, place: int) -> tuple[str, Query]:
    return field, number_of(field, "nvmlDeviceGetMemoryErrorCounter", kind, counter, place)


def _sram_status(nvml: Any, gpu: Any) -> dict[str, Any]:
    status = nvml.c_nvmlEccSramErrorStatus_v1_t()
    nvml.nvmlDeviceGetSramEccErrorStatus(gpu, ctypes.byref(status))
    return {"ecc_sram_threshold_exceeded": bool(status.bThresholdExceeded)}


def _rows(nvml: Any, gpu: Any) -> dict[str, Any]:
    corrected, uncorrected, pending, failed = nvml.nvmlDeviceGetRemappedRows(gpu)
    return {
        "rows_remapped_corrected": number(corrected),
        "rows_remapped_uncorrected": number(uncorrected),
        "rows_pending": bool(pending),
        "rows_failed": bool(failed),
    }


def _banks(nvml: Any, gpu: Any) -> dict[str, Any]:
    banks = nvml.nvmlDeviceGetRowRemapperHistogram(gpu)
    return {"rows_banks_low": number(banks.low), "rows_banks_none": number(banks.none)}


def _pages(nvml: Any, gpu: Any) -> dict[str, Any]:
    """Retired pages of GPUs before Ampere; later ones remap rows and have no such fields."""
    fields = (RETIRED_SINGLE, RETIRED_DOUBLE, RETIRED_PENDING)
    single, double, pending = field_values(nvml, gpu, fields)
    return {
        "pages_retired_single_bit": single,
        "pages_retired_double_bit": double,
        "pages_pending": None if pending is None else bool(pending),
    }


MEMORY_QUERIES: tuple[tuple[str, Query], ...] = (
    ("memory_bytes", _memory),
    ("ecc_enabled", _ecc_mode),
    _ecc_total("ecc_uncorrected_volatile", UNCORRECTED, VOLATILE),
    _ecc_total("ecc_uncorrected_aggregate", UNCORRECTED, AGGREGATE),
    _ecc_total("ecc_corrected_volatile", CORRECTED, VOLATILE),
    _ecc_at("ecc_sram_uncorrected_volatile", UNCORRECTED, VOLATILE, SRAM),
    _ecc_at("ecc_sram_uncorrected_aggregate", UNCORRECTED, AGGREGATE, SRAM),
    _ecc_at("ecc_sram_corrected_volatile", CORRECTED, VOLATILE, SRAM),
    _ecc_at("ecc_dram_uncorrected_volatile", UNCORRECTED, VOLATILE, DRAM),
    _ecc_at("ecc_dram_uncorrected_aggregate", UNCORRECTED, AGGREGATE, DRAM),
    _ecc_at("ecc_dram_corrected_volatile", CORRECTED, VOLATILE, DRAM),
    ("ecc_sram_threshold_exceeded", _sram_status),
    ("rows_pending", _rows),
    ("rows_banks_low", _banks),
    ("pages_pending", _pages),
)
