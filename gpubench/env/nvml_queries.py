"""What one GPU is asked through NVML: one question each, answered in fields of the snapshot.

Numbers of NVML's header stand here where an older binding has no name for them.
"""

import ctypes
from collections.abc import Callable, Sequence
from typing import Any

INVALID_ARGUMENT, NOT_SUPPORTED, NOT_FOUND, FUNCTION_NOT_FOUND = 2, 3, 6, 13
CORRUPTED_INFOROM, NO_ECC_IN_VGPU, VERSION_MISMATCH, DEPRECATED = 14, 22, 25, 26
ABSENCES = frozenset(
    {
        INVALID_ARGUMENT,  # an older driver that does not know what it is asked for
        NOT_SUPPORTED,
        NOT_FOUND,
        FUNCTION_NOT_FOUND,
        NO_ECC_IN_VGPU,
        VERSION_MISMATCH,
        DEPRECATED,
    }
)
"""Codes that say "this GPU or this driver has no such thing", which is an answer."""
NO_ANSWERS = (
    AttributeError,
    ValueError,
    TypeError,
    ArithmeticError,
    MemoryError,
    ctypes.ArgumentError,
)
"""What a binding older than the question raises, or one that is told of four billion entries."""
NOT_SAID = frozenset({0xFFFFFFFF, 0xFFFFFFFFFFFFFFFF})
"""All bits set: a number that was never written, and no count."""
COMPUTE_MODES = ("default", "exclusive-thread", "prohibited", "exclusive-process")
RECOVERY_ACTION, MEMORY_TEMPERATURE, MARGIN_SLOWDOWN = 230, 82, 194
THERMAL_TIME, SOFTWARE_THERMAL_TIME, HARDWARE_THERMAL_TIME, POWER_BRAKE_TIME = 75, 269, 270, 271
RETIRED_SINGLE, RETIRED_DOUBLE, RETIRED_PENDING = 29, 30, 31
RECOVERY_ACTIONS = (
    "none",
    "reset",
    "reboot",
    "drain-p2p",
    "drain-and-reset",
    "recover-imex",
    "bus-reset",
    "system-reboot",
)
MAX_INSTANCES = 64
"""More MIG instances than any GPU has: a garbage count may not keep us busy for ever."""

Query = Callable[[Any, Any], dict[str, Any]]


def text_of(call: Callable[..., Any], *arguments: Any) -> str:
    """A string of NVML, whatever binding is installed and whatever bytes it holds."""
    try:
        value = call(*arguments)
    except UnicodeDecodeError:
        value = getattr(call, "__wrapped__", call)(*arguments)
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


def number(value: Any) -> int | None:
    """A count, or None for one that was never written."""
    return None if int(value) in NOT_SAID else int(value)


def field_values(nvml: Any, gpu: Any, ids: Sequence[Any]) -> list[int | None]:
    """NVML's numbered fields, None for each that this driver or GPU does not have.

    An id may be a pair (id, link). NVMLError where the GPU is lost or refuses.
    """
    values = nvml.nvmlDeviceGetFieldValues(gpu, list(ids))
    return [_field_value(nvml, values[place]) for place in range(len(ids))]


def _field_value(nvml: Any, entry: Any) -> int | None:
    if entry.nvmlReturn != 0:
        if entry.nvmlReturn in ABSENCES:
            return None
        raise nvml.NVMLError(entry.nvmlReturn)
    members = ("dVal", "uiVal", "ulVal", "ullVal", "sllVal", "siVal", "usVal")
    if not 0 <= entry.valueType < len(members):
        return None
    return number(getattr(entry.value, members[entry.valueType]))


def _text(field: str, function: str) -> Query:
    return lambda nvml, gpu: {field: text_of(getattr(nvml, function), gpu)}


def _number(field: str, function: str, *arguments: int, scale: float | None = None) -> Query:
    def query(nvml: Any, gpu: Any) -> dict[str, Any]:
        value = number(getattr(nvml, function)(gpu, *arguments))
        return {field: value / scale if scale and value is not None else value}

    return query


