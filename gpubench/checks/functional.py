"""What was seen to run: torch imports, computes the right thing, and its companions work."""

import re
from typing import Any

from gpubench.checks.facts import has_gpu, torch_cuda, torch_known, torch_version
from gpubench.checks.outcome import Check, Outcome, fail, ok, skip, unknown, warn
from gpubench.checks.proofs import LOOK_AT_LOG, Blame, not_reached, remedies, right, trouble
from gpubench.env.snapshot import Snapshot, TorchRun
from gpubench.knowledge.tables import cuda_error, known_error
from gpubench.versions import Version

SHOW_ALL = "python -c 'import torch; torch.zeros(1, device=\"cuda\")' shows the whole error"
HANG_SECONDS = 60.0
"""An import that takes longer is worth a finding; a slow disk explains less than that."""


def imports(snapshot: Snapshot) -> Outcome:
    """Importing torch succeeds.

    Why: a missing or foreign library shows here first.
    Remedy: by what it said: install the named library again, or take a path away.
    """
    run = snapshot.torch_run
    missing = torch_known(snapshot)
    if missing is not None:
        return missing
    if run is None:
        return skip("torch is imported at --level standard")
    if run.imported:
        return ok(f"torch {run.version} imports")
    said = _said(run)
    row = known_error(said)
    if run.ended == "timeout":
        return _import_timed_out(run, row)
    return fail(
        f"import torch {_ending(run)}" + (f": {row['meaning']}" if row else ""),
        *_after_failed_import(snapshot, row.get("cause") if row else None),
        cause=row.get("cause") if row else None,
        confidence="likely" if row else "possible",
        said=list(run.last_words),
    )


def _said(run: TorchRun) -> str:
    return "\n".join([run.problem or "", *run.last_words])


def _import_timed_out(run: TorchRun, row: dict[str, Any] | None) -> Outcome:
    """Too little time says nothing; an import that hangs all through a full limit is a finding."""
    if run.seconds is None or run.seconds < HANG_SECONDS:
        return _unfinished(run)
    return fail(
        f"import torch {_ending(run)}: it hangs, or reads from a very slow disk",
        "gpubench doctor --timeout 600, which tells a slow disk from a hang",
        "python -X importtime -c 'import torch' shows where it stops",
        cause=row.get("cause") if row else None,
        confidence="possible",
        said=list(run.last_words),
    )


def _unfinished(run: TorchRun) -> Outcome:
    limit = "the time limit" if run.seconds is None else f"{run.seconds:.0f} s"
    return unknown(f"torch did not finish within {limit} ({run.phase}); raise --timeout")


def _ending(run: TorchRun) -> str:
    words = (run.problem or "ended").splitlines()[0]
    return f"failed: {words}" if run.ended == "exception" else words


def _after_failed_import(snapshot: Snapshot, cause: str | None) -> tuple[str, ...]:
    again = "pip install --force-reinstall torch"
    if snapshot.torch is not None:
        again += f"=={snapshot.torch.version.partition('+')[0]}"
    if "LD_LIBRARY_PATH" in snapshot.environment:
        return ("unset LD_LIBRARY_PATH, and try again", again)
    if cause == "numpy-abi":
        return ('pip install "numpy<2"',)
    return (again,)


def computes(snapshot: Snapshot) -> Outcome:
    """Matrix products are right, on every device.

    Why: random matrices in each dtype held against FP64, and small whole numbers, which every
    dtype multiplies exactly, show what no version number can: a missing kernel, a wrong
    library, a sick GPU.
    Remedy: by what failed.
    """
    run = snapshot.torch_run
    if run is None:
        return torch_known(snapshot) or skip("torch computes at --level standard")
    proofs = run.of("start", "gemm")
    wrong = trouble(snapshot, proofs, Blame())
    if wrong is not None and wrong.is_trouble:
        return wrong
    if run.ended != "done":
        return _died(snapshot, run)
    done = [proof for proof in proofs if proof.is_supported]
    if wrong is not None or not done:
        return wrong or unknown("torch ran, but nothing was computed")
    if not any(proof.on_gpu for proof in done) and has_gpu(snapshot):
        return _no_cuda(snapshot, run)
    return right(done)


def _died(snapshot: Snapshot, run: TorchRun) -> Outcome:
    if not run.imported:
        return skip("torch did not import")
    if run.ended == "timeout":
        hangs = run.phase == "cuda" and has_gpu(snapshot)
        if hangs and run.seconds is not None and run.seconds >= HANG_SECONDS:
            return _cuda_hangs(run)
        return _unfinished(run)
    row = known_error(_said(run))
    if row and "cause" not in row:
        return unknown(f"torch could not be proved: {row['meaning']}")
    return fail(
        f"torch {_ending(run)} while it did: {run.phase}",
        *remedies(snapshot, row, (LOOK_AT_LOG,)),
        cause=row["cause"] if row else "torch-install-damaged",
        confidence=row.get("confidence", "likely") if row else "possible",
        said=list(run.last_words),
    )


