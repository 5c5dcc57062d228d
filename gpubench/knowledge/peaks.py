"""What a GPU does at most, as its vendor publishes it: dense, by the name its driver gives."""

import dataclasses
import re
from typing import Any

from gpubench.knowledge.tables import load

DTYPES = ("float32", "tf32", "bfloat16", "float16")
"""The formats a peak may be on record for, named as ``Mode.rounding`` names them."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class NominalPeaks:
    """Figures of one GPU in FLOP/s, bytes per second and watts; None or absent: not on record.

    ``flops`` is by format, without sparsity and with float32 accumulation.
    """

    flops: dict[str, float]
    memory_bytes_per_second: float | None
    power_watts: float | None
    source: str


def nominal_peaks(name: str) -> NominalPeaks | None:
    """The published peaks of the GPU of that whole name; None for any other, never a guess."""
    wanted = _bare(name)
    rows = load("gpu_peaks")["peak"]
    row = next((row for row in rows if wanted in map(_bare, row["names"])), None)
    return None if row is None else _peaks(row)


def _bare(name: str) -> str:
    """A name without its maker: drivers before 460 left "NVIDIA" out, old cards say "Tesla"."""
    return re.sub(r"^(?:nvidia )?(?:tesla )?", "", " ".join(name.lower().split()))


def _peaks(row: dict[str, Any]) -> NominalPeaks:
    memory = row.get("memory")
    return NominalPeaks(
        flops={dtype: row[dtype] * 1e12 for dtype in DTYPES if dtype in row},
        memory_bytes_per_second=None if memory is None else memory * 1e9,
        power_watts=row.get("power"),
        source=load("gpu_peaks")["sources"][row["source"]],
    )