def _pci(nvml: Any, gpu: Any) -> dict[str, Any]:
    bus = nvml.nvmlDeviceGetPciInfo(gpu).busId
    return {"pci_address": bus.decode("ascii", "replace") if isinstance(bus, bytes) else str(bus)}


def _capability(nvml: Any, gpu: Any) -> dict[str, Any]:
    major, minor = nvml.nvmlDeviceGetCudaComputeCapability(gpu)
    return {"compute_capability": f"{major}.{minor}"}


def _memory(nvml: Any, gpu: Any) -> dict[str, Any]:
    """Version 2 tells what the driver keeps for itself from what programs use."""
    reserved = None
    try:
        memory = nvml.nvmlDeviceGetMemoryInfo(gpu, nvml.nvmlMemory_v2)
        reserved = int(memory.reserved)
    except (nvml.NVMLError, *NO_ANSWERS) as problem:
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
    return field, _number(field, "nvmlDeviceGetTotalEccErrors", kind, counter)


def _ecc_at(field: str, kind: int, counter: int, place: int) -> tuple[str, Query]:
    return field, _number(field, "nvmlDeviceGetMemoryErrorCounter", kind, counter, place)


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


def _throttle(nvml: Any, gpu: Any) -> dict[str, Any]:
    try:
        return {"throttle_reasons": int(nvml.nvmlDeviceGetCurrentClocksEventReasons(gpu))}
    except (AttributeError, nvml.NVMLError) as problem:
        if getattr(problem, "value", FUNCTION_NOT_FOUND) != FUNCTION_NOT_FOUND:
            raise
    # its name before R535
    return {"throttle_reasons": int(nvml.nvmlDeviceGetCurrentClocksThrottleReasons(gpu))}


def _throttled(nvml: Any, gpu: Any) -> dict[str, Any]:
    """How long clocks were held back; NVML counts nanoseconds."""
    ids = (HARDWARE_THERMAL_TIME, THERMAL_TIME, POWER_BRAKE_TIME, SOFTWARE_THERMAL_TIME)
    hardware, thermal, brake, software = field_values(nvml, gpu, ids)
    either = thermal if hardware is None and software is None else hardware
    return {
        "throttled_thermal_seconds": _seconds(either),
        "throttled_power_brake_seconds": _seconds(brake),
        "throttled_software_thermal_seconds": _seconds(software),
    }


def _seconds(nanoseconds: int | None) -> float | None:
    return None if nanoseconds is None else nanoseconds / 1e9


def _margin(nvml: Any, gpu: Any) -> dict[str, Any]:
    margin = int(nvml.nvmlDeviceGetMarginTemperature(gpu))
    (slowdown,) = field_values(nvml, gpu, (MARGIN_SLOWDOWN,))
    return {"temperature_margin_c": margin, "temperature_margin_slowdown_c": slowdown}


def _memory_temperature(nvml: Any, gpu: Any) -> dict[str, Any]:
    (now,) = field_values(nvml, gpu, (MEMORY_TEMPERATURE,))
    return {"temperature_memory_c": now or None}  # 0: there is no such sensor


def _recovery(nvml: Any, gpu: Any) -> dict[str, Any]:
    (action,) = field_values(nvml, gpu, (RECOVERY_ACTION,))
    if action is None:
        return {}
    known = 0 <= action < len(RECOVERY_ACTIONS)
    return {"recovery_action": RECOVERY_ACTIONS[action] if known else f"unknown ({action})"}


def _inforom(nvml: Any, gpu: Any) -> dict[str, Any]:
    try:
        nvml.nvmlDeviceValidateInforom(gpu)
    except nvml.NVMLError as problem:
        if problem.value != CORRUPTED_INFOROM:
            raise
        return {"inforom_valid": False}
    return {"inforom_valid": True}


def _mig(nvml: Any, gpu: Any) -> dict[str, Any]:
    current, pending = nvml.nvmlDeviceGetMigMode(gpu)
    return {
        "mig_enabled": bool(current),
        "mig_pending": bool(pending),
        "mig_instances": _mig_instances(nvml, gpu) if current else None,
    }