def _cuda_hangs(run: TorchRun) -> Outcome:
    return fail(
        f"CUDA does not start in torch: it {_ending(run)}",
        LOOK_AT_LOG,
        cause="gpu-hardware-fault",
        confidence="possible",
        said=list(run.last_words),
    )


def _no_cuda(snapshot: Snapshot, run: TorchRun) -> Outcome:
    said = run.cuda_problem or "torch.cuda.is_available() is False"
    if torch_cuda(snapshot) is None:
        return skip("this torch was built without CUDA")
    row = known_error(said) or _by_number(said)
    if row and "cause" not in row:
        return unknown(f"CUDA did not start: {row['meaning']}")
    return fail(
        f"torch computes on the CPU alone although there is a GPU: {said.splitlines()[0]}",
        *remedies(snapshot, row, (SHOW_ALL,)),
        cause=row["cause"] if row else "device-access",
        confidence=row.get("confidence", "likely") if row else "possible",
    )


def _by_number(said: str) -> dict[str, Any] | None:
    """The row of the CUDA error that torch names by its number: "Error 802: system ..."."""
    found = re.search(r"\bError (\d+):", said)
    return cuda_error(int(found[1])) if found else None


def companion_operators(snapshot: Snapshot) -> Outcome:
    """An operator of torchvision runs and gives the right answer.

    Why: torchvision's compiled part registers itself with the torch it was built for; with
    another torch "operator torchvision::nms does not exist".
    Remedy: install the torchvision of this torch release.
    """
    run = snapshot.torch_run
    if run is None:
        return torch_known(snapshot) or skip("torchvision is tried at --level standard")
    if run.torchvision_ops:
        return ok("torchvision::nms runs")
    if run.torchvision_ops is None:
        return skip("torchvision is not installed") if run.ended == "done" else not_reached(run)
    said = run.torchvision_problem or "torchvision::nms gave wrong boxes"
    return fail(
        f"torchvision does not work with this torch: {said.splitlines()[0]}",
        "pip install --force-reinstall --no-deps torchvision of the release that goes with torch",
        confidence="likely",
    )


def numpy_bridge(snapshot: Snapshot) -> Outcome:
    """Arrays go from NumPy to torch and back.

    Why: a torch built for NumPy 1 does not work with NumPy 2: "Numpy is not available".
    Remedy: pip install "numpy<2", or a newer torch.
    """
    run = snapshot.torch_run
    if run is None:
        return _numpy_by_release(snapshot)
    if run.numpy_bridge:
        return ok("torch and NumPy exchange arrays")
    if run.numpy_bridge is None:
        return skip("NumPy is not installed") if run.ended == "done" else not_reached(run)
    said = (run.numpy_problem or "the sum came out wrong").splitlines()[0]
    return fail(f"torch cannot use NumPy: {said}", 'pip install "numpy<2"')


def _numpy_by_release(snapshot: Snapshot) -> Outcome:
    """What the releases say: torch up to 2.2 was built for NumPy 1 alone."""
    numpy = snapshot.python.distribution("numpy") if snapshot.python else None
    torch, version = torch_version(snapshot), Version.find(numpy.version if numpy else None)
    if torch is None:
        return torch_known(snapshot) or unknown("the release of torch could not be read")
    if version is None:
        return skip("NumPy is not installed")
    if version.major >= 2 and torch < Version.parse("2.3"):
        return warn(
            f"torch {torch} was built for NumPy 1, installed is {version}",
            'pip install "numpy<2"',
            confidence="likely",
        )
    return ok(f"NumPy {version} goes with torch {torch}")


_STARTED = ("cuda.init", "cuda.floor", "torch.cuda_build", "torch.arch", "env.masking")
_FILES = ("torch.record", "torch.duplicate", "torch.cudnn", "torch.nccl", "torch.cuda_mix")
_SMOKE = "pytorch/pytorch .ci/pytorch/smoke_test/smoke_test.py"

CHECKS = (
    Check(
        id="torch.import",
        judge=imports,
        cause="torch-install-damaged",
        needs=("torch.present", *_FILES, "torch.requires", "env.ld_paths", "env.alloc_conf"),
        reference="pytorch/pytorch torch/__init__.py",
    ),
    Check(
        id="fn.gemm",
        judge=computes,
        cause="gpu-hardware-fault",
        needs=(
            "torch.present",
            *_STARTED,
            *_FILES,
            "ctr.injection",
            "drv.module",
            "gpu.handles",
            "torch.import",
        ),
        reference=_SMOKE,
    ),
    Check(
        id="comp.ops",
        judge=companion_operators,
        cause="torch-companion-mismatch",
        needs=("torch.present", "torch.import", "fn.gemm", "comp.vision_audio", "torch.record"),
        reference=_SMOKE,
    ),
    Check(
        id="comp.numpy",
        judge=numpy_bridge,
        cause="numpy-abi",
        needs=("torch.present", "torch.import", "comp.numpy_abi"),
        reference="NumPy 2.0 migration guide",
    ),
)
