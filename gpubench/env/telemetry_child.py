"""Samples one GPU through NVML until stdin closes; run in a process of its own by ``telemetry``.

Prints one JSON object per line. Times are of the system's monotonic clock, which all processes of
a machine share, so that samples can be laid over a window that another process timed.
"""

import json
import select
import sys
import time
from collections.abc import Callable
from typing import Any

from gpubench.env.nvml_question import running_processes, text_of
from gpubench.env.redact import anonymous

INTERVAL_SECONDS = 0.1

Reading = Callable[[Any, Any], float]

READINGS: dict[str, Reading] = {
    "sm_clock_mhz": lambda nvml, gpu: nvml.nvmlDeviceGetClockInfo(gpu, nvml.NVML_CLOCK_SM),
    "power_watts": lambda nvml, gpu: nvml.nvmlDeviceGetPowerUsage(gpu) / 1000,
    "temperature_c": lambda nvml, gpu: nvml.nvmlDeviceGetTemperature(
        gpu, nvml.NVML_TEMPERATURE_GPU
    ),
    "energy_joules": lambda nvml, gpu: nvml.nvmlDeviceGetTotalEnergyConsumption(gpu) / 1000,
    "throttle_reasons": lambda nvml, gpu: _throttle_reasons(nvml, gpu),
    "processes": lambda nvml, gpu: len(running_processes(nvml, gpu)),
    "ecc_uncorrected": lambda nvml, gpu: nvml.nvmlDeviceGetTotalEccErrors(
        gpu, nvml.NVML_MEMORY_ERROR_TYPE_UNCORRECTED, nvml.NVML_VOLATILE_ECC
    ),
    "pcie_generation": lambda nvml, gpu: nvml.nvmlDeviceGetCurrPcieLinkGeneration(gpu),
    "pcie_width": lambda nvml, gpu: nvml.nvmlDeviceGetCurrPcieLinkWidth(gpu),
}


def _throttle_reasons(nvml: Any, gpu: Any) -> int:
    """The bit mask; the call was renamed with driver R535."""
    try:
        return int(nvml.nvmlDeviceGetCurrentClocksEventReasons(gpu))
    except (AttributeError, nvml.NVMLError):
        return int(nvml.nvmlDeviceGetCurrentClocksThrottleReasons(gpu))


def main() -> None:
    """Sample the GPU whose hashed UUID is the last argument; say why where that cannot be."""
    import pynvml as nvml

    wanted = sys.argv[-1]
    try:
        nvml.nvmlInit()
        gpu = _find(nvml, wanted)
    except nvml.NVMLError as problem:
        _say(unavailable=f"NVML: {problem}")
        return
    if gpu is None:
        _say(unavailable="NVML shows no GPU with the UUID that torch uses")
        return
    while True:
        _say(**sample(nvml, gpu))
        if select.select([sys.stdin], [], [], INTERVAL_SECONDS)[0]:
            return


def sample(nvml: Any, gpu: Any) -> dict[str, float]:
    """The time in seconds and every reading that this GPU has."""
    found: dict[str, float] = {"seconds": time.monotonic()}
    for name, read in READINGS.items():
        try:
            found[name] = read(nvml, gpu)
        except (AttributeError, nvml.NVMLError):
            continue  # this GPU, driver or binding has no such reading
    return found


def _find(nvml: Any, wanted: str) -> Any:
    for index in range(nvml.nvmlDeviceGetCount()):
        gpu = nvml.nvmlDeviceGetHandleByIndex(index)
        if anonymous(text_of(nvml.nvmlDeviceGetUUID, gpu)) == wanted:
            return gpu
    return None


def _say(**event: Any) -> None:
    sys.stdout.write(json.dumps(event) + "\n")
    sys.stdout.flush()