def _mig_instances(nvml: Any, gpu: Any) -> int:
    slots = range(min(nvml.nvmlDeviceGetMaxMigDeviceCount(gpu), MAX_INSTANCES))
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


def _threshold(field: str, kind: int) -> tuple[str, Query]:
    return field, _number(field, "nvmlDeviceGetTemperatureThreshold", kind)


def _clock(field: str, function: str, kind: int) -> tuple[str, Query]:
    return field, _number(field, function, kind)


SHUTDOWN, SLOWDOWN, MEMORY_MAX = 0, 1, 2
GRAPHICS, MEMORY = 0, 2
CORE_SENSOR = 0

QUERIES: tuple[tuple[str, Query], ...] = (
    ("name", _text("name", "nvmlDeviceGetName")),
    ("uuid", _text("uuid", "nvmlDeviceGetUUID")),
    ("serial", _text("serial", "nvmlDeviceGetSerial")),
    ("pci_address", _pci),
    ("compute_capability", _capability),
    ("vbios", _text("vbios", "nvmlDeviceGetVbiosVersion")),
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
    ("recovery_action", _recovery),
    ("throttle_reasons", _throttle),
    ("throttled_thermal_seconds", _throttled),
    _clock("clock_graphics_mhz", "nvmlDeviceGetClockInfo", GRAPHICS),
    _clock("clock_graphics_max_mhz", "nvmlDeviceGetMaxClockInfo", GRAPHICS),
    _clock("clock_graphics_applications_mhz", "nvmlDeviceGetApplicationsClock", GRAPHICS),
    _clock("clock_graphics_default_mhz", "nvmlDeviceGetDefaultApplicationsClock", GRAPHICS),
    _clock("clock_memory_max_mhz", "nvmlDeviceGetMaxClockInfo", MEMORY),
    _clock("clock_memory_applications_mhz", "nvmlDeviceGetApplicationsClock", MEMORY),
    _clock("clock_memory_default_mhz", "nvmlDeviceGetDefaultApplicationsClock", MEMORY),
    ("temperature_c", _number("temperature_c", "nvmlDeviceGetTemperature", CORE_SENSOR)),
    _threshold("temperature_slowdown_c", SLOWDOWN),
    _threshold("temperature_shutdown_c", SHUTDOWN),
    ("temperature_margin_c", _margin),
    ("temperature_memory_c", _memory_temperature),
    _threshold("temperature_memory_max_c", MEMORY_MAX),
    ("fan_percent", _number("fan_percent", "nvmlDeviceGetFanSpeed")),
    ("power_w", _number("power_w", "nvmlDeviceGetPowerUsage", scale=1000.0)),
    (
        "power_limit_w",
        _number("power_limit_w", "nvmlDeviceGetPowerManagementLimit", scale=1000.0),
    ),
    (
        "power_limit_default_w",
        _number("power_limit_default_w", "nvmlDeviceGetPowerManagementDefaultLimit", scale=1000.0),
    ),
    ("pcie_generation", _number("pcie_generation", "nvmlDeviceGetCurrPcieLinkGeneration")),
    ("pcie_generation_max", _number("pcie_generation_max", "nvmlDeviceGetMaxPcieLinkGeneration")),
    (
        "pcie_generation_device_max",
        _number("pcie_generation_device_max", "nvmlDeviceGetGpuMaxPcieLinkGeneration"),
    ),
    ("pcie_width", _number("pcie_width", "nvmlDeviceGetCurrPcieLinkWidth")),
    ("pcie_width_max", _number("pcie_width_max", "nvmlDeviceGetMaxPcieLinkWidth")),
    ("pcie_replays", _number("pcie_replays", "nvmlDeviceGetPcieReplayCounter")),
    ("mig_enabled", _mig),
    ("persistence", _persistence),
    ("compute_mode", _compute_mode),
    ("process_count", _processes),
    ("gsp_firmware", _text("gsp_firmware", "nvmlDeviceGetGspFirmwareVersion")),
    ("inforom_valid", _inforom),
)
