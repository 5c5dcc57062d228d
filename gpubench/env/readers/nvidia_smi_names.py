"""The names that the XML of ``nvidia-smi`` and its CSV have for what its text says."""

_REASONS = {
    "gpu_idle": "idle",
    "applications_clocks_setting": "applications clocks setting",
    "sw_power_cap": "sw power cap",
    "hw_slowdown": "hw slowdown",
    "sync_boost": "sync boost",
    "sw_thermal_slowdown": "sw thermal slowdown",
    "hw_thermal_slowdown": "hw thermal slowdown",
    "hw_power_brake_slowdown": "hw power brake slowdown",
    "display_clocks_setting": "display clock setting",
    "active": "active",
}
_COUNTERS = {
    "sw_therm_slowdown": "sw thermal slowdown",
    "hw_therm_slowdown": "hw thermal slowdown",
    "hw_power_brake": "hw power braking",
}
_ECC = {
    "sram_correctable": "sram correctable",
    "sram_uncorrectable": "sram uncorrectable",
    "sram_uncorrectable_parity": "sram uncorrectable parity",
    "sram_uncorrectable_secded": "sram uncorrectable sec-ded",
    "dram_correctable": "dram correctable",
    "dram_uncorrectable": "dram uncorrectable",
    "sram_threshold_exceeded": "sram threshold exceeded",
    "single_bit/total": "single bit/total",
    "double_bit/total": "double bit/total",
}
_POWER = {
    "power_draw": "power draw",
    "average_power_draw": "average power draw",
    "instant_power_draw": "instantaneous power draw",
    "current_power_limit": "current power limit",
    "requested_power_limit": "requested power limit",
    "power_limit": "power limit",
    "enforced_power_limit": "enforced power limit",
    "default_power_limit": "default power limit",
}

XML = {
    "product_name": "product name",
    "uuid": "gpu uuid",
    "serial": "serial number",
    "vbios_version": "vbios version",
    "pci/pci_bus_id": "bus id",
    "persistence_mode": "persistence mode",
    "compute_mode": "compute mode",
    "fan_speed": "fan speed",
    "gsp_firmware_version": "gsp firmware version",
    "gpu_recovery_action": "gpu recovery action",
    "gpu_reset_status/reset_required": "gpu reset status/reset required",
    "mig_mode/current_mig": "mig mode/current",
    "mig_mode/pending_mig": "mig mode/pending",
    "fb_memory_usage/total": "fb memory usage/total",
    "fb_memory_usage/reserved": "fb memory usage/reserved",
    "fb_memory_usage/used": "fb memory usage/used",
    "ecc_mode/current_ecc": "ecc mode/current",
    "ecc_mode/pending_ecc": "ecc mode/pending",
    "remapped_rows/remapped_row_corr": "remapped rows/correctable error",
    "remapped_rows/remapped_row_unc": "remapped rows/uncorrectable error",
    "remapped_rows/remapped_row_pending": "remapped rows/pending",
    "remapped_rows/remapped_row_failure": "remapped rows/remapping failure occurred",
    "remapped_rows/row_remapper_histogram/row_remapper_histogram_low": (
        "bank remap availability histogram/low"
    ),
    "remapped_rows/row_remapper_histogram/row_remapper_histogram_none": (
        "bank remap availability histogram/none"
    ),
    "retired_pages/multiple_single_bit_retirement/retired_count": "retired pages/single bit ecc",
    "retired_pages/double_bit_retirement/retired_count": "retired pages/double bit ecc",
    "retired_pages/pending_blacklist": "retired pages/pending page blacklist",
    "retired_pages/pending_retirement": "retired pages/pending page blacklist",
    "temperature/gpu_temp": "temperature/gpu current temp",
    "temperature/gpu_temp_max_threshold": "temperature/gpu shutdown temp",
    "temperature/gpu_temp_slow_threshold": "temperature/gpu slowdown temp",
    "temperature/gpu_temp_tlimit": "temperature/gpu t.limit temp",
    "temperature/gpu_temp_slow_tlimit_threshold": "temperature/gpu slowdown t.limit temp",
    "temperature/memory_temp": "temperature/memory current temp",
    "temperature/gpu_temp_max_mem_threshold": "temperature/memory max operating temp",
    "temperature/memory_temp_max_threshold": "temperature/memory max operating temp",
    "pci/pci_gpu_link_info/pcie_gen/max_link_gen": "pcie generation/max",
    "pci/pci_gpu_link_info/pcie_gen/current_link_gen": "pcie generation/current",
    "pci/pci_gpu_link_info/pcie_gen/device_current_link_gen": "pcie generation/device current",
    "pci/pci_gpu_link_info/pcie_gen/max_device_link_gen": "pcie generation/device max",
    "pci/pci_gpu_link_info/link_widths/max_link_width": "link width/max",
    "pci/pci_gpu_link_info/link_widths/current_link_width": "link width/current",
    "pci/replay_counter": "replays since reset",
    "clocks/graphics_clock": "clocks/graphics",
    "max_clocks/graphics_clock": "max clocks/graphics",
    "max_clocks/mem_clock": "max clocks/memory",
    "applications_clocks/graphics_clock": "applications clocks/graphics",
    "applications_clocks/mem_clock": "applications clocks/memory",
    "default_applications_clocks/graphics_clock": "default applications clocks/graphics",
    "default_applications_clocks/mem_clock": "default applications clocks/memory",
    "fabric/state": "fabric/state",
    "fabric/status": "fabric/status",
    **{
        f"clocks_{kind}_reasons/clocks_{kind}_reason_{name}": f"clocks event reasons/{words}"
        for kind in ("throttle", "event")
        for name, words in _REASONS.items()
    },
    **{
        "clocks_event_reasons_counters/clocks_event_reasons_counters_"
        f"{name}": f"time held back/{words}"
        for name, words in _COUNTERS.items()
    },
    **{
        f"ecc_errors/{scope}/{name}": f"{scope}/{words}"
        for scope in ("volatile", "aggregate")
        for name, words in _ECC.items()
    },
    **{
        f"{section}/{name}": f"gpu power readings/{words}"
        for section in ("power_readings", "gpu_power_readings")
        for name, words in _POWER.items()
    },
}
"""Path of an element below ``<gpu>`` → section and key of the text."""

