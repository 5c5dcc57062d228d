"""Samples one GPU through NVML until stdin closes; run in a process of its own by ``telemetry``.

Prints one JSON object per line. Times are of the system's monotonic clock, which all processes of
a machine share, so that samples can be laid over a window that another process timed.
"""

import contextlib
import json
import select
import sys
import time
from collections.abc import Callable, Mapping
from typing import Any

from gpubench.env.nvml_question import refusals, running_processes, text_of
from gpubench.env.redact import anonymous
from gpubench.env.xids import watch_xids

INTERVAL_SECONDS = 0.1

Reading = Callable[[Any, Any], float]

READINGS: dict[str, Reading] = {
    "sm_clock_mhz": lambda nvml, gpu: nvml.nvmlDeviceGetClockInfo(gpu, nvml.NVML_CLOCK_SM),
    "power_watts": lambda nvml, gpu: nvml.nvmlDeviceGetPowerUsage(gpu) / 1000,
    "temperature_c": lambda nvml, gpu: nvml.nvmlDeviceGetTemperature(
        gpu, nvml.NVML_TEMPERATURE_GPU
    ),
    "utilization": lambda nvml, gpu: nvml.nvmlDeviceGetUtilizationRates(gpu).gpu / 100,
    "memory_bytes": lambda nvml, gpu: nvml.nvmlDeviceGetMemoryInfo(gpu).used,
    "energy_joules": lambda nvml, gpu: nvml.nvmlDeviceGetTotalEnergyConsumption(gpu) / 1000,
    "throttle_reasons": lambda nvml, gpu: _throttle_reasons(nvml, gpu),
    "processes": lambda nvml, gpu: len(running_processes(nvml, gpu)),
    "ecc_uncorrected": lambda nvml, gpu: nvml.nvmlDeviceGetTotalEccErrors(
        gpu, nvml.NVML_MEMORY_ERROR_TYPE_UNCORRECTED, nvml.NVML_VOLATILE_ECC
    ),
    "pcie_generation": lambda nvml, gpu: nvml.nvmlDeviceGetCurrPcieLinkGeneration(gpu),
    "pcie_width": lambda nvml, gpu: nvml.nvmlDeviceGetCurrPcieLinkWidth(gpu),
}

LIMITS: dict[str, Reading] = {
    "sm_clock_max_mhz": lambda nvml, gpu: nvml.nvmlDeviceGetMaxClockInfo(gpu, nvml.NVML_CLOCK_SM),
    "sm_clock_boost_mhz": lambda nvml, gpu: nvml.nvmlDeviceGetMaxCustomerBoostClock(
        gpu, nvml.NVML_CLOCK_SM
    ),
}
"""What does not change while a job runs."""


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
    watch = watch_xids(nvml, gpu)
    _say(limits=read_all(LIMITS, nvml, gpu), xid_watch=watch and watch.place)
    while True:
        for code in watch.new() if watch else ():
            _say(xid=code)
        _say(**sample(nvml, gpu))
        if select.select([sys.stdin], [], [], INTERVAL_SECONDS)[0]:
            return


def sample(nvml: Any, gpu: Any) -> dict[str, float]:
    """The time in seconds and every reading that this GPU has."""
    return {"seconds": time.monotonic(), **read_all(READINGS, nvml, gpu)}


def read_all(readings: Mapping[str, Reading], nvml: Any, gpu: Any) -> dict[str, float]:
    """The readings that this GPU, driver and binding have."""
    found: dict[str, float] = {}
    for name, read in readings.items():
        with contextlib.suppress(nvml.NVMLError, *refusals(nvml)):
            found[name] = read(nvml, gpu)
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
