"""Asks NVML everything the snapshot wants to know; run in a process of its own by ``nvml.py``.

Prints one JSON object per line as soon as it is known, because any call may hang:
``{"begin": call}``, ``{"library": {...}}``, ``{"gpu": 3, "values": {...}}`` or
``{"gpu": 3, "field": name, "code": 15, "message": ...}``.
"""

import json
import sys
from collections.abc import Callable
from typing import Any

SUCCESS, NOT_SUPPORTED, NOT_FOUND, LIBRARY_NOT_FOUND, FUNCTION_NOT_FOUND = 0, 3, 6, 12, 13
ABSENCES = frozenset({NOT_SUPPORTED, NOT_FOUND, FUNCTION_NOT_FOUND})
"""Codes that say "this GPU or this driver has no such thing", which is an answer."""
COMPUTE_MODES = ("default", "exclusive-thread", "prohibited", "exclusive-process")

Query = Callable[[Any, Any], dict[str, Any]]


def say(**event: Any) -> None:
    """Write one event and push it out at once."""
    sys.stdout.write(json.dumps(event) + "\n")
    sys.stdout.flush()


def text_of(call: Callable[..., Any], *arguments: Any) -> str:
    """A string of NVML, whatever binding is installed and whatever bytes it holds."""
    try:
        value = call(*arguments)
    except UnicodeDecodeError:
        value = getattr(call, "__wrapped__", call)(*arguments)
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


def _text(field: str, function: str) -> Query:
    return lambda nvml, gpu: {field: text_of(getattr(nvml, function), gpu)}


def _number(field: str, function: str, scale: float | None = None) -> Query:
    def query(nvml: Any, gpu: Any) -> dict[str, Any]:
        value = getattr(nvml, function)(gpu)
        return {field: value / scale if scale else int(value)}

    return query


def _pci(nvml: Any, gpu: Any) -> dict[str, Any]:
    bus = nvml.nvmlDeviceGetPciInfo(gpu).busId
    return {"pci_address": bus.decode("ascii", "replace") if isinstance(bus, bytes) else str(bus)}


def _capability(nvml: Any, gpu: Any) -> dict[str, Any]:
    major, minor = nvml.nvmlDeviceGetCudaComputeCapability(gpu)
    return {"compute_capability": f"{major}.{minor}"}


def _memory(nvml: Any, gpu: Any) -> dict[str, Any]:
    memory = nvml.nvmlDeviceGetMemoryInfo(gpu)
    return {"memory_bytes": int(memory.total), "memory_used_bytes": int(memory.used)}


def _ecc_mode(nvml: Any, gpu: Any) -> dict[str, Any]:
    current, pending = nvml.nvmlDeviceGetEccMode(gpu)
    return {"ecc_enabled": bool(current), "ecc_pending": bool(pending)}


def _ecc_errors(field: str, kind: str, counter: str) -> Query:
    def query(nvml: Any, gpu: Any) -> dict[str, Any]:
        kinds = (getattr(nvml, kind), getattr(nvml, counter))
        return {field: int(nvml.nvmlDeviceGetTotalEccErrors(gpu, *kinds))}

    return query


def _rows(nvml: Any, gpu: Any) -> dict[str, Any]:
    corrected, uncorrected, pending, failed = nvml.nvmlDeviceGetRemappedRows(gpu)
    return {
        "rows_remapped_corrected": int(corrected),
        "rows_remapped_uncorrected": int(uncorrected),
        "rows_pending": bool(pending),
        "rows_failed": bool(failed),
    }


def _throttle(nvml: Any, gpu: Any) -> dict[str, Any]:
    try:
        return {"throttle_reasons": int(nvml.nvmlDeviceGetCurrentClocksEventReasons(gpu))}
    except (AttributeError, nvml.NVMLError) as problem:
        if getattr(problem, "value", FUNCTION_NOT_FOUND) != FUNCTION_NOT_FOUND:
            raise
    # its name before R535
    return {"throttle_reasons": int(nvml.nvmlDeviceGetCurrentClocksThrottleReasons(gpu))}


def _temperature(nvml: Any, gpu: Any) -> dict[str, Any]:
    return {"temperature_c": int(nvml.nvmlDeviceGetTemperature(gpu, nvml.NVML_TEMPERATURE_GPU))}


def _threshold(field: str, constant: str) -> Query:
    return lambda nvml, gpu: {
        field: int(nvml.nvmlDeviceGetTemperatureThreshold(gpu, getattr(nvml, constant)))
    }


def _mig(nvml: Any, gpu: Any) -> dict[str, Any]:
    current, pending = nvml.nvmlDeviceGetMigMode(gpu)
    return {
        "mig_enabled": bool(current),
        "mig_pending": bool(pending),
        "mig_instances": _mig_instances(nvml, gpu) if current else None,
    }


def _mig_instances(nvml: Any, gpu: Any) -> int:
    slots = range(nvml.nvmlDeviceGetMaxMigDeviceCount(gpu))
    return sum(_has_instance(nvml, gpu, slot) for slot in slots)


def _has_instance(nvml: Any, gpu: Any, slot: int) -> bool:
    try:
        nvml.nvmlDeviceGetMigDeviceHandleByIndex(gpu, slot)
    except nvml.NVMLError as problem:
        if problem.value not in ABSENCES:
            raise
        return False
    return True


