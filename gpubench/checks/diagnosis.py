"""From results to a diagnosis: root causes in the order to fix them, and one verdict."""

import dataclasses
from collections.abc import Sequence
from typing import Any

from gpubench.checks.facts import driver_version, has_no_gpu
from gpubench.checks.outcome import Confidence, Status
from gpubench.checks.running import Result
from gpubench.env.snapshot import Snapshot

CAUSES = (
    "container-no-gpu",
    "driver-absent",
    "driver-library-mismatch",
    "device-access",
    "gpu-hardware-fault",
    "fabric-manager",
    "torch-cpu-build",
    "driver-too-old",
    "devices-hidden",
    "gpu-arch-unsupported",
    "library-path-shadowing",
    "cudnn-mismatch",
    "nccl-mismatch",
    "cuda-mixed",
    "torch-companion-mismatch",
    "torch-install-damaged",
    "numpy-abi",
    "python-unsupported",
    "framework-incompatible",
    "toolkit-mismatch",
    "p2p-broken",
    "compiler-missing",
    "gpu-degraded",
    "shm-too-small",
    "host-resources",
    "host-tuning",
)
"""Every cause, in the order to fix them: what stops everything first, the machine before the
environment, the named library before the whole family."""
HOST = frozenset({"shm-too-small", "host-resources", "host-tuning"})
"""Causes that enter a diagnosis as errors alone; else a governor would make a server ill."""

_SEVERITY = {Status.FAIL: "error", Status.WARN: "warning", Status.NOTE: "note"}
_SURENESS = (Confidence.CERTAIN, Confidence.LIKELY, Confidence.POSSIBLE)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What a failing or warning check says, or one that has a note."""

    check: str
    cause: str | None
    """None for a note."""
    severity: str
    """``error``, ``warning`` or ``note``."""
    summary: str
    evidence: dict[str, Any]
    remedy: tuple[str, ...]
    reference: str


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Cause:
    """One root cause and the checks that point to it."""

    cause: str
    confidence: str
    because: tuple[str, ...]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Diagnosis:
    """What is wrong, what to fix first, and how it stands as a whole."""

    verdict: str
    """``healthy``, ``degraded``, ``broken``, ``no-gpu`` or ``undetermined``."""
    causes: tuple[Cause, ...]
    findings: tuple[Finding, ...]


def diagnose(snapshot: Snapshot, results: Sequence[Result]) -> Diagnosis:
    """The diagnosis of ``snapshot`` from what its checks found."""
    causes = _ranked(results)
    return Diagnosis(
        verdict=_verdict(snapshot, results, causes),
        causes=causes,
        findings=tuple(_finding(result) for result in results if result.status in _SEVERITY),
    )


def _finding(result: Result) -> Finding:
    return Finding(
        check=result.check.id,
        cause=result.cause if result.outcome.is_trouble else None,
        severity=_SEVERITY[result.status],
        summary=result.outcome.reason,
        evidence=result.outcome.evidence,
        remedy=result.outcome.remedy,
        reference=result.check.reference,
    )


def _ranked(results: Sequence[Result]) -> tuple[Cause, ...]:
    """What is behind the symptom, then causes of errors, then of warnings, as in ``CAUSES``."""
    troubles = [result for result in results if _enters(result)]
    grouped: dict[str, list[Result]] = {}
    for result in troubles:
        grouped.setdefault(result.cause, []).append(result)
    leading = _behind_the_symptom(results)
    order = sorted(
        grouped,
        key=lambda cause: (cause not in leading, _mildest(grouped[cause]), CAUSES.index(cause)),
    )
    return tuple(
        Cause(
            cause=cause,
            confidence=_surest(grouped[cause]),
            because=tuple(result.check.id for result in grouped[cause]),
        )
        for cause in order
    )


def _behind_the_symptom(results: Sequence[Result]) -> set[str]:
    """The causes of what somebody complains of; a mere possibility does not lead."""
    causes = {result.check.id: result.cause for result in results}
    symptoms = [result for result in results if result.check.is_symptom]
    own = {
        result.cause
        for result in symptoms
        if _enters(result) and result.outcome.confidence is not Confidence.POSSIBLE
    }
    return own | {causes[name] for r in symptoms if (name := r.blocked_by) in causes}


def _surest(results: Sequence[Result]) -> str:
    """The confidence of the surest of them."""
    return min((result.outcome.confidence for result in results), key=_SURENESS.index).value


def _enters(result: Result) -> bool:
    if result.status is Status.WARN:
        return result.cause not in HOST
    return result.status is Status.FAIL


def _mildest(results: Sequence[Result]) -> int:
    """0 where one of them is an error, 1 where all are warnings."""
    return int(all(result.status is Status.WARN for result in results))


def _verdict(snapshot: Snapshot, results: Sequence[Result], causes: Sequence[Cause]) -> str:
    if any(result.status is Status.FAIL for result in results):
        return "broken"
    if causes:
        return "degraded"
    if has_no_gpu(snapshot):
        return "no-gpu"
    return "healthy" if _is_known(snapshot) and not _left_open(results) else "undetermined"


CORE = ("nvml.load", "gpu.handles", "cuda.init", "torch.import", "fn.gemm")
"""What has to have been read, where it was asked, before anything is called healthy."""


def _left_open(results: Sequence[Result]) -> bool:
    """True where a check broke, or one that the rest stands on could not be answered."""
    return any(
        result.status is Status.CRASH
        or (result.status is Status.UNKNOWN and result.check.id in CORE)
        for result in results
    )


def _is_known(snapshot: Snapshot) -> bool:
    """True where the driver was read, and torch was read or is not there to be read."""
    torch_read = snapshot.torch is not None or (
        snapshot.source == "live" and snapshot.python is not None and "torch" not in snapshot.unread
    )
    return driver_version(snapshot) is not None and torch_read
