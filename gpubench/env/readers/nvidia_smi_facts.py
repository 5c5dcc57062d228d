"""What ``nvidia-smi`` says of a GPU, in whatever form, as fields of ``Gpu``.

The text of ``-q``, its XML and the columns of ``--query-gpu`` bring their values under one name:
section and key as the text writes them, in lower case (``remapped rows/pending``).
"""

import dataclasses
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from gpubench.env.readers.draft import Draft
from gpubench.env.readers.nvidia_smi_values import (
    compute_mode,
    decimal,
    error_code,
    fabric_state,
    fabric_status,
    identifier,
    is_absent,
    is_error,
    mebibytes,
    microseconds,
    recovery_action,
    switch,
    text,
    whole,
)
from gpubench.env.redact import clean


@dataclasses.dataclass(slots=True)
class Told:
    """Everything that was said of one GPU."""

    values: dict[str, str] = dataclasses.field(default_factory=dict)
    mig_devices: int | None = None
    process_types: list[str] | None = None
    """C, G or C+G for every process that is listed; None where nothing was said of processes."""


# -- which value is which field -----------------------------------------------------------------

Reading = Callable[[str], Any]

FIELDS: tuple[tuple[str, str, Reading], ...] = (
    ("name", "product name", text),
    ("uuid", "gpu uuid", identifier),
    ("serial", "serial number", identifier),
    ("vbios", "vbios version", text),
    ("pci_address", "bus id", text),
    ("compute_capability", "compute capability", text),
    ("persistence", "persistence mode", switch),
    ("compute_mode", "compute mode", compute_mode),
    ("mig_enabled", "mig mode/current", switch),
    ("mig_pending", "mig mode/pending", switch),
    ("memory_bytes", "fb memory usage/total", mebibytes),
    ("memory_used_bytes", "fb memory usage/used", mebibytes),
    ("ecc_enabled", "ecc mode/current", switch),
    ("ecc_pending", "ecc mode/pending", switch),
    ("rows_remapped_corrected", "remapped rows/correctable error", whole),
    ("rows_remapped_uncorrected", "remapped rows/uncorrectable error", whole),
    ("rows_pending", "remapped rows/pending", switch),
    ("rows_failed", "remapped rows/remapping failure occurred", switch),
    ("temperature_c", "temperature/gpu current temp", whole),
    ("temperature_shutdown_c", "temperature/gpu shutdown temp", whole),
    ("temperature_slowdown_c", "temperature/gpu slowdown temp", whole),
    ("power_w", "gpu power readings/power draw", decimal),
    ("power_w", "gpu power readings/average power draw", decimal),
    ("power_w", "gpu power readings/instantaneous power draw", decimal),
    ("power_limit_w", "gpu power readings/requested power limit", decimal),
    ("power_limit_w", "gpu power readings/power limit", decimal),
    ("power_limit_w", "gpu power readings/current power limit", decimal),
    ("power_limit_w", "gpu power readings/enforced power limit", decimal),
    ("power_limit_default_w", "gpu power readings/default power limit", decimal),
    ("pcie_generation", "pcie generation/current", whole),
    ("pcie_generation", "pcie generation/device current", whole),
    ("pcie_generation_max", "pcie generation/max", whole),
    ("pcie_width", "link width/current", whole),
    ("pcie_width_max", "link width/max", whole),
    ("pcie_generation_device_max", "pcie generation/device max", whole),
    ("pcie_replays", "replays since reset", whole),
    ("memory_reserved_bytes", "fb memory usage/reserved", mebibytes),
    ("ecc_sram_threshold_exceeded", "aggregate/sram threshold exceeded", switch),
    ("rows_banks_low", "bank remap availability histogram/low", whole),
    ("rows_banks_none", "bank remap availability histogram/none", whole),
    ("pages_retired_single_bit", "retired pages/single bit ecc", whole),
    ("pages_retired_double_bit", "retired pages/double bit ecc", whole),
    ("pages_pending", "retired pages/pending page blacklist", switch),
    ("pages_pending", "retired pages/pending", switch),
    ("clock_graphics_mhz", "clocks/graphics", whole),
    ("clock_graphics_max_mhz", "max clocks/graphics", whole),
    ("clock_graphics_applications_mhz", "applications clocks/graphics", whole),
    ("clock_graphics_default_mhz", "default applications clocks/graphics", whole),
    ("clock_memory_max_mhz", "max clocks/memory", whole),
    ("clock_memory_applications_mhz", "applications clocks/memory", whole),
    ("clock_memory_default_mhz", "default applications clocks/memory", whole),
    (
        "throttled_thermal_seconds",
        "time held back/hw thermal slowdown",
        microseconds,
    ),
    (
        "throttled_power_brake_seconds",
        "time held back/hw power braking",
        microseconds,
    ),
    (
        "throttled_software_thermal_seconds",
        "time held back/sw thermal slowdown",
        microseconds,
    ),
    ("temperature_margin_c", "temperature/gpu t.limit temp", whole),
    ("temperature_margin_slowdown_c", "temperature/gpu slowdown t.limit temp", whole),
    ("temperature_memory_c", "temperature/memory current temp", whole),
    ("temperature_memory_max_c", "temperature/memory max operating temp", whole),
    ("fan_percent", "fan speed", whole),
    ("recovery_action", "gpu recovery action", recovery_action),
    ("gsp_firmware", "gsp firmware version", text),
    ("fabric_state", "fabric/state", fabric_state),
    ("fabric_status", "fabric/status", fabric_status),
)
"""Where a field stands twice, the first value that says something counts."""

