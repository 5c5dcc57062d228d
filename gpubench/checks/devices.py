"""The GPUs as torch sees them, held against what the driver tells."""

from gpubench.checks.facts import torch_known
from gpubench.checks.outcome import Check, Outcome, ok, skip, unknown, warn
from gpubench.checks.proofs import gpu_of
from gpubench.env.snapshot import Snapshot
from gpubench.units import memory

MEMORY_GAP = 0.1
"""Of the memory that the driver tells; the context and ECC take a few per cent (own choice)."""


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
        id="torch.device_props",
        judge=memory_as_told,
        cause="gpu-degraded",
        needs=("torch.present", "torch.import", "cuda.init", "gpu.mig"),
        reference="NVML, nvmlDeviceGetMemoryInfo",
    ),
)
