"""What torch computes on one device, each held against FP64 or against what is exact.

Part of what is sent to the interpreter under test: torch, Python 3.8 and later.
"""

from __future__ import annotations

import warnings
from functools import partial
from typing import Any

from gpubench.env.scripts.exactness import LIMITS, against, difference, limit, set_dtype
from gpubench.env.scripts.speaking import NotSupported, Task, api

SIZE = 256
GEMM_DTYPES = ("fp32", "tf32", "fp16", "bf16")
SDPA_WAYS = {
    "math": "MATH",
    "flash": "FLASH_ATTENTION",
    "efficient": "EFFICIENT_ATTENTION",
    "cudnn": "CUDNN_ATTENTION",
}
FP8 = (8, 9)
"""The first compute capability with FP8."""
STEPS = 30
LOSS_FALLS_TO = 0.5
"""Of the first loss, after ``STEPS`` steps on one batch; 0.1 was seen on a CPU (own choice)."""


def tasks(torch: Any, device: str, capability: tuple[int, int] | None) -> list[Task]:
    """Every computation for ``device``; what this torch cannot do says so when it is tried."""
    on_gpu = device != "cpu"
    dtypes = GEMM_DTYPES if on_gpu else ("fp32", "bf16")
    found = [Task("gemm", device, partial(gemm, torch, device, d), d) for d in dtypes]
    found += [
        Task("gemm", device, partial(exact_gemm, torch, device, d), d, "integers") for d in dtypes
    ]
    if on_gpu:
        found.append(Task("gemm", device, partial(fp8_gemm, torch, device, capability), "fp8"))
    found += [Task("conv", device, partial(conv, torch, device, d), d) for d in dtypes]
    ways = tuple(SDPA_WAYS) if on_gpu else ("math", "flash")
    dtype = "fp16" if on_gpu else "fp32"
    found += [Task("sdpa", device, partial(sdpa, torch, device, dtype, w), dtype, w) for w in ways]
    found.append(Task("linalg_fft", device, partial(solve, torch, device), "fp32", "solve"))
    found.append(Task("linalg_fft", device, partial(svd, torch, device), "fp32", "svd"))
    found.append(Task("linalg_fft", device, partial(fft, torch, device), "fp32", "fft"))
    amp = "fp16" if on_gpu else "bf16"
    found.append(Task("train_step", device, partial(train, torch, device, amp), amp))
    if on_gpu:
        found.append(Task("graph", device, partial(graph, torch, device), "fp32"))
    return found


def seeded(torch: Any, seed: int) -> Any:
    """A generator on the CPU: every device computes with the same numbers."""
    return torch.Generator().manual_seed(seed)


def gemm(torch: Any, device: str, name: str) -> dict[str, Any]:
    """A product of random matrices."""
    dtype, source = set_dtype(torch, name), seeded(torch, 20)
    left = torch.randn(SIZE, SIZE, generator=source)
    right = torch.randn(SIZE, SIZE, generator=source)
    got = left.to(device, dtype) @ right.to(device, dtype)
    return against(limit(name, device), difference(got, left.double() @ right.double()))


def exact_gemm(torch: Any, device: str, name: str) -> dict[str, Any]:
    """A product of -1, 0 and 1, whose sums of 128 every dtype holds exactly."""
    dtype, source = set_dtype(torch, name), seeded(torch, 22)
    left = torch.randint(-1, 2, (SIZE, 128), generator=source).double()
    right = torch.randint(-1, 2, (128, SIZE), generator=source).double()
    got = left.to(device, dtype) @ right.to(device, dtype)
    return against(0.0, difference(got, left @ right))


def fp8_gemm(torch: Any, device: str, capability: tuple[int, int] | None) -> dict[str, Any]:
    """A product in FP8 (e4m3) by torch's public function, where it has one that takes it."""
    if capability is not None and capability < FP8:
        raise NotSupported("this GPU has no FP8")
    source = seeded(torch, 23)
    left = torch.randint(-1, 2, (SIZE, 128), generator=source).double()
    right = torch.randint(-1, 2, (128, SIZE), generator=source).double()
    try:
        got = _scaled(torch, device, left.float(), right.float())
    except (RuntimeError, TypeError, ValueError) as problem:
        if "CUDA error" in str(problem):
            raise
        raise NotSupported(f"FP8 did not run: {problem}"[:300]) from None
    return against(0.0, difference(got, left @ right))


