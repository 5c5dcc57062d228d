"""What runs: cuInit and an import of torch, each in a child of the interpreter under test."""

import json
import re
from typing import Any

from gpubench.env.python_env import script
from gpubench.env.redact import clean_plain
from gpubench.env.snapshot import CudaInit, Proof, TorchDevice, TorchRun
from gpubench.env.sources import Completed, Sources, run_child

CUDA_SECONDS = 30.0
"""cuInit of eight GPUs without the persistence daemon takes up to about ten seconds."""
SHARE_PER_GPU = 0.25
"""What every GPU adds to the time limit of torch, as a share of it: they are proved in turn."""


def start_cuda(executable: str, sources: Sources, *, timeout: float) -> CudaInit:
    """What ``cuInit`` answers within ``timeout`` seconds."""
    completed = run_child(
        [executable, "-B", "-"],
        script=script("start_cuda.py"),
        timeout=min(timeout, CUDA_SECONDS),
        variables=sources.variables,
    )
    return cuda_answer(completed)


def cuda_answer(completed: Completed) -> CudaInit:
    """The last thing the child said, and how it ended where it did not end well."""
    events = _events(completed)
    facts = clean_plain(events[-1]) if events else {}
    phase = facts.pop("phase", "start")
    if completed.ending and "problem" not in facts:
        words = " / ".join(completed.last_words[-2:])
        facts["problem"] = f"{phase} {completed.ending}: {words}".rstrip(": ")
    return CudaInit(**facts)


def run_torch(executable: str, sources: Sources, *, timeout: float) -> TorchRun:
    """Import torch and compute with it, in a process of its own.

    It gets ``timeout`` seconds, and a quarter of that more for every GPU.
    """
    completed = run_child(
        [executable, "-B", "-"],
        script=script("prove_torch.py"),
        timeout=torch_budget(timeout, sources),
        variables=sources.variables,
    )
    return torch_answer(completed)


def torch_budget(timeout: float, sources: Sources) -> float:
    """The seconds torch gets on this machine."""
    try:
        nodes = sources.names("/dev") or []
    except OSError:
        nodes = []
    gpus = sum(re.fullmatch(r"nvidia\d+", name) is not None for name in nodes)
    return timeout * (1 + SHARE_PER_GPU * gpus)


def torch_answer(completed: Completed) -> TorchRun:
    """The facts the child gave before it ended, and how it ended."""
    facts: dict[str, Any] = {}
    proofs: list[Proof] = []
    for event in clean_plain(_events(completed)):
        if "proof" in event:
            proofs.append(Proof(**event.pop("proof")))
        facts.update(event)
    imported = facts.pop("imported", False)
    facts.setdefault("version", "unknown" if imported else None)
    facts["devices"] = tuple(TorchDevice(**device) for device in facts.get("devices", ()))
    facts["loaded"] = tuple(facts.get("loaded", ()))
    if "architectures" in facts:
        facts["architectures"] = tuple(facts["architectures"])
    return TorchRun(
        **{"problem": completed.ending, **facts},
        ended=_ended(completed, facts),
        last_words=completed.last_words if completed.ending else (),
        proofs=tuple(proofs),
        seconds=completed.seconds,
    )


def _ended(completed: Completed, facts: dict[str, Any]) -> str:
    if completed.timed_out:
        return "timeout"
    if completed.signal_name:
        return "signal"
    if facts.get("phase") == "done":
        return "done"
    return "exception" if "problem" in facts else "exit"


def _events(completed: Completed) -> list[dict[str, Any]]:
    events = []
    for line in completed.output.splitlines():
        try:
            event = json.loads(line)
        except ValueError:  # cut short when the child was ended
            continue
        if isinstance(event, dict):
            events.append(event)
    return events
