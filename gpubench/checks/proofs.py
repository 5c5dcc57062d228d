"""What the computations of torch have shown: it overrides what versions and files suggest."""

import dataclasses
from collections.abc import Sequence
from typing import Any

from gpubench.checks.facts import torch_known
from gpubench.checks.outcome import Outcome, fail, ok, skip, unknown, warn
from gpubench.checks.remedies import no_build, replace_torch
from gpubench.env.redact import anonymous
from gpubench.env.snapshot import Gpu, Proof, Snapshot, TorchRun
from gpubench.knowledge.tables import known_error
from gpubench.units import count

COMPUTING = ("gemm", "conv", "sdpa", "linalg_fft", "train_step")
"""The proofs that tell whether torch computes; the others tell of its surroundings too."""
HANG_SECONDS = 20.0
"""A proof takes seconds; a GPU that has not come back after this long hangs (own choice)."""
TEST_GPU = "run it again; where one GPU alone is wrong, drain it and test it: dcgmi diag -r 3"
LOOK_AT_LOG = "sudo dmesg | grep -iE 'nvrm|xid|oom'"
NAMED = 4
"""Faults a sentence names before it counts them."""


def ran_right(snapshot: Snapshot) -> bool:
    """True where torch ran to its end and every computation it could do came out right."""
    run = snapshot.torch_run
    return run is not None and run.ended == "done" and _agree(run, "")


def ran_right_on_gpu(snapshot: Snapshot) -> bool:
    """The same, with computations on a GPU among them."""
    run = snapshot.torch_run
    return run is not None and ran_right(snapshot) and _agree(run, "cuda")


def _agree(run: TorchRun, device: str) -> bool:
    done = [p for p in run.of(*COMPUTING) if p.is_supported and p.device.startswith(device)]
    return bool(done) and all(proof.agrees for proof in done)


def gpu_of(snapshot: Snapshot, device: str) -> Gpu | None:
    """What the driver says of the GPU that torch calls ``cuda:3``; None where it cannot be told."""
    run, number = snapshot.torch_run, device.removeprefix("cuda:")
    if run is None or not number.isdigit() or int(number) >= len(run.devices):
        return None
    uuid = run.devices[int(number)].uuid
    for gpu in snapshot.gpus if uuid else ():
        if gpu.uuid and uuid in (gpu.uuid, anonymous(gpu.uuid)):
            return gpu
    if len(run.devices) == len(snapshot.gpus) and "CUDA_VISIBLE_DEVICES" not in (
        snapshot.environment
    ):
        return snapshot.gpus[int(number)]
    return None


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Blame:
    """Whom a fault of one kind points to."""

    software: str = "torch-install-damaged"
    """On the CPU, and where every GPU of several is wrong in the same way."""
    gpu: str = "gpu-hardware-fault"
    """Where one GPU is wrong."""
    remedy: tuple[str, ...] = ()
    mild: bool = False
    """True where one can work without it: a warning."""


def proved(snapshot: Snapshot, what: str, blame: Blame | None = None) -> Outcome:
    """The verdict on the proofs of one kind."""
    missing = none_of(snapshot, what)
    run = snapshot.torch_run
    if missing is not None or run is None:
        return missing or unknown("nothing was proved")
    proofs = run.of(what)
    return trouble(snapshot, proofs, blame or Blame()) or right(proofs)


def none_of(snapshot: Snapshot, what: str) -> Outcome | None:
    """Why there is no proof of this kind to judge; None where there is one."""
    run = snapshot.torch_run
    if run is None:
        return torch_known(snapshot) or skip("it is tried at --level standard")
    proofs = run.of(what)
    if not proofs and run.ended != "done":
        return not_reached(run)
    if not proofs:
        return skip("not tried here" if run.devices else "torch sees no GPU to try it on")
    if not any(proof.is_supported for proof in proofs):
        reasons = {proof.problem or "not supported" for proof in proofs}
        return skip("; ".join(sorted(reasons))[:300])
    return None


def not_reached(run: TorchRun) -> Outcome:
    """What was not tried: for want of time it is unknown, else something else has been told."""
    words = "torch did not get that far"
    return unknown(f"{words} in the time it had") if run.ended == "timeout" else skip(words)