def _scaled(torch: Any, device: str, left: Any, right: Any) -> Any:
    """The product through FP8, its second operand by columns, as the hardware wants it."""
    product, scaling = (api(torch, f"nn.functional.{n}") for n in ("scaled_mm", "ScalingType"))
    dtype, one = api(torch, "float8_e4m3fn"), torch.ones((), device=device)
    first = left.to(device).to(dtype)
    second = right.t().contiguous().to(device).to(dtype).t()
    way = scaling.TensorWise
    return product(first, second, one, way, one, way, output_dtype=torch.bfloat16)


def conv(torch: Any, device: str, name: str) -> dict[str, Any]:
    """A convolution, forwards and backwards to its image and its kernel."""
    dtype, source = set_dtype(torch, name), seeded(torch, 21)
    image = torch.randn(2, 16, 32, 32, generator=source)
    kernel = torch.randn(32, 16, 3, 3, generator=source)
    slope = torch.randn(2, 32, 30, 30, generator=source)
    exact = _convolved(torch, image.double(), kernel.double(), slope.double())
    values = (value.to(device, dtype) for value in (image, kernel, slope))
    got = _convolved(torch, *values)
    return against(limit(name, device), *(difference(g, e) for g, e in zip(got, exact)))


def _convolved(torch: Any, image: Any, kernel: Any, slope: Any) -> list[Any]:
    image, kernel = image.requires_grad_(), kernel.requires_grad_()
    result = torch.nn.functional.conv2d(image, kernel)
    result.backward(slope)
    return [value.detach() for value in (result, image.grad, kernel.grad)]


def sdpa(torch: Any, device: str, name: str, way: str) -> dict[str, Any]:
    """Attention by one of torch's ways, which is forced; why it is not to be had is told."""
    attention = api(torch, "nn.functional.scaled_dot_product_attention")
    try:
        import torch.nn.attention as ways
    except ImportError:
        raise NotSupported("this torch has no torch.nn.attention") from None
    chosen = api(torch, f"nn.attention.SDPBackend.{SDPA_WAYS[way]}")
    dtype, source = set_dtype(torch, name), seeded(torch, 24)
    query, key, value = (torch.randn(2, 4, 128, 64, generator=source) for _ in range(3))
    on_device = [entry.to(device, dtype) for entry in (query, key, value)]
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        try:
            with ways.sdpa_kernel(chosen):
                got = attention(*on_device)
        except RuntimeError as problem:
            if "No available kernel" not in str(problem):
                raise
            raise NotSupported(_why(told) or str(problem)) from None
    weights = torch.softmax(query.double() @ key.double().transpose(-2, -1) / 8.0, dim=-1)
    return against(LIMITS[name], difference(got, weights @ value.double()))


def _why(told: list[Any]) -> str:
    """What torch warned of, without the place in its sources."""
    lines = [str(entry.message).partition(" (Triggered internally")[0] for entry in told]
    kept = [line for line in lines if "not used because" not in line]
    return "; ".join(dict.fromkeys(kept))[:500]


def solve(torch: Any, device: str) -> dict[str, Any]:
    """Linear equations, by putting the answer in."""
    source = seeded(torch, 25)
    matrix = torch.randn(64, 64, generator=source) + 64 * torch.eye(64)
    right = torch.randn(64, 8, generator=source)
    got = api(torch, "linalg.solve")(matrix.to(device), right.to(device))
    return against(LIMITS["fp32"], difference(matrix.double() @ got.double().cpu(), right.double()))


