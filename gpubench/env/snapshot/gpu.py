"""One GPU as its driver describes it."""

import dataclasses

from gpubench.env.snapshot.fields import VOLATILE
from gpubench.units import Bytes


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Gpu:
    """One GPU as NVML describes it: watts, degrees Celsius, MHz, bytes, seconds.

    ``volatile`` counters start with the driver, ``aggregate`` ones with the GPU's life.
    """

    index: int
    name: str | None = None
    uuid: str | None = None
    """A truncated SHA-256 unless ``--identify``."""
    serial: str | None = None
    pci_address: str | None = None
    compute_capability: str | None = None
    vbios: str | None = None
    memory_bytes: Bytes | None = None
    memory_used_bytes: Bytes | None = dataclasses.field(default=None, metadata=VOLATILE)
    memory_reserved_bytes: Bytes | None = None
    """What the driver keeps for itself. None where ``memory_used_bytes`` includes it."""

    # -- memory errors
    ecc_enabled: bool | None = None
    ecc_pending: bool | None = None
    ecc_uncorrected_volatile: int | None = dataclasses.field(default=None, metadata=VOLATILE)
    ecc_uncorrected_aggregate: int | None = dataclasses.field(default=None, metadata=VOLATILE)
    ecc_corrected_volatile: int | None = dataclasses.field(default=None, metadata=VOLATILE)
    ecc_sram_uncorrected_volatile: int | None = dataclasses.field(default=None, metadata=VOLATILE)
    ecc_sram_uncorrected_aggregate: int | None = dataclasses.field(default=None, metadata=VOLATILE)
    ecc_sram_corrected_volatile: int | None = dataclasses.field(default=None, metadata=VOLATILE)
    ecc_sram_threshold_exceeded: bool | None = dataclasses.field(default=None, metadata=VOLATILE)
    """The driver's own mark for "replace this GPU"."""
    ecc_dram_uncorrected_volatile: int | None = dataclasses.field(default=None, metadata=VOLATILE)
    ecc_dram_uncorrected_aggregate: int | None = dataclasses.field(default=None, metadata=VOLATILE)
    ecc_dram_corrected_volatile: int | None = dataclasses.field(default=None, metadata=VOLATILE)
    rows_remapped_corrected: int | None = dataclasses.field(default=None, metadata=VOLATILE)
    rows_remapped_uncorrected: int | None = dataclasses.field(default=None, metadata=VOLATILE)
    rows_pending: bool | None = dataclasses.field(default=None, metadata=VOLATILE)
    rows_failed: bool | None = dataclasses.field(default=None, metadata=VOLATILE)
    rows_banks_low: int | None = dataclasses.field(default=None, metadata=VOLATILE)
    """Memory banks that have few spare rows left."""
    rows_banks_none: int | None = dataclasses.field(default=None, metadata=VOLATILE)
    """Memory banks that have no spare row left."""
    pages_retired_single_bit: int | None = dataclasses.field(default=None, metadata=VOLATILE)
    """Before Ampere: pages taken out of use after several correctable errors."""
    pages_retired_double_bit: int | None = dataclasses.field(default=None, metadata=VOLATILE)
    """Before Ampere: pages taken out of use after an uncorrectable error."""
    pages_pending: bool | None = dataclasses.field(default=None, metadata=VOLATILE)

    # -- clocks, heat and power
    throttle_reasons: int | None = dataclasses.field(default=None, metadata=VOLATILE)
    """NVML's bit mask of clock event reasons."""
    throttled_thermal_seconds: float | None = dataclasses.field(default=None, metadata=VOLATILE)
    """How long the hardware has slowed the clocks because of heat."""
    throttled_power_brake_seconds: float | None = dataclasses.field(default=None, metadata=VOLATILE)
    throttled_software_thermal_seconds: float | None = dataclasses.field(
        default=None, metadata=VOLATILE
    )
    clock_graphics_mhz: int | None = dataclasses.field(default=None, metadata=VOLATILE)
    clock_graphics_max_mhz: int | None = None
    clock_graphics_applications_mhz: int | None = None
    """What someone set with ``nvidia-smi -ac``, or the default."""
    clock_graphics_default_mhz: int | None = None
    """The default of the applications clock."""
    clock_memory_max_mhz: int | None = None
    clock_memory_applications_mhz: int | None = None
    clock_memory_default_mhz: int | None = None
    temperature_c: int | None = dataclasses.field(default=None, metadata=VOLATILE)
    temperature_slowdown_c: int | None = None
    temperature_shutdown_c: int | None = None
    temperature_margin_c: int | None = dataclasses.field(default=None, metadata=VOLATILE)
    """Degrees left to the highest operating temperature (nvidia-smi: GPU T.Limit Temp)."""
    temperature_margin_slowdown_c: int | None = None
    """The margin at which the hardware slows down, such as -2."""
    temperature_memory_c: int | None = dataclasses.field(default=None, metadata=VOLATILE)
    temperature_memory_max_c: int | None = None
    fan_percent: int | None = dataclasses.field(default=None, metadata=VOLATILE)
    """Of the highest speed. None for a GPU without a fan of its own."""
    power_w: float | None = dataclasses.field(default=None, metadata=VOLATILE)
    power_limit_w: float | None = None
    power_limit_default_w: float | None = None

    # -- links
    pcie_generation: int | None = dataclasses.field(default=None, metadata=VOLATILE)
    pcie_generation_loaded: int | None = dataclasses.field(default=None, metadata=VOLATILE)
    """While data was copied over the link. None: not measured; an idle link may be slow."""
    pcie_generation_max: int | None = None
    """The most that this GPU can do in this slot."""
    pcie_generation_device_max: int | None = None
    """The most that this GPU can do in any slot."""
    pcie_width: int | None = dataclasses.field(default=None, metadata=VOLATILE)
    pcie_width_loaded: int | None = dataclasses.field(default=None, metadata=VOLATILE)
    """While data was copied over the link. None: not measured."""
    pcie_width_max: int | None = None
    pcie_replays: int | None = dataclasses.field(default=None, metadata=VOLATILE)
    """Packets sent again over PCIe since the driver was loaded."""
    nvlinks: tuple[bool, ...] | None = None
    """Whether each NVLink is active, by its number. Empty or None: the GPU has none."""
    nvlink_crc_errors: tuple[int, ...] | None = dataclasses.field(default=None, metadata=VOLATILE)
    """By link, since the driver was loaded; 0 where a link did not say."""
    nvlink_replays: tuple[int, ...] | None = dataclasses.field(default=None, metadata=VOLATILE)
    nvlink_recoveries: tuple[int, ...] | None = dataclasses.field(default=None, metadata=VOLATILE)
    p2p_read: tuple[str, ...] | None = None
    """Peer access to each GPU by index, in nvidia-smi's letters: X (itself), OK, CNS …, U."""
    p2p_nvlink: tuple[str, ...] | None = None
    """The same over NVLink."""
    fabric_state: str | None = None
    """``not-supported``, ``not-started``, ``in-progress`` or ``completed``."""
    fabric_status: int | None = None
    """NVML's code of the registration; 0 is success."""
    fabric_problems: tuple[str, ...] | None = None
    """What the fabric's health mask names, in words; empty where it is healthy."""

    # -- modes and state
    mig_enabled: bool | None = None
    mig_pending: bool | None = None
    mig_instances: int | None = None
    persistence: bool | None = None
    compute_mode: str | None = None
    """``default``, ``exclusive-thread``, ``prohibited`` or ``exclusive-process``."""
    process_count: int | None = dataclasses.field(default=None, metadata=VOLATILE)
    """Programs that compute on it, as far as they are shown to this process."""
    recovery_action: str | None = dataclasses.field(default=None, metadata=VOLATILE)
    """``none``, ``reset``, ``reboot``, ``drain-p2p``, ``drain-and-reset`` …"""
    inforom_valid: bool | None = None
    gsp_firmware: str | None = None
    """The release of the firmware the GPU runs. None where it runs none."""
    error_code: int | None = dataclasses.field(default=None, metadata=VOLATILE)
    """NVML's code where no handle could be had (15: lost, 16: reset required)."""
