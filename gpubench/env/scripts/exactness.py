"""What is held against what: dtypes, the rounding they are allowed, and differences.

Part of what is sent to the interpreter under test: Python 3.8 and later.
"""

from __future__ import annotations

import math
import re
from typing import Any

LIMITS = {"fp32": 1e-4, "tf32": 5e-3, "fp16": 1e-2, "bf16": 5e-2, "fp8": 0.2}
"""Largest error allowed, relative to the largest entry; about ten times what the dtype's
rounding gives in a sum of 256 products (own measurement on CPU and Hopper; fp8: its step of an
eighth, not measured)."""
BF16_ON_CPU = 0.15
"""torch 1.8 sums BF16 products in BF16 on a CPU; 0.07 was seen of 1.8.1."""
UNSUPPORTED = re.compile(
    r"not implemented|not supported|NOT_SUPPORTED|unsupported dtype|only supported (?:on|for)"
    r"|requires compiling PyTorch with|compiled with(?:out)? (?:LAPACK|MKL|MAGMA)"
    r"|not compiled with (?:LAPACK|MKL|MAGMA)",
    re.IGNORECASE,
)
NO_ENGINE = re.compile(
    r"unable to find an engine|no valid engine configs|unable to find a valid engine", re.IGNORECASE
)
"""cuDNN has no kernel for this dtype on this device; of FP32 that would be a fault."""
TENSOR_CORES = (8, 0)
"""The first compute capability with BF16 and TF32."""


def is_fault(said: str, dtype: str, capability: tuple[int, int] | None) -> bool:
    """False where an exception says no more than that the device cannot do this dtype."""
    if dtype in ("bf16", "tf32") and capability is not None and capability < TENSOR_CORES:
        return False
    return not (UNSUPPORTED.search(said) or (dtype != "fp32" and NO_ENGINE.search(said)))


def set_dtype(torch: Any, name: str) -> Any:
    """The dtype that ``name`` stands for; FP32 products use TF32 for that name alone."""
    allowed = name == "tf32"
    torch.backends.cuda.matmul.allow_tf32 = allowed
    torch.backends.cudnn.allow_tf32 = allowed
    return {"fp16": torch.float16, "bf16": torch.bfloat16}.get(name, torch.float32)


def limit(name: str, device: str) -> float:
    """The error allowed in this dtype on this device."""
    return BF16_ON_CPU if (name, device) == ("bf16", "cpu") else LIMITS[name]


def difference(got: Any, exact: Any) -> float:
    """Largest error relative to the largest exact entry; NaN and infinity are everything wrong."""
    error = float((got.double().cpu() - exact).abs().max() / exact.abs().max())
    return error if math.isfinite(error) else 1e30


def against(limit: float, *errors: float) -> dict[str, Any]:
    """The fields of a proof: the largest of ``errors``, held against ``limit``."""
    return {"error": max(errors), "limit": limit}
