"""What a training needs of torch beside products: memory, cuDNN, attention, compiling, workers."""

import re

from gpubench.checks.outcome import Check, Outcome, fail, note, skip, unknown, warn
from gpubench.checks.proofs import Blame, fault, gpu_of, none_of, proved, right, trouble, words
from gpubench.env.snapshot import Proof, Snapshot
from gpubench.units import memory

LEAST_SHARE = 0.9
"""Of what is asked for, which is 0.9 of the free memory: so 0.8 of that (DCGM issue 284)."""
_NO_COMPILER = re.compile(
    r"C compiler|InvalidCxxCompiler|CppCompileError|Python\.h|\b(?:gcc|g\+\+|cc|clang)\b.*"
    r"(?:not found|No such file|failed)|there is no C\+\+ compiler"
)
_TRITON = re.compile(r"triton", re.IGNORECASE)
_SHM = re.compile(r"[Bb]us error|SIGBUS|shared memory|No space left on device|/dev/shm|/torch_\d")


def memory_holds(snapshot: Snapshot) -> Outcome:
    """The free memory can be had, and keeps what is written.

    Why: nine tenths of it are filled with a pattern and read again; a GPU with bad memory, or
    one that gives out less than it says is free, fails here and not after hours.
    Remedy: see who holds the memory; a GPU whose values change is to be replaced.
    """
    outcome = proved(snapshot, "alloc")
    run = snapshot.torch_run
    if run is None or outcome.is_trouble or none_of(snapshot, "alloc") is not None:
        return outcome
    short = [p for p in run.of("alloc") if p.on_gpu and _share(p) < LEAST_SHARE]
    return _short(snapshot, short[0]) if short else outcome


def _share(proof: Proof) -> float:
    """What was had of what was asked for; 1 where it was not told."""
    wanted = proof.figures.get("wanted_bytes")
    return proof.figures.get("held_bytes", 0.0) / wanted if wanted else 1.0


def _short(snapshot: Snapshot, proof: Proof) -> Outcome:
    """Less than was free: others took it, or the GPU does not have it."""
    held, free = (memory(int(proof.figures.get(n, 0))) for n in ("held_bytes", "free_bytes"))
    said = f"{proof.device}: {free} are free, only {held} can be had"
    gpu = gpu_of(snapshot, proof.device)
    if gpu is None or gpu.process_count:
        return unknown(f"{said}; another program may have taken it")
    return fail(
        said,
        "nvidia-smi shows who holds memory; where nobody does: nvidia-smi -q -d MEMORY,ECC",
        cause="gpu-hardware-fault",
        confidence="possible",
    )


def convolves(snapshot: Snapshot) -> Outcome:
    """Convolutions are right, forwards and backwards, on every device.

    Why: on a GPU they go through cuDNN, whose parts are loaded when they are first needed.
    Remedy: install the cuDNN that torch pins; a GPU that alone is wrong is to be tested.
    """
    return proved(snapshot, "conv", Blame(software=_cudnn_or_torch(snapshot)))


def _cudnn_or_torch(snapshot: Snapshot) -> str:
    run = snapshot.torch_run
    return "cudnn-mismatch" if run is not None and run.devices else "torch-install-damaged"


def attends(snapshot: Snapshot) -> Outcome:
    """Attention is right by every kernel that torch has for it here.

    Why: torch chooses among flash, memory-efficient, cuDNN and plain attention by shapes; each
    is forced once. One that is not to be had here is only slower.
    Remedy: install torch and cuDNN of one release; a GPU that alone is wrong is to be tested.
    """
    outcome = proved(snapshot, "sdpa")
    run = snapshot.torch_run
    gone = {p.variant: p.problem or "" for p in run.of("sdpa") if not p.is_supported} if run else {}
    if not gone or outcome.is_trouble or run is None or none_of(snapshot, "sdpa") is not None:
        return outcome
    why = "; ".join(
        f"{name}: {said.splitlines()[0] if said else '?'}" for name, said in gone.items()
    )
    return note(f"{outcome.reason}; not to be had here: {why}"[:400], unavailable=gone)


def solves(snapshot: Snapshot) -> Outcome:
    """Linear equations, singular values and Fourier transforms are right.

    Why: they come from libraries of their own (cuSOLVER, cuFFT, LAPACK) that nothing else loads.
    Remedy: install torch and the libraries it pins again.
    """
    return proved(snapshot, "linalg_fft")


def trains(snapshot: Snapshot) -> Outcome:
    """A small model learns under autocast: its loss falls, its gradients are finite.

    Why: autocast, loss scaling, the fused optimizer and backward kernels work together here.
    Remedy: by what failed.
    """
    return proved(snapshot, "train_step")


def captures(snapshot: Snapshot) -> Outcome:
    """A CUDA graph is captured and replayed.

    Why: torch.compile in mode reduce-overhead and several serving stacks depend on it.
    Remedy: update the driver; leave CUDA graphs off meanwhile.
    """
    return proved(snapshot, "graph", Blame(mild=True))


