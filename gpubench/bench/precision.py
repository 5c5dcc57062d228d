"""The precision set: set a mode, read back what torch then says, and prove it by a product."""

import contextlib
import os
import time
from collections.abc import Iterator
from typing import Any

import torch

from gpubench.bench.modes import Mode

OVERRIDES = (
    "NVIDIA_TF32_OVERRIDE",
    "TORCH_ALLOW_TF32_CUBLAS_OVERRIDE",
    "ONEDNN_DEFAULT_FPMATH_MODE",
)
"""Environment variables that change float32 products behind torch's back."""

IEEE_ERROR = 2e-5
TF32_ERROR = 8e-4
"""Relative error of a product of 1024 normal numbers: IEEE stays near 1e-6, TF32 near 3e-4 and
bfloat16 near 2e-3 (computed from operands rounded to each; the bounds lie twice as far)."""

_DTYPES = {"bfloat16": torch.bfloat16, "float16": torch.float16}


@contextlib.contextmanager
def precision(mode: Mode) -> Iterator[None]:
    """Set float32 products and convolutions to what ``mode`` says; put back what was before."""
    matmul = torch.get_float32_matmul_precision()
    convolution = torch.backends.cudnn.allow_tf32
    torch.set_float32_matmul_precision("high" if mode.float32 == "tf32" else "highest")
    torch.backends.cudnn.allow_tf32 = mode.float32 == "tf32"
    try:
        yield
    finally:
        torch.set_float32_matmul_precision(matmul)
        torch.backends.cudnn.allow_tf32 = convolution


def autocast(mode: Mode, device: torch.device) -> torch.autocast:
    """The autocast region of a step; disabled where the mode has none."""
    if mode.autocast is None:
        return torch.autocast(device.type, enabled=False)
    return torch.autocast(device.type, dtype=_DTYPES[mode.autocast])


def read_back(mode: Mode, device: torch.device) -> dict[str, Any]:
    """What is in effect now, from torch's settings, the environment, and two products."""
    error, tflops = _product_probe(device)
    return {
        "matmul_setting": torch.get_float32_matmul_precision(),
        "convolution_tf32_setting": bool(torch.backends.cudnn.allow_tf32),
        "overrides": {name: os.environ[name] for name in OVERRIDES if name in os.environ},
        "float32_error": error,
        "float32_tflops": tflops,
        "float32": _format_of(error),
        "convolution": _format_of(_convolution_error(device)),
        "settings": _new_settings(),
        "autocast": _autocast_seen(mode, device),
    }


def mismatches(mode: Mode, effective: dict[str, Any]) -> list[str]:
    """Where what is in effect is not what the mode says; empty when all is as named."""
    found = []
    if effective["float32"] != mode.float32:
        overrides = ", ".join(f"{k}={v}" for k, v in effective["overrides"].items())
        found.append(
            f"float32 products ran as {effective['float32']} "
            f"(error {effective['float32_error']:.1e}), the mode asks for {mode.float32}"
            + (f"; set in the environment: {overrides}" if overrides else "")
        )
    if mode.float32 == "ieee" and effective["convolution"] != "ieee":
        found.append(f"float32 convolutions ran as {effective['convolution']}")
    if effective["autocast"] != (mode.autocast or "float32"):
        found.append(
            f"autocast computed in {effective['autocast']}, "
            f"the mode asks for {mode.autocast or 'float32'}"
        )
    return found


def _product_probe(device: torch.device) -> tuple[float, float]:
    """Relative Frobenius error of a float32 product against float64, and its TFLOP/s."""
    generator = torch.Generator().manual_seed(7)
    size = 1024
    left, right = (torch.randn(size, size, generator=generator).to(device) for _ in range(2))
    exact = left.double() @ right.double()
    error = float(torch.linalg.norm((left @ right).double() - exact) / torch.linalg.norm(exact))
    return error, _tflops(left, right)


def _convolution_error(device: torch.device) -> float:
    """Relative error of a float32 convolution (8, 64, 16, 16) with 64 filters of 3 × 3."""
    generator = torch.Generator().manual_seed(7)
    images = torch.randn(8, 64, 16, 16, generator=generator).to(device)
    filters = torch.randn(64, 64, 3, 3, generator=generator).to(device)
    exact = torch.nn.functional.conv2d(images.double(), filters.double())
    found = torch.nn.functional.conv2d(images, filters).double()
    return float(torch.linalg.norm(found - exact) / torch.linalg.norm(exact))


def _new_settings() -> dict[str, str]:
    """What torch's newer settings of float32 precision say, in releases that have them."""
    found = {}
    for name in ("cuda.matmul", "cudnn.conv", "mkldnn.matmul", "mkldnn.conv"):
        setting: Any = torch.backends
        for part in name.split("."):
            setting = getattr(setting, part, None)
        value = getattr(setting, "fp32_precision", None)
        if value is not None:
            found[name] = str(value)
    return found


def _tflops(left: torch.Tensor, right: torch.Tensor) -> float:
    """The best of five products; a diagnostic, not a peak (the size is small)."""
    best = float("inf")
    for _ in range(5):
        began = time.perf_counter()
        left @ right
        if left.is_cuda:
            torch.cuda.synchronize()
        best = min(best, time.perf_counter() - began)
    return 2 * left.shape[0] ** 3 / best / 1e12


def _format_of(error: float) -> str:
    if error < IEEE_ERROR:
        return "ieee"
    return "tf32" if error < TF32_ERROR else "lower than tf32"


def _autocast_seen(mode: Mode, device: torch.device) -> str:
    """The dtype a linear layer really answers in inside the mode's autocast region."""
    with torch.no_grad(), autocast(mode, device):
        operand = torch.ones(16, 16, device=device)
        seen = torch.nn.functional.linear(operand, operand).dtype
    return str(seen).removeprefix("torch.")
