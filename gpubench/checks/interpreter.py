"""The interpreter under test: does it answer, and is there a torch to judge."""

import dataclasses

from gpubench.checks.facts import NO_TORCH, has_gpu, torch_known
from gpubench.checks.outcome import Check, Outcome, fail, note, ok, unknown
from gpubench.checks.remedies import CPU_TORCH, install_torch, no_build
from gpubench.env.snapshot import Snapshot


def installed(snapshot: Snapshot) -> Outcome:
    """The interpreter answers, and there is a torch to judge.

    Why: on a new server there is no torch yet; driver and GPUs are judged all the same. An
    interpreter that does not even start is the first thing to put right.
    Remedy: the newest build on record that runs on this driver and these GPUs.
    """
    if snapshot.torch is not None:
        return ok(f"torch {snapshot.torch.version}")
    if "python" in snapshot.unread:
        return fail(
            snapshot.unread["python"],
            "try it by hand: EXE -c 'import json, platform'; gpubench examines Python 3.8 or later",
            confidence="likely",
        )
    missing = torch_known(snapshot)
    if missing is None or snapshot.source != "live" or "torch" in snapshot.unread:
        return missing or unknown("torch could not be read")
    line = install_torch(snapshot) if has_gpu(snapshot) else CPU_TORCH
    return dataclasses.replace(note(NO_TORCH), remedy=(line,) if line else no_build(snapshot))


CHECKS = (
    Check(
        id="torch.present",
        judge=installed,
        cause="python-unsupported",
        reference="PyTorch, Start Locally",
    ),
)