CSV = {
    "timestamp": "timestamp",
    "index": "index",
    "count": "attached gpus",
    "driver_version": "driver version",
    "name": "product name",
    "gpu_name": "product name",
    "uuid": "gpu uuid",
    "gpu_uuid": "gpu uuid",
    "serial": "serial number",
    "gpu_serial": "serial number",
    "vbios_version": "vbios version",
    "pci.bus_id": "bus id",
    "gpu_bus_id": "bus id",
    "compute_cap": "compute capability",
    "persistence_mode": "persistence mode",
    "compute_mode": "compute mode",
    "pstate": "performance state",
    "fan.speed": "fan speed",
    "mig.mode.current": "mig mode/current",
    "mig.mode.pending": "mig mode/pending",
    "memory.total": "fb memory usage/total",
    "memory.reserved": "fb memory usage/reserved",
    "memory.used": "fb memory usage/used",
    "memory.free": "fb memory usage/free",
    "utilization.gpu": "utilization/gpu",
    "utilization.memory": "utilization/memory",
    "temperature.gpu": "temperature/gpu current temp",
    "temperature.gpu.tlimit": "temperature/gpu t.limit temp",
    "temperature.memory": "temperature/memory current temp",
    "power.draw": "gpu power readings/power draw",
    "power.draw.average": "gpu power readings/average power draw",
    "power.draw.instant": "gpu power readings/instantaneous power draw",
    "power.limit": "gpu power readings/power limit",
    "enforced.power.limit": "gpu power readings/enforced power limit",
    "power.default_limit": "gpu power readings/default power limit",
    "ecc.mode.current": "ecc mode/current",
    "ecc.mode.pending": "ecc mode/pending",
    "ecc.errors.corrected.volatile.total": "volatile/single bit/total",
    "ecc.errors.uncorrected.volatile.total": "volatile/double bit/total",
    "ecc.errors.uncorrected.aggregate.total": "aggregate/double bit/total",
    "retired_pages.single_bit_ecc.count": "retired pages/single bit ecc",
    "retired_pages.sbe": "retired pages/single bit ecc",
    "retired_pages.double_bit.count": "retired pages/double bit ecc",
    "retired_pages.dbe": "retired pages/double bit ecc",
    "retired_pages.pending": "retired pages/pending page blacklist",
    "remapped_rows.correctable": "remapped rows/correctable error",
    "remapped_rows.uncorrectable": "remapped rows/uncorrectable error",
    "remapped_rows.pending": "remapped rows/pending",
    "remapped_rows.failure": "remapped rows/remapping failure occurred",
    "pcie.link.gen.current": "pcie generation/current",
    "pcie.link.gen.gpucurrent": "pcie generation/device current",
    "pcie.link.gen.max": "pcie generation/max",
    "pcie.link.gen.gpumax": "pcie generation/device max",
    "pcie.link.gen.hostmax": "pcie generation/host max",
    "pcie.link.width.current": "link width/current",
    "pcie.link.width.max": "link width/max",
    "clocks.current.graphics": "clocks/graphics",
    "clocks.gr": "clocks/graphics",
    "clocks.max.graphics": "max clocks/graphics",
    "clocks.max.gr": "max clocks/graphics",
    "clocks.max.memory": "max clocks/memory",
    "clocks.max.mem": "max clocks/memory",
    "clocks.applications.graphics": "applications clocks/graphics",
    "clocks.applications.gr": "applications clocks/graphics",
    "clocks.applications.memory": "applications clocks/memory",
    "clocks.applications.mem": "applications clocks/memory",
    "clocks.default_applications.graphics": "default applications clocks/graphics",
    "clocks.default_applications.memory": "default applications clocks/memory",
    "fabric.state": "fabric/state",
    "fabric.status": "fabric/status",
    "gsp.mode.current": "gsp mode/current",
    **{
        f"clocks_{kind}_reasons.{name}": f"clocks event reasons/{words}"
        for kind in ("throttle", "event")
        for name, words in _REASONS.items()
    },
}
"""Column of ``--query-gpu`` → section and key of the text."""
