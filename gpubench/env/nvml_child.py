"""Asks NVML everything the snapshot wants to know; run in a process of its own by ``nvml.py``.

Prints one JSON object per line as soon as it is known, because any call may hang:
``{"begin": call}``, ``{"library": {...}}``, ``{"gpu": 3, "values": {...}}`` or
``{"gpu": 3, "field": name, "code": 15, "message": ...}``.
"""

import contextlib
import json
import sys
from typing import Any

from gpubench.env.nvml_links import LINK_QUERIES, peer_access
from gpubench.env.nvml_queries import QUERIES
from gpubench.env.nvml_question import FUNCTION_NOT_FOUND, INVALID_ARGUMENT, refusals, text_of

SUCCESS = 0
MAX_GPUS = 64
"""GPUs that are asked; a count above ``ABSURD`` is no count at all."""
ABSURD = 4096


def say(**event: Any) -> None:
    """Write one event and push it out at once."""
    sys.stdout.write(json.dumps(event) + "\n")
    sys.stdout.flush()


def describe_library(nvml: Any) -> None:
    """The driver and CUDA release of the user-space library, each where it can be had."""
    try:
        say(library={"driver_version": text_of(nvml.nvmlSystemGetDriverVersion)})
    except (nvml.NVMLError, AttributeError):
        say(library={"driver_version": None})
    try:
        code = nvml.nvmlSystemGetCudaDriverVersion()
        say(library={"cuda_version": f"{code // 1000}.{code % 1000 // 10}"})
    except (nvml.NVMLError, AttributeError):
        say(library={"cuda_version": None})
    say(begin="reading the state of confidential computing")
    with contextlib.suppress(nvml.NVMLError, *refusals(nvml)):
        enabled = bool(nvml.nvmlSystemGetConfComputeState().ccFeature)
        say(library={"cc_enabled": enabled})
        if enabled:
            say(library={"cc_ready": bool(nvml.nvmlSystemGetConfComputeGpusReadyState())})


def describe_gpu(nvml: Any, index: int) -> Any:
    """One GPU, and its handle; a lost one says so, gives None and leaves the others to be asked."""
    say(begin=f"nvmlDeviceGetHandleByIndex, GPU {index}")
    try:
        gpu = nvml.nvmlDeviceGetHandleByIndex(index)
    except nvml.NVMLError as problem:
        say(gpu=index, field="error_code", code=problem.value, message=str(problem))
        return None
    say(gpu=index, values={})
    for field, query in (*QUERIES, *LINK_QUERIES):
        say(begin=f"reading {field}, GPU {index}")
        try:
            say(gpu=index, values=query(nvml, gpu))
        except nvml.NVMLError as problem:
            say(gpu=index, field=field, code=problem.value, message=str(problem))
        except refusals(nvml) as problem:
            say(gpu=index, field=field, code=FUNCTION_NOT_FOUND, message=str(problem))
    return gpu


def describe_peers(nvml: Any, handles: dict[int, Any]) -> None:
    """Peer access between every two GPUs; nothing where the driver does not tell."""
    if len(handles) < 2:
        return
    for index in handles:
        say(begin=f"reading peer access, GPU {index}")
        try:
            say(gpu=index, values=peer_access(nvml, index, handles))
        except (nvml.NVMLError, *refusals(nvml)):
            return


def main() -> None:
    """Ask everything and print it."""
    try:
        import pynvml as nvml
    except ImportError as problem:
        say(binding=str(problem))
        return
    say(begin="nvmlInit")
    try:
        nvml.nvmlInit()
        count = int(nvml.nvmlDeviceGetCount())
    except nvml.NVMLError as problem:
        say(library={"code": problem.value, "message": str(problem)})
        return
    told = count if 0 <= count <= ABSURD else None
    say(library={"code": SUCCESS, "message": "", "device_count": told})
    describe_library(nvml)
    handles = {}
    for index in range(min(count, MAX_GPUS)):
        if told is None and not _exists(nvml, index):
            break
        handle = describe_gpu(nvml, index)
        if handle is not None:
            handles[index] = handle
    describe_peers(nvml, handles)
    say(end=True)


def _exists(nvml: Any, index: int) -> bool:
    """False past the last GPU, where the count is not to be believed."""
    try:
        nvml.nvmlDeviceGetHandleByIndex(index)
    except nvml.NVMLError as problem:
        return bool(problem.value != INVALID_ARGUMENT)
    return True