def svd(torch: Any, device: str) -> dict[str, Any]:
    """Singular values, by multiplying the factors again."""
    matrix = torch.randn(64, 48, generator=seeded(torch, 26))
    found = api(torch, "linalg.svd")(matrix.to(device), full_matrices=False)
    left, values, right = (entry.double().cpu() for entry in found)
    return against(LIMITS["fp32"], difference((left * values) @ right, matrix.double()))


def fft(torch: Any, device: str) -> dict[str, Any]:
    """A Fourier transform, against the product with its matrix."""
    length = 64
    signal = torch.randn(16, length, generator=seeded(torch, 27))
    steps = torch.arange(length, dtype=torch.float64)
    angles = torch.outer(steps, steps) * (-2.0 * 3.141592653589793 / length)
    exact = torch.stack([signal.double() @ angles.cos(), signal.double() @ angles.sin()], dim=-1)
    got = torch.view_as_real(api(torch, "fft.fft")(signal.to(device)))
    return against(LIMITS["fp32"], difference(got, exact))


def train(torch: Any, device: str, name: str) -> dict[str, Any]:
    """A small model learns one batch under autocast: the loss falls, gradients are finite."""
    autocast, on_gpu = api(torch, "autocast"), device != "cpu"
    dtype = set_dtype(torch, name)
    torch.manual_seed(28)
    model = torch.nn.Sequential(
        torch.nn.Linear(32, 64), torch.nn.GELU(), torch.nn.Linear(64, 8)
    ).to(device)
    optimizer, is_fused = _adamw(torch, model, on_gpu)
    scaler = _scaler(torch) if on_gpu else None
    inputs, wanted = torch.randn(64, 32).to(device), torch.randn(64, 8).to(device)
    losses = []
    for _ in range(STEPS):
        optimizer.zero_grad(set_to_none=True)
        with autocast(device_type="cuda" if on_gpu else "cpu", dtype=dtype):
            loss = torch.nn.functional.mse_loss(model(inputs).float(), wanted)
        (scaler.scale(loss) if scaler else loss).backward()
        if scaler:
            scaler.step(optimizer)
            scaler.update()
        else:
            optimizer.step()
        losses.append(float(loss.detach()))
    if not all(bool(torch.isfinite(entry.grad).all()) for entry in model.parameters()):
        raise ArithmeticError("gradients are not finite after the last step")
    fallen = losses[-1] / losses[0]
    figures = {"first_loss": losses[0], "last_loss": losses[-1], "fused": float(is_fused)}
    return dict(against(LOSS_FALLS_TO, fallen if fallen == fallen else 1e30), figures=figures)


def _adamw(torch: Any, model: Any, on_gpu: bool) -> tuple[Any, bool]:
    """AdamW, fused on a GPU where this torch has that (2.0)."""
    if on_gpu:
        try:
            return torch.optim.AdamW(model.parameters(), lr=1e-2, fused=True), True
        except (TypeError, RuntimeError):
            pass
    return torch.optim.AdamW(model.parameters(), lr=1e-2), False


def _scaler(torch: Any) -> Any:
    general = getattr(getattr(torch, "amp", None), "GradScaler", None)  # torch 2.3
    return general("cuda") if general else torch.cuda.amp.GradScaler()


def graph(torch: Any, device: str) -> dict[str, Any]:
    """A CUDA graph is captured and replayed on other numbers."""
    record, whole = api(torch, "cuda.graph"), api(torch, "cuda.CUDAGraph")()
    set_dtype(torch, "fp32")
    torch.cuda.set_device(device)
    source = seeded(torch, 29)
    weight = torch.randn(SIZE, SIZE, generator=source).to(device)
    values = torch.zeros(SIZE, SIZE, device=device)
    side = torch.cuda.Stream()
    side.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(side):
        torch.relu(values @ weight)
    torch.cuda.current_stream().wait_stream(side)
    with record(whole):
        got = torch.relu(values @ weight)
    fresh = torch.randn(SIZE, SIZE, generator=source)
    values.copy_(fresh)
    whole.replay()
    torch.cuda.synchronize()
    exact = torch.relu(fresh.double() @ weight.double().cpu())
    return against(LIMITS["fp32"], difference(got, exact))