def compiles(snapshot: Snapshot) -> Outcome:
    """torch.compile builds a function, and it computes what eager execution does.

    Why: it needs a C compiler, Python.h and the triton of this torch, which slim images lack;
    nothing shows it before the first training step.
    Remedy: install what is named: a compiler, the header, triton.
    """
    missing = none_of(snapshot, "compile")
    run = snapshot.torch_run
    if missing is not None or run is None:
        return missing or unknown("nothing was compiled")
    proofs = run.of("compile")
    failed = [p for p in proofs if p.is_supported and p.problem and p.ended != "timeout"]
    if failed:
        return _not_built(failed[0])
    late = [proof for proof in proofs if proof.ended == "timeout"]
    if late and len(late) == len(proofs):
        return unknown(f"{late[0].name} did not finish in the time there was; raise --timeout")
    kept = [proof for proof in proofs if proof not in late]
    return trouble(snapshot, kept, Blame()) or right(kept)


def _not_built(proof: Proof) -> Outcome:
    """By what it said: no compiler, another triton, or something else."""
    said = words(proof)
    summary = f"torch.compile on {proof.device} fails: {fault(proof)}"[:300]
    if _NO_COMPILER.search(said):
        return warn(
            summary,
            "install a C and C++ compiler and the header Python.h of this Python",
            cause="compiler-missing",
            confidence="likely",
        )
    cause = "torch-companion-mismatch" if _TRITON.search(said) else "torch-install-damaged"
    return warn(
        summary,
        "TORCH_COMPILE_DISABLE=1 runs without it; the whole error: TORCH_LOGS=+inductor",
        cause=cause,
        confidence="possible",
        said=list(proof.last_words),
    )


def workers_share(snapshot: Snapshot) -> Outcome:
    """Two worker processes hand batches above 64 MiB over.

    Why: they go through /dev/shm, of which a container has 64 MiB unless told otherwise; the
    worker then dies with a bus error.
    Remedy: docker run --shm-size=8g (or --ipc=host).
    """
    missing = none_of(snapshot, "dataloader")
    run = snapshot.torch_run
    if missing is not None or run is None:
        return missing or unknown("nothing was loaded")
    proofs = run.of("dataloader")
    short = [proof for proof in proofs if proof.problem and _SHM.search(words(proof))]
    if short:
        return fail(
            f"worker processes cannot share a batch: {fault(short[0])}"[:300],
            "docker run --shm-size=8g (or --ipc=host); else mount a larger /dev/shm",
            cause="shm-too-small",
            confidence="likely",
        )
    timed_out = [proof for proof in proofs if "timed out" in (proof.problem or "")]
    if timed_out:
        return unknown(f"worker processes gave nothing in time: {fault(timed_out[0])}")
    return trouble(snapshot, proofs, Blame(software="host-resources")) or right(proofs)


def same_again(snapshot: Snapshot) -> Outcome:
    """One product computed many times is the same in every bit.

    Why: a GPU that corrupts silently gives no error and no Xid; only results tell.
    Remedy: drain the machine and test the GPU: dcgmi diag -r 4.
    """
    run = snapshot.torch_run
    if run is not None and not run.of("repeat") and run.ended == "done":
        return skip("it is tried at --level deep")
    outcome = proved(snapshot, "repeat", Blame(remedy=("dcgmi diag -r 4",)))
    only_cpu = run is not None and not any(proof.on_gpu for proof in run.of("repeat"))
    if outcome.is_trouble and only_cpu:
        return note(f"{outcome.reason}; a CPU may add in another order")
    return outcome


_BEFORE = ("torch.present", "torch.import", "fn.gemm")
_SMOKE = "pytorch/pytorch .ci/pytorch/smoke_test/smoke_test.py"

CHECKS = (
    Check(
        id="fn.alloc",
        judge=memory_holds,
        cause="gpu-hardware-fault",
        needs=_BEFORE,
        reference="NVIDIA DCGM diagnostics, memory; NVIDIA/DCGM issue 284",
    ),
    Check(
        id="fn.conv",
        judge=convolves,
        cause="cudnn-mismatch",
        needs=(*_BEFORE, "torch.cudnn_sublibs"),
        reference=_SMOKE,
    ),
    Check(
        id="fn.sdpa",
        judge=attends,
        cause="gpu-hardware-fault",
        needs=(*_BEFORE, "torch.cudnn_sublibs", "fn.conv"),
        reference="pytorch/pytorch torch/nn/attention/__init__.py",
    ),
    Check(
        id="fn.linalg_fft",
        judge=solves,
        cause="torch-install-damaged",
        needs=(*_BEFORE, "torch.loaded_libs"),
        reference=_SMOKE,
    ),
    Check(
        id="fn.train_step",
        judge=trains,
        cause="torch-install-damaged",
        needs=_BEFORE,
        reference="pytorch/pytorch torch/amp/grad_scaler.py",
    ),
    Check(
        id="fn.graph",
        judge=captures,
        cause="torch-install-damaged",
        needs=_BEFORE,
        reference="pytorch/pytorch torch/cuda/graphs.py",
    ),
    Check(
        id="fn.compile",
        judge=compiles,
        cause="compiler-missing",
        needs=(*_BEFORE, "tc.cc", "tc.python_h", "comp.triton", "torch.requires"),
        reference=_SMOKE,
    ),
    Check(
        id="fn.dataloader",
        judge=workers_share,
        cause="shm-too-small",
        needs=("torch.present", "torch.import", "host.shm"),
        reference="pytorch/pytorch torch/utils/data/_utils/signal_handling.py",
    ),
    Check(
        id="fn.repeat",
        judge=same_again,
        cause="gpu-hardware-fault",
        needs=_BEFORE,
        reference="stas00/ml-engineering, debug",
    ),
)
