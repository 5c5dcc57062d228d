"""Imports torch and computes a little with it on every device.

Sent to the interpreter under test on stdin: standard library and torch, Python 3.8 and later.
Prints one JSON object per line, each as soon as it is known, because any step may hang or end
the process: ``{"phase": ...}`` says what begins, everything else is a fact.
"""

from __future__ import annotations

import sys

sys.path[:] = [entry for entry in sys.path if entry]

import json
import math
import os
import re
from typing import Any, Callable

answers = os.fdopen(os.dup(1), "w")
os.dup2(2, 1)

SIZE = 256
LIMITS = {"fp32": 1e-4, "tf32": 5e-3, "fp16": 1e-2, "bf16": 5e-2}
"""Largest error allowed, relative to the largest entry; about ten times what the dtype's
rounding gives in a sum of 256 products (own measurement on CPU and Hopper)."""
UNSUPPORTED = re.compile(
    r"not implemented|not supported|NOT_SUPPORTED|unsupported dtype", re.IGNORECASE
)
NO_ENGINE = re.compile(
    r"unable to find an engine|no valid engine configs|unable to find a valid engine", re.IGNORECASE
)
"""cuDNN has no kernel for this dtype on this device; of FP32 that would be a fault."""
TENSOR_CORES = (8, 0)
"""The first compute capability with BF16 and TF32."""


def say(**facts: Any) -> None:
    answers.write(json.dumps(facts) + "\n")
    answers.flush()


def words(problem: Exception) -> str:
    return f"{type(problem).__name__}: {problem}"[:2000]


def describe_build(torch: Any) -> None:
    """What torch says of itself, each fact on its own: a foreign cuDNN lets one of them raise."""
    attempt("version", lambda: str(torch.__version__))
    attempt("cuda", lambda: torch.version.cuda)
    attempt(
        "cudnn", lambda: decoded(torch.backends.cudnn.version()) if torch.version.cuda else None
    )
    attempt("architectures", lambda: compiled_for(torch))


def attempt(name: str, fact: Callable[[], Any]) -> None:
    """Say one fact; why it cannot be had goes among the last words."""
    try:
        value = fact()
    except Exception as problem:
        sys.stderr.write(f"{name}: {words(problem)}\n")
        return
    if value is not None:
        say(**{name: value})


def compiled_for(torch: Any) -> list[str] | None:
    private = vars(torch)["_C"]  # get_arch_list() is empty where CUDA is not available
    flags = getattr(private, "_cuda_getArchFlags", lambda: None)()
    return flags.split() if flags else None


def decoded(code: int | None) -> str | None:
    """A cuDNN version as text: 8902 is 8.9.2, 91002 is 9.10.2."""
    if not code:
        return None
    scale = 10000 if code >= 90000 else 1000
    return f"{code // scale}.{code % scale // 100}.{code % 100}"


def start_cuda(torch: Any) -> dict[str, tuple[int, int]]:
    """Each device CUDA answers with and its compute capability; why there are none is said."""
    if not torch.version.cuda and not getattr(torch.version, "hip", None):
        say(cuda_available=False)
        return {}
    try:
        torch.cuda.init()
    except Exception as problem:
        say(cuda_available=False, cuda_problem=words(problem))
        return {}
    devices = []
    capabilities = {}
    for index in range(torch.cuda.device_count()):
        properties = torch.cuda.get_device_properties(index)
        capabilities[f"cuda:{index}"] = (properties.major, properties.minor)
        devices.append(
            {
                "name": properties.name,
                "capability": f"{properties.major}.{properties.minor}",
                "memory_bytes": properties.total_memory,
            }
        )
    say(cuda_available=torch.cuda.is_available(), devices=devices)
    return capabilities


def prove(torch: Any, device: str, capability: tuple[int, int] | None) -> None:
    """Each computation, held against FP64 on the CPU; a failure leaves the others."""
    names = ["fp32", "tf32", "fp16", "bf16"] if device != "cpu" else ["fp32", "bf16"]
    for what, compute in (("gemm", gemm), ("conv", conv)):
        for name in names:
            say(phase=f"{what} {name} {device}")
            proof = {"what": what, "device": device, "dtype": name, "limit": LIMITS[name]}
            try:
                proof["error"] = compute(torch, device, name)
            except Exception as problem:
                proof["problem"] = words(problem)
                proof["is_supported"] = is_supported(str(problem), name, capability)
            say(proof=proof)


