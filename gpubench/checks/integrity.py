"""The files of torch: are they those of the wheels they came in."""

import re

from gpubench.checks.facts import torch_known
from gpubench.checks.outcome import Check, Outcome, fail, ok, skip, unknown, warn
from gpubench.checks.proofs import ran_right
from gpubench.checks.torch_libraries import pinned_library
from gpubench.env.snapshot import Distribution, Snapshot, Torch
from gpubench.units import count


def whole(snapshot: Snapshot) -> Outcome:
    """The files of torch and its CUDA libraries are those of their wheels.

    Why: an interrupted or overlapping installation leaves files missing or of another size.
    A library that is not the wheel's is a fault; Python files are edited on purpose too. At
    --level quick sizes are compared, at standard and deep contents.
    Remedy: install the damaged distribution again.
    """
    missing = torch_known(snapshot)
    if missing is not None or snapshot.python is None:
        return missing or unknown("the distributions could not be read")
    held = [entry for entry in snapshot.python.distributions if entry.record_read]
    damaged = [entry for entry in held if entry.damaged_count and not _judged(entry, snapshot)]
    if not damaged and snapshot.torch is not None and snapshot.torch.from_metadata:
        return _no_files(snapshot.torch)
    if not held:
        return skip("no wheel RECORD to hold the files against")
    if not damaged:
        hashed = sum(entry.hashed for entry in held)
        by = f"contents of {hashed}, sizes of {len(held) - hashed}" if hashed else "sizes"
        named = count(len(held), "distribution")
        return ok(f"the files of {named} are those of their wheels, by {by}")
    broken = [entry for entry in damaged if _is_broken(entry, snapshot)]
    worst = (broken or damaged)[0]
    words = (
        f"{worst.name} {worst.version}: {count(worst.damaged_count, 'file')} missing or altered"
        + (f", first {worst.damaged[0]}" if worst.damaged else "")
        + (f"; {', '.join(worst.overlaps)} lists the same files" if worst.overlaps else "")
    )
    if not broken and ran_right(snapshot):
        words += "; what was tried of torch runs all the same"
    return (fail if broken else warn)(
        words,
        *(
            f"pip install --force-reinstall --no-deps {entry.name}=={entry.version}"
            for entry in damaged
        ),
        files=_named(damaged),
    )


def _no_files(torch: Torch) -> Outcome:
    return fail(
        f"torch {torch.version} is installed by its metadata, but there is nothing to import",
        "pip uninstall -y torch",
        f"pip install --force-reinstall torch=={torch.version.partition('+')[0]}",
    )


def _judged(entry: Distribution, snapshot: Snapshot) -> bool:
    """True for a cuDNN or NCCL of which its own check says that it is another build."""
    return any(
        entry.name.startswith(f"nvidia-{library}-cu")
        and pinned_library(snapshot, library).is_trouble
        for library in ("cudnn", "nccl")
    )


def _named(damaged: list[Distribution]) -> dict[str, list[str]]:
    return {entry.name: list(entry.damaged) for entry in damaged}


def _is_broken(entry: Distribution, snapshot: Snapshot) -> bool:
    """True where a library is not the wheel's, or torch lacks a file and did not import."""
    if any(_LIBRARY.search(text) for text in entry.damaged):
        return True
    if snapshot.torch is not None and snapshot.torch.from_metadata and entry.name == "torch":
        return True
    imported = snapshot.torch_run is not None and snapshot.torch_run.imported
    gone = any(text.endswith(" is missing") for text in entry.damaged)
    return entry.name == "torch" and gone and not imported


_LIBRARY = re.compile(r"\.so(?:\.\d+)* (?:is |has )|\.py (?:has 0 bytes|is empty)")
"""A library that is not the wheel's, or a Python file of which nothing is left."""


CHECKS = (
    Check(
        id="torch.record",
        judge=whole,
        cause="torch-install-damaged",
        needs=(
            "torch.present",
            "torch.duplicate",
            "torch.cuda_mix",
            "torch.cudnn",
            "torch.nccl",
            "comp.vision_audio",
            "comp.triton",
        ),
        reference="Python packaging: recording installed projects",
    ),
)
