"""The image: is installed what it says it was built from."""

from gpubench.checks.outcome import Check, Outcome, fail, ok, skip, unknown
from gpubench.env.snapshot import Snapshot, Stack

SHOWN = 5
"""Packages that are named in a line; all stand in the evidence."""
EXPLAINED = (
    "cuda-mixed",
    "cudnn-mismatch",
    "nccl-mismatch",
    "numpy-abi",
    "torch-companion-mismatch",
    "torch-cpu-build",
    "torch-install-damaged",
)
"""Causes whose own findings say more of a package that was replaced."""


def stack_holds(snapshot: Snapshot) -> Outcome:
    """Every package is of the release that the image's constraints file states.

    Why: an image is run so that the same digest gives the same releases everywhere; a package
    that was installed over it, or updated itself, makes its results nobody else's.
    Remedy: start from the image again, or install what its constraints file states.
    """
    stack = snapshot.stack
    if stack is None:
        return skip("no GPUBENCH_CONSTRAINTS names what this was built from")
    if unread := snapshot.why_unread("stack.pins"):
        return unknown(unread)
    differing = _differing(stack)
    image = f"stack {stack.name}" if stack.name else "the stack"
    if not differing:
        return ok(f"{image}: all {len(stack.pins)} packages are as {stack.path} states")
    words = [f"{name} {told}" for name, told in list(differing.items())[:SHOWN]]
    more = f" and {len(differing) - SHOWN} more" if len(differing) > SHOWN else ""
    return fail(
        f"{image} is not what {stack.path} states: {'; '.join(words)}{more}",
        "start from the image again, without what was installed over it",
        f"pip install --no-deps --requirement {stack.path}",
        explained_by=EXPLAINED,
        differing=differing,
    )


def _differing(stack: Stack) -> dict[str, str]:
    """Each package that is not as stated, and how it differs; torch's own first."""
    found = {
        name: f"is {stack.installed.get(name, 'missing')}, stated is {version}"
        for name, version in stack.pins.items()
        if not _is_same(stack.installed.get(name), version)
    }
    return dict(sorted(found.items(), key=lambda entry: not entry[0].startswith("torch")))


def _is_same(installed: str | None, stated: str) -> bool:
    """2.8.0+cu128 is 2.8.0; where a local tag is stated, it counts as well."""
    if installed is None:
        return False
    return stated in (installed, installed.partition("+")[0])


CHECKS = (
    Check(
        id="comp.stack",
        judge=stack_holds,
        cause="framework-incompatible",
        needs=("torch.present", "torch.duplicate"),
        reference="pip documentation, constraints files; docs/images.md",
    ),
)
