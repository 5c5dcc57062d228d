"""One GPU as its driver describes it."""

import dataclasses

from gpubench.env.snapshot.fields import VOLATILE
from gpubench.units import Bytes


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Gpu:
    """One GPU as NVML describes it; power in watts, temperatures in degrees Celsius."""

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
    ecc_enabled: bool | None = None
    ecc_pending: bool | None = None
    ecc_uncorrected_volatile: int | None = dataclasses.field(default=None, metadata=VOLATILE)
    ecc_uncorrected_aggregate: int | None = dataclasses.field(default=None, metadata=VOLATILE)
    ecc_corrected_volatile: int | None = dataclasses.field(default=None, metadata=VOLATILE)
    rows_remapped_corrected: int | None = dataclasses.field(default=None, metadata=VOLATILE)
    rows_remapped_uncorrected: int | None = dataclasses.field(default=None, metadata=VOLATILE)
    rows_pending: bool | None = dataclasses.field(default=None, metadata=VOLATILE)
    rows_failed: bool | None = dataclasses.field(default=None, metadata=VOLATILE)
    throttle_reasons: int | None = dataclasses.field(default=None, metadata=VOLATILE)
    """NVML's bit mask of clock event reasons."""
    temperature_c: int | None = dataclasses.field(default=None, metadata=VOLATILE)
    temperature_slowdown_c: int | None = None
    temperature_shutdown_c: int | None = None
    power_w: float | None = dataclasses.field(default=None, metadata=VOLATILE)
    power_limit_w: float | None = None
    power_limit_default_w: float | None = None
    pcie_generation: int | None = dataclasses.field(default=None, metadata=VOLATILE)
    pcie_generation_max: int | None = None
    pcie_width: int | None = dataclasses.field(default=None, metadata=VOLATILE)
    pcie_width_max: int | None = None
    pcie_generation_loaded: int | None = dataclasses.field(default=None, metadata=VOLATILE)
    """Read while data was copied: an idle link is allowed to be slow."""
    pcie_width_loaded: int | None = dataclasses.field(default=None, metadata=VOLATILE)
    mig_enabled: bool | None = None
    mig_pending: bool | None = None
    mig_instances: int | None = None
    persistence: bool | None = None
    compute_mode: str | None = None
    """``default``, ``exclusive-thread``, ``prohibited`` or ``exclusive-process``."""
    process_count: int | None = dataclasses.field(default=None, metadata=VOLATILE)
    error_code: int | None = dataclasses.field(default=None, metadata=VOLATILE)
    """NVML's code where no handle could be had (15: lost, 16: reset required)."""