_SRAM_VOLATILE, _SRAM_AGGREGATE = (
    (
        f"{scope}/sram uncorrectable",
        f"{scope}/sram uncorrectable parity",
        f"{scope}/sram uncorrectable sec-ded",
    )
    for scope in ("volatile", "aggregate")
)

SUMS: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    (
        "ecc_uncorrected_volatile",
        "volatile/double bit/total",
        (*_SRAM_VOLATILE, "volatile/dram uncorrectable"),
    ),
    (
        "ecc_uncorrected_aggregate",
        "aggregate/double bit/total",
        (*_SRAM_AGGREGATE, "aggregate/dram uncorrectable"),
    ),
    (
        "ecc_corrected_volatile",
        "volatile/single bit/total",
        ("volatile/sram correctable", "volatile/dram correctable"),
    ),
    ("ecc_sram_uncorrected_volatile", "", _SRAM_VOLATILE),
    ("ecc_sram_uncorrected_aggregate", "", _SRAM_AGGREGATE),
    ("ecc_sram_corrected_volatile", "", ("volatile/sram correctable",)),
    ("ecc_dram_uncorrected_volatile", "", ("volatile/dram uncorrectable",)),
    ("ecc_dram_uncorrected_aggregate", "", ("aggregate/dram uncorrectable",)),
    ("ecc_dram_corrected_volatile", "", ("volatile/dram correctable",)),
)
"""Counters: their total before Turing, if there was one, and the parts that later drivers show."""

REASONS = {
    "idle": 0x1,
    "applications clocks setting": 0x2,
    "sw power cap": 0x4,
    "hw slowdown": 0x8,
    "sync boost": 0x10,
    "sw thermal slowdown": 0x20,
    "hw thermal slowdown": 0x40,
    "hw power brake slowdown": 0x80,
    "display clock setting": 0x100,
}
"""Bits of NVML's clock event reasons."""


def put_told(draft: Draft, index: int, told: Told) -> None:
    """Add what was said of one GPU; an error in a value's place goes where such things are kept."""
    facts: dict[str, Any] = {}
    unread: dict[str, str] = {}
    for field, value, read in _values(told):
        code = error_code(value)
        if code is not None:
            facts.setdefault("error_code", code)
        elif is_error(value):
            unread.setdefault(field, value)
        elif (known := read(value)) is not None:
            facts.setdefault(field, known)
    facts.update(_counters(told.values))
    facts.update(_mig(told, facts))
    if told.process_types is not None:
        facts["process_count"] = sum("C" in kind.upper() for kind in told.process_types)
    draft.gpu(index, **facts)
    put_unread(draft, index, {key: value for key, value in unread.items() if key not in facts})


def put_unread(draft: Draft, index: int, fields: Mapping[str, str]) -> None:
    """Fields of a GPU for which nvidia-smi printed an error."""
    if index not in draft.gpus:
        draft.gpu(index)
    for field, value in fields.items():
        if field not in draft.gpus.get(index, {field: 1}):
            draft.unread.setdefault(f"gpus.{index}.{field}", f"nvidia-smi: {clean(value[:120])}")


def _values(told: Told) -> Iterator[tuple[str, str, Reading]]:
    for field, path, read in FIELDS:
        if path in told.values:
            yield field, told.values[path], read
    for field, total, parts in SUMS:
        for path in (total, *parts):
            if path in told.values and is_error(told.values[path]):
                yield field, told.values[path], whole
    for name in (*REASONS, "active"):
        if is_error(told.values.get(f"clocks event reasons/{name}", "")):
            yield "throttle_reasons", told.values[f"clocks event reasons/{name}"], whole
    if told.values.get("gpu reset status/reset required", "").strip().lower() == "yes":
        yield "error_code", "GPU requires reset", whole


def _counters(values: Mapping[str, str]) -> Iterator[tuple[str, int]]:
    """Sums of error counters, and the mask of clock event reasons."""
    for field, total, parts in SUMS:
        if any(is_error(values.get(path, "")) for path in (total, *parts)):
            continue
        known = [number for path in parts if (number := _number(values.get(path))) is not None]
        whole_sum = _number(values.get(total))
        if whole_sum is not None or known:
            yield field, sum(known) if whole_sum is None else whole_sum
    mask = _mask(values)
    if mask is not None:
        yield "throttle_reasons", mask


def _number(value: str | None) -> int | None:
    return None if value is None or is_absent(value) else whole(value)


def _mask(values: Mapping[str, str]) -> int | None:
    """The reasons one by one, or their mask as a hexadecimal number."""
    active = values.get("clocks event reasons/active", "").strip()
    if re.fullmatch(r"0x[0-9a-fA-F]{1,16}", active):
        return int(active, 16)
    answers = {
        bit: switch(values.get(f"clocks event reasons/{name}", "")) for name, bit in REASONS.items()
    }
    if all(answer is None for answer in answers.values()):
        return None
    return sum(bit for bit, answer in answers.items() if answer)


def _mig(told: Told, facts: Mapping[str, Any]) -> dict[str, int]:
    """The instances of a GPU in MIG mode."""
    if not facts.get("mig_enabled") or told.mig_devices is None:
        return {}
    return {"mig_instances": told.mig_devices}


def put_driver(draft: Draft, version: str | None, cuda: str | None, count: int | None) -> None:
    """The driver, the newest CUDA it runs, and how many GPUs there are; NVML has answered."""
    release = version if version and version[0].isdigit() else None
    draft.put("driver", version=release)
    draft.put(
        "nvml",
        driver_version=release,
        cuda_version=cuda if cuda and re.fullmatch(r"\d+\.\d+", cuda) else None,
        device_count=count,
    )
