"""What was found in the process that computed: which library files, and which devices."""

import re
from pathlib import PurePosixPath

from gpubench.checks.facts import torch_known
from gpubench.checks.outcome import Check, Outcome, fail, note, ok, skip, unknown, warn
from gpubench.checks.proofs import gpu_of, ran_right_on_gpu
from gpubench.checks.requirements import pin_of
from gpubench.env.snapshot import Snapshot
from gpubench.units import memory

MEMORY_GAP = 0.1
"""Of the memory that the driver tells; the context and ECC take a few per cent (own choice)."""
_OWN = re.compile(r"/(?:site|dist)-packages/")
_DRIVER = re.compile(r"/libcuda\.so")
_CUDNN = re.compile(r"/libcudnn[\w.-]*\.so")


def _loaded(snapshot: Snapshot) -> tuple[Outcome | None, tuple[str, ...]]:
    """The mapped files; else the outcome that says why there are none."""
    run = snapshot.torch_run
    if run is None:
        return torch_known(snapshot) or skip("it shows at --level standard"), ()
    if not run.loaded:
        reached = run.ended == "done"
        return skip("no CUDA library" if reached else "torch did not get that far"), ()
    return None, run.loaded


def one_cudnn(snapshot: Snapshot) -> Outcome:
    """All parts of cuDNN in the process come from one folder.

    Why: cuDNN 9 loads its parts by name when they are first needed; a part of another release,
    found on a path, ends the process with CUDNN_STATUS_SUBLIBRARY_VERSION_MISMATCH.
    Remedy: unset LD_LIBRARY_PATH, or remove the cuDNN of the system.
    """
    missing, loaded = _loaded(snapshot)
    if missing is not None:
        return missing
    files = [name for name in loaded if _CUDNN.search(name)]
    folders = sorted({str(PurePosixPath(name).parent) for name in files})
    if not files:
        return skip("no cuDNN was loaded")
    if len(folders) == 1:
        return ok(f"cuDNN comes from {folders[0]}")
    give = warn if ran_right_on_gpu(snapshot) else fail
    return give(
        f"parts of cuDNN come from {' and '.join(folders)}",
        "unset LD_LIBRARY_PATH and LD_PRELOAD; remove the cuDNN that is not torch's",
        files=files,
    )


def own_libraries(snapshot: Snapshot) -> Outcome:
    """The CUDA libraries in the process are those that came with torch.

    Why: a library of the system or of a toolkit, found first, is of another release than the
    one torch was tested with.
    Remedy: unset the variable that puts it first.
    """
    missing, loaded = _loaded(snapshot)
    if missing is not None:
        return missing
    if pin_of(snapshot, "nvidia-cudnn-cu") is None:
        return skip("this torch brings no CUDA libraries by name (conda, or built from source)")
    foreign = [name for name in loaded if not _is_own(snapshot, name)]
    if not foreign:
        return ok(f"all {len(loaded)} CUDA libraries are those of this environment")
    named = [name for name in ("LD_PRELOAD", "LD_LIBRARY_PATH") if name in snapshot.environment]
    through = f" by {' or '.join(named)}" if named else ""
    words = f"from outside this environment{through}: {', '.join(foreign)}"[:400]
    if not named and ran_right_on_gpu(snapshot):
        return note(f"{words}; it computes right all the same", files=foreign)
    return warn(
        words,
        f"unset {' '.join(named) or 'LD_LIBRARY_PATH LD_PRELOAD'}",
        confidence="likely" if named else "possible",
        files=foreign,
    )


def _is_own(snapshot: Snapshot, name: str) -> bool:
    """True for a file of a wheel, of the conda environment, or of the driver."""
    if _OWN.search(name) or _DRIVER.search(name):
        return True
    python = snapshot.python
    if python is None or python.kind != "conda":
        return False
    return name.startswith(f"{PurePosixPath(python.executable or '/?').parent.parent}/")


def memory_as_told(snapshot: Snapshot) -> Outcome:
    """As much memory of every GPU is seen by torch as the driver tells.

    Why: pages that were taken out of use, or a slice of a GPU where a whole one was meant, show
    as missing memory.
    Remedy: nvidia-smi -q -d ROW_REMAPPER,PAGE_RETIREMENT; nvidia-smi -L shows slices.
    """
    run = snapshot.torch_run
    if run is None:
        return torch_known(snapshot) or skip("it shows at --level standard")
    if not run.devices:
        return skip("torch sees no GPU")
    pairs = [(n, d, gpu_of(snapshot, f"cuda:{n}")) for n, d in enumerate(run.devices)]
    known = [(n, d.memory_bytes, g) for n, d, g in pairs if g and g.memory_bytes]
    whole = [(n, seen, g) for n, seen, g in known if not g.mig_enabled]
    if not known:
        return unknown("which GPU of the driver is which of torch's could not be told")
    if not whole:
        return skip("the GPUs are sliced (MIG)")
    for number, seen, gpu in whole:
        told = gpu.memory_bytes or 0
        if seen < (1 - MEMORY_GAP) * told:
            return warn(
                f"cuda:{number} has {memory(seen)}, the driver tells {memory(told)}",
                "nvidia-smi -q -d ROW_REMAPPER,PAGE_RETIREMENT,MEMORY",
                confidence="possible",
            )
    return ok(f"{len(whole)} GPUs have the memory the driver tells")


CHECKS = (
    Check(
        id="torch.cudnn_sublibs",
        judge=one_cudnn,
        cause="cudnn-mismatch",
        needs=("torch.present", "torch.import", "torch.cudnn", "env.ld_paths"),
        reference="pytorch/pytorch issue 188892",
    ),
    Check(
        id="torch.loaded_libs",
        judge=own_libraries,
        cause="library-path-shadowing",
        needs=("torch.present", "torch.import", "torch.cudnn_sublibs", "torch.cudnn", "torch.nccl"),
        reference="flashinfer-ai/flashinfer collect_env.py",
    ),
    Check(
        id="torch.device_props",
        judge=memory_as_told,
        cause="gpu-degraded",
        needs=("torch.present", "torch.import", "cuda.init", "gpu.mig"),
        reference="NVML, nvmlDeviceGetMemoryInfo",
    ),
)
