"""What eight H100 prove when nothing is wrong, and the ways to break one proof of it."""

import dataclasses

from gpubench.env.snapshot import Proof, Soak
from gpubench.units import Seconds

DTYPES = ("fp32", "tf32", "fp16", "bf16")
WAYS = ("math", "flash", "efficient", "cudnn")
GIB = 2**30


def _of_one_gpu(device):
    def proof(what, dtype="", **more):
        fields = {"what": what, "device": device, "dtype": dtype, "error": 1e-6, "limit": 1e-4}
        return Proof(**{**fields, **more})

    memory = {"free_bytes": 78.0 * GIB, "held_bytes": 70.2 * GIB, "wanted_bytes": 70.2 * GIB}
    speed = {"host_to_device_gb_s": 54.0, "device_to_host_gb_s": 53.0, "pcie_generation": 5.0}
    return (
        proof("alloc", error=0.0, limit=0.0, figures=memory),
        *(proof("gemm", dtype) for dtype in DTYPES),
        *(proof("gemm", dtype, variant="integers", error=0.0, limit=0.0) for dtype in DTYPES),
        *(proof("conv", dtype) for dtype in DTYPES),
        *(proof("sdpa", "fp16", variant=way) for way in WAYS),
        *(proof("linalg_fft", "fp32", variant=way) for way in ("solve", "svd", "fft")),
        proof("train_step", "fp16", error=0.03, limit=0.5),
        proof("graph", "fp32"),
        proof("repeat", "fp16", error=0.0, limit=0.0, figures={"times": 200.0}),
        proof("copy", error=0.0, limit=0.0, figures={**speed, "pcie_width": 16.0}),
        proof("soak", "fp16", error=0.0, limit=0.0),
    )


PROOFS = (
    *(proof for n in range(8) for proof in _of_one_gpu(f"cuda:{n}")),
    Proof(what="dataloader", device="cpu", error=0.0, limit=0.0),
    Proof(what="compile", device="cuda:0", dtype="fp32", variant="default", error=0.0, limit=1e-4),
    *(
        Proof(
            what="p2p",
            device=f"cuda:{a}->cuda:{b}",
            error=0.0,
            limit=0.0,
            figures={"gb_s": 300.0, "peer_access": 1.0},
        )
        for a in range(8)
        for b in range(8)
        if a != b
    ),
    *(
        Proof(what="nccl", device="cuda:0-7", dtype="nccl", variant=name, error=0.0, limit=0.0)
        for name in ("all_reduce", "all_gather", "reduce_scatter")
    ),
)
SOAKS = tuple(
    Soak(
        device=f"cuda:{n}",
        seconds=Seconds(30.0),
        tflops=620.0,
        tflops_lowest=612.0,
        sm_clock_mhz=1755.0,
        sm_clock_mhz_lowest=1740.0,
        power_watts=690.0,
        temperature_c=62.0,
        ecc_uncorrected=0,
        throttled={"software power cap": 0.9},
    )
    for n in range(8)
)


def but(proofs, what, device=None, variant=None, **fields):
    """``proofs`` with those of one kind (on one device, in one variant) changed."""
    return tuple(
        dataclasses.replace(proof, **fields)
        if proof.what == what
        and device in (None, proof.device)
        and variant in (None, proof.variant)
        else proof
        for proof in proofs
    )