def is_supported(said: str, name: str, capability: tuple[int, int] | None) -> bool:
    """False where an exception says no more than that the device cannot do this dtype."""
    if name in ("bf16", "tf32") and capability is not None and capability < TENSOR_CORES:
        return False
    return not (UNSUPPORTED.search(said) or (name != "fp32" and NO_ENGINE.search(said)))


def dtype_of(torch: Any, name: str) -> Any:
    allowed = name == "tf32"
    torch.backends.cuda.matmul.allow_tf32 = allowed
    torch.backends.cudnn.allow_tf32 = allowed
    return {"fp16": torch.float16, "bf16": torch.bfloat16}.get(name, torch.float32)


def gemm(torch: Any, device: str, name: str) -> float:
    dtype = dtype_of(torch, name)
    seeded = torch.Generator().manual_seed(20)
    left = torch.randn(SIZE, SIZE, generator=seeded)
    right = torch.randn(SIZE, SIZE, generator=seeded)
    got = left.to(device, dtype) @ right.to(device, dtype)
    return difference(got, left.double() @ right.double())


def conv(torch: Any, device: str, name: str) -> float:
    dtype = dtype_of(torch, name)
    seeded = torch.Generator().manual_seed(21)
    image = torch.randn(2, 16, 32, 32, generator=seeded)
    kernel = torch.randn(32, 16, 3, 3, generator=seeded)
    convolve = torch.nn.functional.conv2d
    got = convolve(image.to(device, dtype), kernel.to(device, dtype))
    return difference(got, convolve(image.double(), kernel.double()))


def difference(got: Any, exact: Any) -> float:
    """Largest error relative to the largest exact entry; NaN and infinity are everything wrong."""
    error = float((got.double().cpu() - exact).abs().max() / exact.abs().max())
    return error if math.isfinite(error) else 1e30


def try_torchvision(torch: Any, devices: list[str]) -> None:
    say(phase="torchvision")
    try:
        import torchvision
    except ImportError as problem:
        if getattr(problem, "name", None) != "torchvision":
            say(torchvision_ops=False, torchvision_problem=words(problem))
        return
    except Exception as problem:
        say(torchvision_ops=False, torchvision_problem=words(problem))
        return
    try:
        boxes = torch.tensor([[0.0, 0, 10, 10], [1, 1, 11, 11], [20, 20, 30, 30]])
        for device in ["cpu", *devices[:1]]:
            scores = torch.tensor([0.9, 0.8, 0.7], device=device)
            kept = torchvision.ops.nms(boxes.to(device), scores, 0.5).tolist()
            say(torchvision_ops=kept == [0, 2])
    except Exception as problem:
        say(torchvision_ops=False, torchvision_problem=words(problem))


def try_numpy(torch: Any) -> None:
    say(phase="numpy")
    try:
        import numpy as np
    except ImportError:
        return
    try:
        total = float(torch.from_numpy(np.ones(3)).sum())
        say(numpy_bridge=total == 3.0)
    except Exception as problem:
        say(numpy_bridge=False, numpy_problem=words(problem))


def mapped() -> list[str]:
    """CUDA libraries in this process, by the files they came from."""
    wanted = re.compile(r"/lib(cudnn|nccl|cublas|cudart|nvrtc|nvJitLink|cuda)[\w.-]*\.so[\w.]*$")
    with open("/proc/self/maps", encoding="utf-8", errors="replace") as stream:
        files = {line.split(None, 5)[-1].strip() for line in stream if "/" in line}
    return sorted(name for name in files if wanted.search(name))


def main() -> None:
    say(phase="import")
    import torch

    say(imported=True)
    describe_build(torch)
    say(phase="cuda")
    devices = start_cuda(torch)
    for device in devices or ["cpu"]:
        prove(torch, device, devices.get(device))
    try_numpy(torch)
    try_torchvision(torch, list(devices))
    attempt("loaded", mapped)
    say(phase="done")


try:
    main()
except Exception as problem:
    say(problem=words(problem))
    raise
