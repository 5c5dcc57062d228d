"""What moves data: the host link, the paths between GPUs, and collectives over all of them."""

import re
import statistics

from gpubench.checks.facts import gpu_computed
from gpubench.checks.outcome import Check, Outcome, fail, note, ok, skip, unknown, warn
from gpubench.checks.proofs import (
    LOOK_AT_LOG,
    Blame,
    fault,
    gpu_of,
    none_of,
    right,
    trouble,
    words,
)
from gpubench.env.snapshot import Gpu, Proof, Snapshot, TorchRun
from gpubench.knowledge.tables import known_error
from gpubench.units import count, significant

LANE_GB_S = {1: 0.25, 2: 0.5, 3: 0.985, 4: 1.969, 5: 3.938, 6: 7.563}
"""GB/s one lane carries in one direction, by PCIe generation (PCI-SIG, after encoding)."""
LEAST_SHARE = 0.7
"""Of what the link carries; pinned copies reach 0.8 to 0.85 (Azure: 48 of 63 GB/s on an H100)."""
BEHIND_SIBLINGS = 0.8
"""A GPU this far below the median of its like is itself slow, not the machine (own choice)."""
DIRECTIONS = ("host_to_device_gb_s", "device_to_host_gb_s")
_SHM = re.compile(r"No space left on device|shared memory segment|/dev/shm", re.IGNORECASE)
_INTERFACE = re.compile(
    r"no socket interface|Bootstrap\s*: no|unable to find.*interface", re.IGNORECASE
)


def copies(snapshot: Snapshot) -> Outcome:
    """Data reaches every GPU and comes back as it was, at the speed of the link.

    Why: a link on fewer lanes or an older generation, a wrong NUMA node or a strict IOMMU feed
    a GPU at a fraction. The link is read while data flows: idle, it is allowed to be slow.
    Remedy: reseat a card that alone is slow; else bind to its NUMA node, set iommu=pt.
    """
    missing = none_of(snapshot, "copy")
    run = snapshot.torch_run
    if missing is not None or run is None:
        return missing or unknown("nothing was copied")
    proofs = run.of("copy")
    wrong = trouble(snapshot, proofs, Blame())
    if wrong is not None:
        return wrong
    slow = [(p, gpu) for p in proofs if (gpu := gpu_of(snapshot, p.device)) and _is_slow(p, gpu)]
    figures = {proof.device: _speeds(proof) for proof in proofs if proof.figures}
    if slow:
        return _slow(slow, proofs, figures)
    lowest = min((_slowest(proof) for proof in proofs if proof.figures), default=None)
    at = f", at least {significant(lowest)} GB/s" if lowest else ""
    return ok(f"right on {count(len(proofs), 'GPU')}{at}")


def _speeds(proof: Proof) -> dict[str, float]:
    return {name: value for name, value in proof.figures.items() if name.endswith("gb_s")}


def _slowest(proof: Proof) -> float:
    return min(proof.figures.get(name, float("inf")) for name in DIRECTIONS)


def _carries(gpu: Gpu) -> float | None:
    """GB/s the link of this GPU carries at its best; None where that is not known."""
    lane = LANE_GB_S.get(gpu.pcie_generation_max or 0)
    return lane * gpu.pcie_width_max if lane and gpu.pcie_width_max else None


def _is_slow(proof: Proof, gpu: Gpu) -> bool:
    carries = _carries(gpu)
    return carries is not None and _slowest(proof) < LEAST_SHARE * carries


def _slow(
    slow: list[tuple[Proof, Gpu]], proofs: tuple[Proof, ...], figures: dict[str, dict[str, float]]
) -> Outcome:
    """One GPU behind its like, or a link below its best, is a fault; all alike is the host's."""
    median = statistics.median(_slowest(proof) for proof in proofs)
    odd = [
        (proof, gpu)
        for proof, gpu in slow
        if _slowest(proof) < BEHIND_SIBLINGS * median or _is_narrow(proof, gpu)
    ]
    proof, gpu = (odd or slow)[0]
    said = (
        f"{proof.device}: {significant(_slowest(proof))} GB/s, its link carries "
        f"{significant(_carries(gpu) or 0.0)} GB/s"
    )
    if odd:
        steps = ("reseat the card; check riser, slot and BIOS", "nvidia-smi -q -d PCI")
        return warn(said, *steps, cause="gpu-degraded", confidence="likely", speeds=figures)
    return warn(
        said,
        "numactl --cpunodebind=NODE --membind=NODE; nvidia-smi topo -m shows the node",
        cause="host-tuning",
        confidence="possible",
        speeds=figures,
    )


def _is_narrow(proof: Proof, gpu: Gpu) -> bool:
    """True where the link was seen below its best while data flowed."""
    seen = {name: proof.figures.get(name) for name in ("pcie_generation", "pcie_width")}
    return any(
        value is not None and value < (getattr(gpu, f"{name}_max") or 0)
        for name, value in seen.items()
    )


def peers_agree(snapshot: Snapshot) -> Outcome:
    """What one GPU sends to another arrives as it was, for every ordered pair.

    Why: with access control on PCIe bridges or a strict IOMMU, peer copies are lost without an
    error, and collectives hang or compute nonsense.
    Remedy: switch ACS off in the BIOS, or iommu=pt; NCCL_P2P_DISABLE=1 as a stop-gap.
    """
    missing = none_of(snapshot, "p2p")
    run = snapshot.torch_run
    if run is not None and missing is not None and len(run.devices) < 2:
        return skip("there are no two GPUs")
    if missing is not None or run is None:
        return missing or unknown("nothing was sent")
    proofs = run.of("p2p")
    wrong = trouble(snapshot, proofs, P2P)
    if wrong is not None:
        return wrong
    speeds = {proof.device: proof.figures["gb_s"] for proof in proofs if "gb_s" in proof.figures}
    direct = sum(bool(proof.figures.get("peer_access")) for proof in proofs)
    lowest = f", at least {significant(min(speeds.values()))} GB/s" if speeds else ""
    return ok(f"{count(len(proofs), 'pair')} right, {direct} of them directly{lowest}")


