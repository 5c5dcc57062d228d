"""Imports torch and computes a little with it on one device.

Sent to the interpreter under test: standard library and torch, Python 3.8 and later.
"""

from __future__ import annotations

import hashlib
import sys
from typing import Any

from gpubench.env.scripts import companions, computing, memory, stress
from gpubench.env.scripts.exactness import is_fault
from gpubench.env.scripts.speaking import attempt, prove, say, start, words


def describe_build(torch: Any) -> None:
    """What torch says of itself, each fact on its own: a foreign cuDNN lets one of them raise."""
    attempt("version", lambda: str(torch.__version__))
    attempt("cuda", lambda: torch.version.cuda)
    attempt(
        "cudnn", lambda: decoded(torch.backends.cudnn.version()) if torch.version.cuda else None
    )
    attempt("architectures", lambda: compiled_for(torch))


def compiled_for(torch: Any) -> list[str] | None:
    """What torch holds code for."""
    private = vars(torch)["_C"]  # get_arch_list() is empty where CUDA is not available
    flags = getattr(private, "_cuda_getArchFlags", lambda: None)()
    return flags.split() if flags else None


def decoded(code: int | None) -> str | None:
    """A cuDNN version as text: 8902 is 8.9.2, 91002 is 9.10.2."""
    if not code:
        return None
    scale = 10000 if code >= 90000 else 1000
    return f"{code // scale}.{code % scale // 100}.{code % 100}"


def start_cuda(torch: Any, *, tell: bool) -> dict[str, tuple[int, int]]:
    """Each device CUDA answers with and its compute capability; why there are none is said."""
    if not torch.version.cuda and not getattr(torch.version, "hip", None):
        if tell:
            say(cuda_available=False)
        return {}
    try:
        torch.cuda.init()
    except Exception as problem:
        if tell:
            say(cuda_available=False, cuda_problem=words(problem))
        return {}
    found = [torch.cuda.get_device_properties(n) for n in range(torch.cuda.device_count())]
    if tell:
        devices = [described(properties) for properties in found]
        say(cuda_available=torch.cuda.is_available(), devices=devices)
    return {f"cuda:{n}": (p.major, p.minor) for n, p in enumerate(found)}


def described(properties: Any) -> dict[str, Any]:
    """One device; its UUID as the hash by which the driver's own is shown too."""
    uuid = getattr(properties, "uuid", None)  # torch 2.5
    return {
        "name": properties.name,
        "capability": f"{properties.major}.{properties.minor}",
        "memory_bytes": properties.total_memory,
        "uuid": hashlib.sha256(f"GPU-{uuid}".encode()).hexdigest()[:16] if uuid else None,
    }


def main() -> None:
    """Prove ``device`` (default: the first there is); with ``describe``, torch itself too."""
    wish = start()
    describe, deep = wish["describe"], wish["deep"]
    say(phase="import")
    import torch

    say(imported=True)
    if describe:
        describe_build(torch)
    say(phase="cuda")
    devices = start_cuda(torch, tell=describe)
    device = wish["device"] or next(iter(devices), "cpu")
    if device != "cpu" and device not in devices:
        raise RuntimeError(f"{device} is no longer there: torch sees {len(devices)} devices")
    tasks = memory.tasks(torch, device, deep=deep)
    tasks += computing.tasks(torch, device, devices.get(device))
    tasks += stress.repetition(torch, device) if deep else []
    tasks += companions.tasks(torch, list(devices)) if wish["companions"] else []
    capability = devices.get(device)

    def still_works() -> bool:
        if device == "cpu":
            return True
        try:
            return float(torch.ones(1, device=device).add(1.0)) == 2.0
        except Exception as problem:
            sys.stderr.write(words(problem) + "\n")
            return False

    prove(tasks, wish["skip"], lambda s, d: is_fault(s, d, capability), still_works)
    if wish["companions"]:
        attempt("loaded", companions.mapped)
    say(phase="done")
