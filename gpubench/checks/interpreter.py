"""The interpreter under test: does it answer, and is there a torch to judge."""

import dataclasses

from gpubench.checks.facts import NO_TORCH, has_gpu, python_version, torch_known
from gpubench.checks.outcome import Check, Outcome, fail, note, ok, skip, unknown
from gpubench.checks.remedies import CPU_TORCH, install_torch, no_build
from gpubench.env.snapshot import Snapshot
from gpubench.knowledge.tables import torch_builds


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
            "where a hook is at fault: EXE -S -c 'print(1)' starts without any",
            confidence="likely",
        )
    missing = torch_known(snapshot)
    too_new = _newer_than_any_torch(snapshot)
    if too_new is not None:
        return too_new
    if missing is None or snapshot.source != "live" or "torch" in snapshot.unread:
        return missing or unknown("torch could not be read")
    line = install_torch(snapshot) if has_gpu(snapshot) else CPU_TORCH
    return dataclasses.replace(note(NO_TORCH), remedy=(line,) if line else no_build(snapshot))


def _newer_than_any_torch(snapshot: Snapshot) -> Outcome | None:
    """The outcome where no torch is installed and none on record has wheels for this Python."""
    python = python_version(snapshot)
    if python is None or "torch" in snapshot.unread or snapshot.torch is not None:
        return None
    newest = max(build.python[1] for build in torch_builds())
    if python.release(2) <= newest.release(2):
        return None
    words = f"no torch release on record supports Python {python.major}.{python.minor}"
    remedy = f"make an environment of Python {newest}: uv venv --python {newest}"
    return dataclasses.replace(
        note(f"{words}; the newest it was built for is {newest}"), remedy=(remedy,)
    )


def starts_cleanly(snapshot: Snapshot) -> Outcome:
    """The interpreter starts without a word.

    Why: sitecustomize.py and .pth files run at every start of every program; one that fails or
    prints spoils the output of tools, and may do other things unseen.
    Remedy: python -v -c '' names the file; uninstall what brought it.
    """
    if snapshot.python is None:
        reason = snapshot.why_unread("python")
        return unknown(reason) if reason else skip("the interpreter is not described here")
    if snapshot.source != "live":
        return skip("how the interpreter starts is not described here")
    said = snapshot.python.startup
    if not said:
        return ok("the interpreter starts without a word")
    return note(f"the interpreter says something at every start: {said[-1]}", said=list(said))


CHECKS = (
    Check(
        id="torch.present",
        judge=installed,
        cause="python-unsupported",
        reference="PyTorch, Start Locally",
    ),
    Check(
        id="python.startup",
        judge=starts_cleanly,
        cause="python-unsupported",
        needs=("torch.present",),
        reference="Python documentation, site",
    ),
)
