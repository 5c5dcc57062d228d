"""What works with torch: torchvision, NumPy, worker processes that hand tensors over.

Part of what is sent to the interpreter under test: torch, Python 3.8 and later.
"""

from __future__ import annotations

import re
from typing import Any

from gpubench.env.scripts.speaking import Task, say, words

SHARED_MIB = 72
"""A batch above the 64 MiB of shared memory that Docker gives by default."""
WORKER_SECONDS = 30.0
LIBRARIES = re.compile(
    r"/lib(cudnn|nccl|cublas|cudart|nvrtc|nvJitLink|cusolver|cusparse|cufft|curand|cuda)"
    r"[\w.-]*\.so[\w.]*$"
)


def tasks(torch: Any, devices: list[str]) -> list[Task]:
    """Proofs of companions, asked once and not of every GPU."""
    return [
        Task("numpy", "cpu", lambda: try_numpy(torch)),
        Task("torchvision", "cpu", lambda: try_torchvision(torch, devices)),
        Task("dataloader", "cpu", lambda: load(torch)),
    ]


def try_torchvision(torch: Any, devices: list[str]) -> dict[str, Any]:
    """Say whether ``torchvision::nms`` gives the right boxes; nothing where there is none."""
    try:
        import torchvision
    except ImportError as problem:
        if getattr(problem, "name", None) != "torchvision":
            say(torchvision_ops=False, torchvision_problem=words(problem))
        return {}
    except Exception as problem:
        say(torchvision_ops=False, torchvision_problem=words(problem))
        return {}
    try:
        boxes = torch.tensor([[0.0, 0, 10, 10], [1, 1, 11, 11], [20, 20, 30, 30]])
        for device in ["cpu", *devices[:1]]:
            scores = torch.tensor([0.9, 0.8, 0.7], device=device)
            kept = torchvision.ops.nms(boxes.to(device), scores, 0.5).tolist()
            say(torchvision_ops=kept == [0, 2])
    except Exception as problem:
        say(torchvision_ops=False, torchvision_problem=words(problem))
    return {}


def try_numpy(torch: Any) -> dict[str, Any]:
    """Say whether arrays reach torch; nothing where there is no NumPy."""
    try:
        import numpy as np
    except ImportError:
        return {}
    try:
        total = float(torch.from_numpy(np.ones(3)).sum())
        say(numpy_bridge=total == 3.0)
    except Exception as problem:
        say(numpy_bridge=False, numpy_problem=words(problem))
    return {}


def load(torch: Any) -> dict[str, Any]:
    """Two workers hand over tensors of 72 MiB through shared memory."""

    class Numbers(torch.utils.data.Dataset):
        def __len__(self) -> int:
            return 2

        def __getitem__(self, index: int) -> Any:
            return torch.full((SHARED_MIB * 2**18,), float(index + 1))

    loader = torch.utils.data.DataLoader(
        Numbers(),
        batch_size=None,
        num_workers=2,
        timeout=WORKER_SECONDS,
        multiprocessing_context="fork",
    )
    found = [(float(batch.min()), float(batch.max())) for batch in loader]
    error = 0.0 if found == [(1.0, 1.0), (2.0, 2.0)] else 1.0
    return {"error": error, "limit": 0.0, "figures": {"batch_bytes": SHARED_MIB * 2**20}}


def mapped() -> list[str]:
    """CUDA libraries in this process, by the files they came from."""
    with open("/proc/self/maps", encoding="utf-8", errors="replace") as stream:
        files = {line.split(None, 5)[-1].strip() for line in stream if "/" in line}
    return sorted(name for name in files if LIBRARIES.search(name))
