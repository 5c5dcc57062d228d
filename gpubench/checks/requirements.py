"""What torch requires: read from its own metadata, held against what is installed."""

from collections.abc import Iterator
from typing import Any

from gpubench.checks.facts import is_released, torch_cuda, torch_known, torch_version
from gpubench.checks.outcome import Check, Outcome, fail, note, ok, skip, unknown, warn
from gpubench.env.snapshot import Distribution, Snapshot
from gpubench.knowledge.tables import X86, torch_build

WHEEL = "the Requires-Dist lines of the torch wheel"


def requirements(distribution: Distribution) -> Iterator[Any]:
    """What a distribution requires, parsed; a line that does not parse is passed over."""
    parsed = (_requirement(text) for text in distribution.requires)
    return (requirement for requirement in parsed if requirement is not None)


def _requirement(text: str) -> Any:
    from packaging.requirements import InvalidRequirement, Requirement

    try:
        return Requirement(text)
    except InvalidRequirement:
        return None


def normalised(name: str) -> str:
    """A distribution's name as the snapshot writes it."""
    return name.lower().replace("_", "-").replace(".", "-")


def holds(requirement: Any, version: str) -> bool:
    """True where ``version`` is what ``requirement`` asks for; local tags do not count."""
    return bool(requirement.specifier.contains(version.partition("+")[0], prereleases=True))


def pin_of(snapshot: Snapshot, prefix: str) -> Any | None:
    """What torch itself requires of the one distribution whose name starts with ``prefix``."""
    torch = snapshot.python.distribution("torch") if snapshot.python else None
    if torch is None:
        return _pin_on_record(snapshot, prefix)
    named = (entry for entry in requirements(torch) if normalised(entry.name).startswith(prefix))
    return next(named, None) or _pin_on_record(snapshot, prefix)


def _pin_on_record(snapshot: Snapshot, prefix: str) -> Any | None:
    """What the release requires by the table, for a list of packages that tells no requirements.

    To two numbers, since a patch release may have moved on; None where the library is not listed.
    """
    torch, cuda = torch_version(snapshot), torch_cuda(snapshot)
    if snapshot.paste is None or torch is None or cuda is None or not is_released(snapshot):
        return None
    build = torch_build(torch, cuda, snapshot.host.machine or X86)
    library = prefix.removeprefix("nvidia-").removesuffix("-cu")
    known = {"cudnn": build.cudnn, "nccl": build.nccl, "triton": build.triton} if build else {}
    wanted = known.get(library)
    name = f"{prefix}{cuda.major}" if prefix.endswith("-cu") else prefix
    if wanted is None or snapshot.python is None or snapshot.python.distribution(name) is None:
        return None
    return _requirement(f"{name}=={'.'.join(map(str, wanted.release(2)))}.*")


def requirements_hold(snapshot: Snapshot) -> Outcome:
    """Everything torch requires is installed, in a release it accepts.

    Why: pip installs over a pin without a word when it is asked for another package.
    Remedy: install what torch requires.
    """
    missing = torch_known(snapshot)
    if missing is not None or snapshot.python is None:
        return missing or unknown("the distributions could not be read")
    torch = snapshot.python.distribution("torch")
    if torch is None:
        return skip("torch has no metadata here (conda, or built from source)")
    if "python.distributions" in snapshot.unread:
        return unknown(snapshot.unread["python.distributions"])
    broken = [found for found in _broken(snapshot, torch) if not _judged_elsewhere(found[0])]
    if not torch.requires:
        return skip("torch's metadata requires nothing")
    if not broken:
        return ok(f"all {len(torch.requires)} requirements of torch hold")
    return _broken_requirements(snapshot, broken)


def _broken(snapshot: Snapshot, torch: Distribution) -> Iterator[tuple[Any, str | None]]:
    """Requirements that do not hold, with what is installed instead; cuda-toolkit's too."""
    assert snapshot.python is not None
    toolkit = snapshot.python.distribution("cuda-toolkit")
    for owner in (torch, toolkit):
        for requirement in requirements(owner) if owner else ():
            entry = snapshot.python.distribution(normalised(requirement.name))
            if entry is None:
                yield requirement, None
            elif not holds(requirement, entry.version):
                yield requirement, entry.version


def _judged_elsewhere(requirement: Any) -> bool:
    name = normalised(requirement.name)
    return name.startswith(("nvidia-cudnn-", "nvidia-nccl-", "triton", "pytorch-triton"))


def _broken_requirements(snapshot: Snapshot, broken: list[tuple[Any, str | None]]) -> Outcome:
    words = "; ".join(
        f"{requirement.name}{requirement.specifier}, "
        + (f"installed is {found}" if found else "not installed")
        for requirement, found in broken
    )
    remedy = "pip install " + " ".join(f'"{r.name}{r.specifier}"' for r, _ in broken)
    if snapshot.torch_run is not None and snapshot.torch_run.ended == "done":
        return note(f"torch requires {words}; it runs all the same")
    pinned = [r for r, _ in broken if normalised(r.name).startswith(("nvidia-", "cuda-toolkit"))]
    if not pinned:
        return warn(f"torch requires {words}", remedy, cause="framework-incompatible")
    gone = [r for r, found in broken if found is None and r in pinned]
    return fail(
        f"torch requires {words}",
        remedy,
        cause="torch-install-damaged" if gone else "cuda-mixed",
        broken=[str(r) for r, _ in broken],
    )


CHECKS = (
    Check(
        id="torch.requires",
        judge=requirements_hold,
        cause="cuda-mixed",
        needs=("torch.present", "torch.duplicate", "torch.cuda_mix"),
        reference=WHEEL,
    ),
)
