"""Proof by computing: which number format a product or a convolution really ran in."""

import dataclasses
import time

import torch

IEEE_ERROR = 2e-5
TF32_ERROR = 8e-4
SHORT_ERROR = 8e-3
"""Relative error of a product of 1024 normal numbers: IEEE stays near 1e-6, TF32 near 3e-4 and
bfloat16 near 2e-3 (computed from operands rounded to each; the bounds lie at least twice off)."""

SIZE = 1024
"""Rows, columns and terms of the product: enough for a blocked kernel (own choice)."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """What float32 operands were computed in.

    The errors are relative to float64 (Frobenius norms); ``tflops`` is what the product reached.
    """

    product_error: float
    convolution_error: float
    tflops: float


def prove(device: torch.device) -> Proof:
    """Compute a float32 product and a convolution now, and hold them against float64."""
    generator = torch.Generator().manual_seed(7)
    left, right = (torch.randn(SIZE, SIZE, generator=generator).to(device) for _ in range(2))
    images = torch.randn(8, 64, 16, 16, generator=generator).to(device)
    filters = torch.randn(64, 64, 3, 3, generator=generator).to(device)
    exact = convolution(images.double(), filters.double())
    return Proof(
        product_error=_error(product(left, right), left.double() @ right.double()),
        convolution_error=_error(convolution(images, filters), exact),
        tflops=_tflops(left, right),
    )


def product(left: torch.Tensor, right: torch.Tensor) -> torch.Tensor:
    """The product (M, K) × (K, N) as a model computes it; tests put a leaking one in its place."""
    return left @ right


def convolution(images: torch.Tensor, filters: torch.Tensor) -> torch.Tensor:
    """The convolution of images (B, C, H, W) with filters (F, C, 3, 3), likewise."""
    return torch.nn.functional.conv2d(images, filters)


def format_of(error: float) -> str:
    """The number format that makes so large an error."""
    if error < IEEE_ERROR:
        return "ieee"
    if error < TF32_ERROR:
        return "tf32"
    return "bfloat16" if error < SHORT_ERROR else "less than bfloat16"


def _error(found: torch.Tensor, exact: torch.Tensor) -> float:
    return float(torch.linalg.norm(found.double() - exact) / torch.linalg.norm(exact))


def _tflops(left: torch.Tensor, right: torch.Tensor) -> float:
    """The best of five products; a diagnostic, not a peak (the size is small)."""
    best = float("inf")
    for _ in range(5):
        began = time.perf_counter()
        product(left, right)
        if left.is_cuda:
            torch.cuda.synchronize()
        best = min(best, time.perf_counter() - began)
    return 2 * left.shape[0] ** 3 / best / 1e12