def _compute_mode(nvml: Any, gpu: Any) -> dict[str, Any]:
    mode = nvml.nvmlDeviceGetComputeMode(gpu)
    known = 0 <= mode < len(COMPUTE_MODES)
    return {"compute_mode": COMPUTE_MODES[mode] if known else f"unknown ({mode})"}


def _persistence(nvml: Any, gpu: Any) -> dict[str, Any]:
    return {"persistence": bool(nvml.nvmlDeviceGetPersistenceMode(gpu))}


def _processes(nvml: Any, gpu: Any) -> dict[str, Any]:
    return {"process_count": len(nvml.nvmlDeviceGetComputeRunningProcesses(gpu))}


QUERIES: tuple[tuple[str, Query], ...] = (
    ("name", _text("name", "nvmlDeviceGetName")),
    ("uuid", _text("uuid", "nvmlDeviceGetUUID")),
    ("serial", _text("serial", "nvmlDeviceGetSerial")),
    ("pci_address", _pci),
    ("compute_capability", _capability),
    ("vbios", _text("vbios", "nvmlDeviceGetVbiosVersion")),
    ("memory_bytes", _memory),
    ("ecc_enabled", _ecc_mode),
    (
        "ecc_uncorrected_volatile",
        _ecc_errors(
            "ecc_uncorrected_volatile", "NVML_MEMORY_ERROR_TYPE_UNCORRECTED", "NVML_VOLATILE_ECC"
        ),
    ),
    (
        "ecc_uncorrected_aggregate",
        _ecc_errors(
            "ecc_uncorrected_aggregate", "NVML_MEMORY_ERROR_TYPE_UNCORRECTED", "NVML_AGGREGATE_ECC"
        ),
    ),
    (
        "ecc_corrected_volatile",
        _ecc_errors(
            "ecc_corrected_volatile", "NVML_MEMORY_ERROR_TYPE_CORRECTED", "NVML_VOLATILE_ECC"
        ),
    ),
    ("rows_pending", _rows),
    ("throttle_reasons", _throttle),
    ("temperature_c", _temperature),
    (
        "temperature_slowdown_c",
        _threshold("temperature_slowdown_c", "NVML_TEMPERATURE_THRESHOLD_SLOWDOWN"),
    ),
    (
        "temperature_shutdown_c",
        _threshold("temperature_shutdown_c", "NVML_TEMPERATURE_THRESHOLD_SHUTDOWN"),
    ),
    ("power_w", _number("power_w", "nvmlDeviceGetPowerUsage", 1000.0)),
    ("power_limit_w", _number("power_limit_w", "nvmlDeviceGetPowerManagementLimit", 1000.0)),
    (
        "power_limit_default_w",
        _number("power_limit_default_w", "nvmlDeviceGetPowerManagementDefaultLimit", 1000.0),
    ),
    ("pcie_generation", _number("pcie_generation", "nvmlDeviceGetCurrPcieLinkGeneration")),
    ("pcie_generation_max", _number("pcie_generation_max", "nvmlDeviceGetMaxPcieLinkGeneration")),
    ("pcie_width", _number("pcie_width", "nvmlDeviceGetCurrPcieLinkWidth")),
    ("pcie_width_max", _number("pcie_width_max", "nvmlDeviceGetMaxPcieLinkWidth")),
    ("mig_enabled", _mig),
    ("persistence", _persistence),
    ("compute_mode", _compute_mode),
    ("process_count", _processes),
)


def describe_library(nvml: Any) -> None:
    """The driver and CUDA release of the user-space library, each where it can be had."""
    try:
        say(library={"driver_version": text_of(nvml.nvmlSystemGetDriverVersion)})
    except (nvml.NVMLError, AttributeError):
        say(library={"driver_version": None})
    try:
        code = nvml.nvmlSystemGetCudaDriverVersion()
        say(library={"cuda_version": f"{code // 1000}.{code % 1000 // 10}"})
    except (nvml.NVMLError, AttributeError):
        say(library={"cuda_version": None})


def describe_gpu(nvml: Any, index: int) -> None:
    """One GPU; a lost one says so and leaves the others to be asked."""
    say(begin=f"nvmlDeviceGetHandleByIndex, GPU {index}")
    try:
        gpu = nvml.nvmlDeviceGetHandleByIndex(index)
    except nvml.NVMLError as problem:
        say(gpu=index, field="error_code", code=problem.value, message=str(problem))
        return
    say(gpu=index, values={})
    for field, query in QUERIES:
        say(begin=f"reading {field}, GPU {index}")
        try:
            say(gpu=index, values=query(nvml, gpu))
        except nvml.NVMLError as problem:
            say(gpu=index, field=field, code=problem.value, message=str(problem))
        except (AttributeError, ValueError, TypeError) as problem:
            # a binding older than the question, or bytes that are no answer
            say(gpu=index, field=field, code=FUNCTION_NOT_FOUND, message=str(problem))


def main() -> None:
    """Ask everything and print it."""
    try:
        import pynvml as nvml
    except ImportError as problem:
        say(binding=str(problem))
        return
    say(begin="nvmlInit")
    try:
        nvml.nvmlInit()
        count = int(nvml.nvmlDeviceGetCount())
    except nvml.NVMLError as problem:
        say(library={"code": problem.value, "message": str(problem)})
        return
    say(library={"code": SUCCESS, "message": "", "device_count": count})
    describe_library(nvml)
    for index in range(min(count, 64)):  # a garbage count may not keep us busy for ever
        describe_gpu(nvml, index)
    say(end=True)
