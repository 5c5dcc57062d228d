"""The files of torch: are they those of the wheels they came in."""

from gpubench.checks.facts import torch_known
from gpubench.checks.outcome import Check, Outcome, fail, ok, skip, unknown
from gpubench.env.snapshot import Snapshot
from gpubench.units import count


def whole(snapshot: Snapshot) -> Outcome:
    """The files of torch and its CUDA libraries are those of their wheels.

    Why: an interrupted or overlapping installation leaves files missing or of another size.
    Remedy: install the damaged distribution again.
    """
    missing = torch_known(snapshot)
    if missing is not None or snapshot.python is None:
        return missing or unknown("the distributions could not be read")
    held = [entry for entry in snapshot.python.distributions if entry.record_read]
    damaged = [entry for entry in held if entry.damaged_count]
    if not held:
        return skip("no wheel RECORD to hold the files against")
    if not damaged:
        return ok(f"the files of {count(len(held), 'distribution')} are those of their wheels")
    worst = damaged[0]
    return fail(
        f"{worst.name} {worst.version}: {count(worst.damaged_count, 'file')} missing or altered, "
        f"first {worst.damaged[0]}",
        *(
            f"pip install --force-reinstall --no-deps {entry.name}=={entry.version}"
            for entry in damaged
        ),
        files={entry.name: list(entry.damaged) for entry in damaged},
    )


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
