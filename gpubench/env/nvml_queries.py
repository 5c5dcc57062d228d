"""What one GPU is asked through NVML: one question each, answered in fields of the snapshot."""

from typing import Any

from gpubench.env.nvml_memory import MEMORY_QUERIES
from gpubench.env.nvml_question import (
    ABSENCES,
    CORRUPTED_INFOROM,
    FUNCTION_NOT_FOUND,
    Query,
    field_values,
    number_of,
    running_processes,
    words_of,
)

COMPUTE_MODES = ("default", "exclusive-thread", "prohibited", "exclusive-process")
RECOVERY_ACTION, MEMORY_TEMPERATURE, MARGIN_SLOWDOWN = 230, 82, 194
THERMAL_TIME, SOFTWARE_THERMAL_TIME, HARDWARE_THERMAL_TIME, POWER_BRAKE_TIME = 75, 269, 270, 271
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


def _pci(nvml: Any, gpu: Any) -> dict[str, Any]:
    bus = nvml.nvmlDeviceGetPciInfo(gpu).busId
    return {"pci_address": bus.decode("ascii", "replace") if isinstance(bus, bytes) else str(bus)}


def _capability(nvml: Any, gpu: Any) -> dict[str, Any]:
    major, minor = nvml.nvmlDeviceGetCudaComputeCapability(gpu)
    return {"compute_capability": f"{major}.{minor}"}


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
    return {"process_count": len(running_processes(nvml, gpu))}


def _threshold(field: str, kind: int) -> tuple[str, Query]:
    return field, number_of(field, "nvmlDeviceGetTemperatureThreshold", kind)


def _clock(field: str, function: str, kind: int) -> tuple[str, Query]:
    return field, number_of(field, function, kind)


SHUTDOWN, SLOWDOWN, MEMORY_MAX = 0, 1, 2
GRAPHICS, MEMORY = 0, 2
CORE_SENSOR = 0

QUERIES: tuple[tuple[str, Query], ...] = (
    ("name", words_of("name", "nvmlDeviceGetName")),
    ("uuid", words_of("uuid", "nvmlDeviceGetUUID")),
    ("serial", words_of("serial", "nvmlDeviceGetSerial")),
    ("pci_address", _pci),
    ("compute_capability", _capability),
    ("vbios", words_of("vbios", "nvmlDeviceGetVbiosVersion")),
    *MEMORY_QUERIES,
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
    ("temperature_c", number_of("temperature_c", "nvmlDeviceGetTemperature", CORE_SENSOR)),
    _threshold("temperature_slowdown_c", SLOWDOWN),
    _threshold("temperature_shutdown_c", SHUTDOWN),
    ("temperature_margin_c", _margin),
    ("temperature_memory_c", _memory_temperature),
    _threshold("temperature_memory_max_c", MEMORY_MAX),
    ("fan_percent", number_of("fan_percent", "nvmlDeviceGetFanSpeed")),
    ("power_w", number_of("power_w", "nvmlDeviceGetPowerUsage", scale=1000.0)),
    (
        "power_limit_w",
        number_of("power_limit_w", "nvmlDeviceGetPowerManagementLimit", scale=1000.0),
    ),
    (
        "power_limit_default_w",
        number_of(
            "power_limit_default_w", "nvmlDeviceGetPowerManagementDefaultLimit", scale=1000.0
        ),
    ),
    ("pcie_generation", number_of("pcie_generation", "nvmlDeviceGetCurrPcieLinkGeneration")),
    ("pcie_generation_max", number_of("pcie_generation_max", "nvmlDeviceGetMaxPcieLinkGeneration")),
    (
        "pcie_generation_device_max",
        number_of("pcie_generation_device_max", "nvmlDeviceGetGpuMaxPcieLinkGeneration"),
    ),
    ("pcie_width", number_of("pcie_width", "nvmlDeviceGetCurrPcieLinkWidth")),
    ("pcie_width_max", number_of("pcie_width_max", "nvmlDeviceGetMaxPcieLinkWidth")),
    ("pcie_replays", number_of("pcie_replays", "nvmlDeviceGetPcieReplayCounter")),
    ("mig_enabled", _mig),
    ("persistence", _persistence),
    ("compute_mode", _compute_mode),
    ("process_count", _processes),
    ("gsp_firmware", words_of("gsp_firmware", "nvmlDeviceGetGspFirmwareVersion")),
    ("inforom_valid", _inforom),
)