P2P = Blame(
    software="p2p-broken",
    gpu="p2p-broken",
    remedy=(
        "switch ACS off in the BIOS, or boot with iommu=pt",
        "export NCCL_P2P_DISABLE=1, as a stop-gap that costs speed",
    ),
)


def reduces(snapshot: Snapshot) -> Outcome:
    """Collectives over all GPUs give the right values: NCCL, or gloo without a GPU.

    Why: training on several GPUs hangs or learns nonsense where they do not; values are
    asserted, which bandwidth tests do not do.
    Remedy: by what NCCL says; NCCL_DEBUG=INFO says more.
    """
    missing = none_of(snapshot, "nccl")
    run = snapshot.torch_run
    if missing is not None or run is None:
        return missing or unknown("nothing was reduced")
    proofs = [proof for proof in run.of("nccl") if proof.is_supported]
    bad = [proof for proof in proofs if not proof.agrees]
    if not bad:
        return _reduced(proofs)
    if not any(proof.device.startswith("cuda") for proof in bad):
        return _without_gpu(snapshot, bad)
    return _by_what_nccl_said(snapshot, run, bad)


def _reduced(proofs: list[Proof]) -> Outcome:
    bus = [proof for proof in proofs if "bus_gb_s" in proof.figures]
    best = max(bus, key=lambda proof: proof.figures["bus_gb_s"], default=None)
    names = ", ".join(proof.variant for proof in proofs if proof not in bus)
    first = proofs[0]
    said = f"{names} right over {first.device}"
    if best is None or not best.figures["bus_gb_s"]:
        return ok(said)
    how = f" ({best.detail})" if best.detail else ""
    return ok(f"{said}; {significant(best.figures['bus_gb_s'])} GB/s bus bandwidth{how}")


def _without_gpu(snapshot: Snapshot, bad: list[Proof]) -> Outcome:
    """By gloo over the loopback, which a sandbox may lack; wrong values are a fault."""
    if any(proof.problem is None for proof in bad):
        return trouble(snapshot, bad, Blame()) or right(bad)
    if any(proof.ended == "timeout" for proof in bad):
        return unknown(f"{bad[0].name} did not finish in the time there was")
    return note(f"processes cannot reduce together here: {fault(bad[0])}"[:300])


def _by_what_nccl_said(snapshot: Snapshot, run: TorchRun, bad: list[Proof]) -> Outcome:
    """Wrong values and hangs point at the paths between GPUs, words at what they name."""
    first, said = bad[0], "\n".join(words(proof) for proof in bad)
    row = known_error(said)
    if first.ended == "timeout" and (first.seconds or 0.0) < _HURRIED_SECONDS:
        return unknown(f"{first.name} did not finish in the time there was; raise --timeout")
    if row and "cause" not in row:
        return unknown(f"{first.name}: {row['meaning']}")
    cause, steps = _nccl_cause(said, several=len(run.devices) > 1)
    wrong = first.problem is None
    return fail(
        f"{first.name}: {fault(first)}"[:300],
        *((row["remedy"],) if row and "remedy" in row else steps),
        cause=row["cause"] if row else cause,
        confidence="likely" if row or wrong or cause == "shm-too-small" else "possible",
        failed=[proof.name for proof in bad],
        said=list(first.last_words),
        gpus_compute_alone=gpu_computed(snapshot),
    )


_HURRIED_SECONDS = 10.0


def _nccl_cause(said: str, *, several: bool) -> tuple[str, tuple[str, ...]]:
    if _SHM.search(said):
        return "shm-too-small", ("docker run --shm-size=8g (or --ipc=host)",)
    if _INTERFACE.search(said):
        return "host-resources", ("unset NCCL_SOCKET_IFNAME, or name an interface that is there",)
    debug = "NCCL_DEBUG=INFO gpubench doctor --level deep shows what NCCL does"
    if several:
        return "p2p-broken", ("export NCCL_P2P_DISABLE=1, and try again", debug, LOOK_AT_LOG)
    return "nccl-mismatch", ("pip install --force-reinstall torch, with the NCCL it pins", debug)


CHECKS = (
    Check(
        id="fn.copy",
        judge=copies,
        cause="gpu-hardware-fault",
        needs=("torch.present", "torch.import", "fn.gemm", "pcie.width"),
        reference="Azure/azurehpc-health-checks conf; NVIDIA/DCGM issue 184",
    ),
    Check(
        id="fn.p2p",
        judge=peers_agree,
        cause="p2p-broken",
        needs=("torch.present", "torch.import", "fn.gemm"),
        reference="NVIDIA/nccl-tests issue 117; NVIDIA/nccl issue 2079",
    ),
    Check(
        id="fn.nccl",
        judge=reduces,
        cause="nccl-mismatch",
        needs=(
            "torch.present",
            "torch.import",
            "torch.nccl",
            "cuda.init",
            "fn.gemm",
            "fn.p2p",
            "host.shm",
        ),
        reference="NVIDIA NCCL user guide, troubleshooting",
    ),
)