def right(proofs: Sequence[Proof]) -> Outcome:
    """Everything that could be done was done and agrees."""
    done = [proof for proof in proofs if proof.is_supported]
    ways = {(proof.dtype, proof.variant) for proof in done}
    devices = ", ".join(sorted({proof.device for proof in done}, key=_natural))
    return ok(f"right in {count(len(ways), 'way')} on {devices}")


def _natural(device: str) -> tuple[int, str]:
    return len(device), device


def trouble(snapshot: Snapshot, proofs: Sequence[Proof], blame: Blame) -> Outcome | None:
    """The gravest of what went wrong; None where nothing did."""
    bad = [proof for proof in proofs if proof.is_supported and not proof.agrees]
    found = [(proof, known_error(words(proof))) for proof in bad]
    faults = [(proof, row) for proof, row in found if not _says_nothing(proof, row)]
    if not faults:
        return unknown(_why_nothing(*found[0])) if found else None
    first, row = faults[0]
    names = [proof.name for proof, _ in faults]
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    known = row is not None and "cause" in row
    give = warn if blame.mild and not _is_wrong(first) else fail
    return give(
        f"{', '.join(names[:NAMED])}{more}: {fault(first)}",
        *remedies(snapshot, row if known else None, _otherwise(first, blame)),
        cause=row["cause"] if row and known else _suspect([f for f, _ in faults], proofs, blame),
        confidence=row.get("confidence", "likely") if row and known else "possible",
        failed=names,
        **({"said": list(first.last_words)} if first.last_words else {}),
    )


def _says_nothing(proof: Proof, row: dict[str, Any] | None) -> bool:
    """Others held the memory, or there was too little time: nothing was learnt."""
    if row is not None and "cause" not in row:
        return True
    if proof.ended != "timeout":
        return False
    return not proof.on_gpu or (proof.seconds or 0.0) < HANG_SECONDS


def _why_nothing(proof: Proof, row: dict[str, Any] | None) -> str:
    if row is not None and proof.ended != "timeout":
        return f"{proof.device} could not be proved: {row['meaning']}"
    return f"{proof.name} did not finish in the time there was; raise --timeout"


def _is_wrong(proof: Proof) -> bool:
    """True for a result that is wrong, not for one that there is none of."""
    return proof.problem is None


def _suspect(faults: Sequence[Proof], proofs: Sequence[Proof], blame: Blame) -> str:
    """The GPU where one is wrong, the software where all of several are wrong alike."""
    first = faults[0]
    if not first.on_gpu:
        return "host-resources" if "SIGKILL" in (first.problem or "") else blame.software
    if first.ended in ("signal", "exit"):
        return "host-resources" if "SIGKILL" in (first.problem or "") else blame.software
    alike = (first.what, first.dtype, first.variant)
    tried = {p.device for p in proofs if (p.what, p.dtype, p.variant) == alike and p.is_supported}
    wrong = {p.device for p in faults if (p.what, p.dtype, p.variant) == alike}
    return blame.software if len(tried) > 1 and wrong == tried else blame.gpu


def _otherwise(proof: Proof, blame: Blame) -> tuple[str, ...]:
    """What to do where no known line says it."""
    if blame.remedy:
        return blame.remedy
    if proof.ended is not None:
        return (LOOK_AT_LOG, TEST_GPU) if proof.on_gpu else (LOOK_AT_LOG,)
    return (TEST_GPU,) if proof.on_gpu else ("run it again",)


def words(proof: Proof) -> str:
    """Everything that was said of a fault."""
    return "\n".join([proof.problem or "", *proof.last_words])


def fault(proof: Proof) -> str:
    """What went wrong, in a few words."""
    if proof.problem:
        return proof.problem.splitlines()[0]
    if proof.error is None or proof.limit is None:
        return "the result was no number"
    if proof.limit == 0.0 and proof.error >= 1.0:
        return f"{count(int(proof.error), 'value')} came out wrong"
    return f"error {proof.error:.2g}, at most {proof.limit:.2g} is rounding"


def remedies(
    snapshot: Snapshot, row: dict[str, Any] | None, otherwise: Sequence[str]
) -> tuple[str, ...]:
    """What a known error line says to do, else ``otherwise``."""
    if row and "remedy" in row:
        return (row["remedy"],)
    if row and row["cause"] in ("gpu-arch-unsupported", "driver-too-old"):
        return replace_torch(snapshot) or no_build(snapshot)
    return tuple(otherwise)
