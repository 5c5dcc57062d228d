"""The libraries below torch: each is the one torch pins, as metadata and as files."""

from collections.abc import Iterator
from typing import Any

from gpubench.checks.facts import torch_cuda, torch_known
from gpubench.checks.outcome import Check, Outcome, fail, note, ok, skip, unknown, warn
from gpubench.env.snapshot import Distribution, LibraryFile, Snapshot
from gpubench.versions import Version


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
        return None
    named = (entry for entry in requirements(torch) if normalised(entry.name).startswith(prefix))
    return next(named, None)


def pinned_library(snapshot: Snapshot, library: str) -> Outcome:
    """The verdict on cuDNN or NCCL: what is pinned, what is installed, what the files are."""
    missing = torch_known(snapshot)
    if missing is not None:
        return missing
    if torch_cuda(snapshot) is None:
        return skip(f"this torch was built without CUDA, so without {library}")
    pin = pin_of(snapshot, f"nvidia-{library}-cu")
    files = [entry for entry in _files(snapshot, library) if entry.version]
    if pin is None:
        return _without_pin(snapshot, library, files)
    installed = snapshot.python.distribution(normalised(pin.name)) if snapshot.python else None
    if installed is None:
        return _not_installed(snapshot, pin, files)
    wanted = f"torch requires {pin.name}{pin.specifier}"
    if not holds(pin, installed.version):
        return fail(
            f"{installed.name} {installed.version} is installed, {wanted}",
            f'pip install "{pin.name}{pin.specifier}"',
            installed=installed.version,
            required=str(pin.specifier),
        )
    return _files_agree(installed, files, f"{installed.name} {installed.version}")


def _files(snapshot: Snapshot, library: str) -> list[LibraryFile]:
    """The library's files inside the environment; what a path shadows is another question."""
    found = snapshot.torch.libraries if snapshot.torch else ()
    return [entry for entry in found if entry.name == library and entry.origin != "LD_LIBRARY_PATH"]


def _files_agree(installed: Distribution, files: list[LibraryFile], words: str) -> Outcome:
    """The files are those of the distribution, not of one that was unpacked over it."""
    own = [entry for entry in files if entry.origin == "wheel"]
    version = Version.parse(installed.version)
    for entry in own:
        found = Version.parse(entry.version or "")
        if found.release(3) != version.release(3):
            return fail(
                f"{entry.path} is {found}, although {words} is installed: another "
                "distribution was unpacked over it",
                f"pip install --force-reinstall --no-deps {installed.name}=={installed.version}",
                file=str(found),
                metadata=installed.version,
            )
    if not own:
        return ok(f"{words}, as torch requires; its files do not tell their release")
    return ok(f"{words}, as torch requires, and its files are of that release")


def _not_installed(snapshot: Snapshot, pin: Any, files: list[LibraryFile]) -> Outcome:
    words = f"torch requires {pin.name}{pin.specifier}, which is not installed"
    if snapshot.torch_run is not None and snapshot.torch_run.imported:
        return note(f"{words}; torch imports all the same")
    if files:
        return note(f"{words}; {files[0].path} is {files[0].version}")
    return fail(words, f'pip install "{pin.name}{pin.specifier}"', required=str(pin))


def _without_pin(snapshot: Snapshot, library: str, files: list[LibraryFile]) -> Outcome:
    """A torch that brings the library itself (conda, source, static), or has no metadata."""
    for entry in snapshot.python.distributions if snapshot.python else ():
        own = [file for file in files if file.origin == "wheel"]
        if entry.name.startswith(f"nvidia-{library}-cu") and own:
            return _files_agree(entry, own, f"{entry.name} {entry.version}")
    return skip(f"torch names no {library} it requires (conda, or built from source)")


def cudnn_is_pinned(snapshot: Snapshot) -> Outcome:
    """The cuDNN here is the one torch was built with.

    Why: torch refuses an older cuDNN, and parts of two releases in one process end it.
    Remedy: install the release that torch pins.
    """
    outcome = pinned_library(snapshot, "cudnn")
    return outcome if outcome.is_trouble else _running_cudnn(snapshot, outcome)


def _running_cudnn(snapshot: Snapshot, outcome: Outcome) -> Outcome:
    """The release that answered in the process, which no path of ours may have foreseen."""
    run, pin = snapshot.torch_run, pin_of(snapshot, "nvidia-cudnn-cu")
    running = Version.find(run.cudnn if run else None)
    wanted = Version.find(str(pin.specifier).lstrip("=~>")) if pin is not None else None
    if running is None or wanted is None or running.release(3) == wanted.release(3):
        return outcome
    loaded = [name for name in (run.loaded if run else ()) if "libcudnn" in name]
    foreign = next((name for name in loaded if "/nvidia/cudnn/" not in name), None)
    return fail(
        f"cuDNN {running} is loaded, torch requires {wanted}"
        + (f": it came from {foreign}" if foreign else ""),
        "unset LD_LIBRARY_PATH and LD_PRELOAD",
        cause="library-path-shadowing" if foreign else None,
        loaded=loaded,
    )


def nccl_is_pinned(snapshot: Snapshot) -> Outcome:
    """The NCCL here is the one torch was built with.

    Why: another NCCL lacks symbols (torch does not import) or hangs between machines.
    Remedy: install the release that torch pins.
    """
    return pinned_library(snapshot, "nccl")


_FAMILY = (
    "cublas", "cuda-cupti", "cuda-nvrtc", "cuda-runtime", "cudnn", "cufft", "curand", "cusolver",
    "cusparse", "cusparselt", "nccl", "nvjitlink", "nvshmem", "nvtx",
)  # fmt: skip
_SHARED = ("cudnn", "cusparselt", "nccl", "nvshmem")
"""Libraries whose distributions for CUDA 12 and 13 own the same files."""


def one_family(snapshot: Snapshot) -> Outcome:
    """The CUDA libraries are of one CUDA release.

    Why: distributions for two CUDA majors overwrite each other's files, and a process that
    loads both fails in ways that point elsewhere.
    Remedy: uninstall the family torch does not use, then install torch's own again.
    """
    missing = torch_known(snapshot)
    if missing is not None or snapshot.python is None:
        return missing or unknown("the distributions could not be read")
    cuda = torch_cuda(snapshot)
    if cuda is None:
        return skip("this torch was built without CUDA")
    strays = _strays(snapshot, cuda.major)
    if not strays:
        return ok(f"every CUDA library installed is for CUDA {cuda.major}")
    names = [f"{entry.name} {entry.version}" for entry in strays]
    words = f"torch is built with CUDA {cuda}, but these are for another: {', '.join(names)}"
    libraries = {_library(entry.name) for entry in strays}
    remedy = f"pip uninstall -y {' '.join(entry.name for entry in strays)}"
    if libraries & set(_SHARED) and cuda.major >= 12:
        # one library alone is named by its own cause, whole families by theirs
        cause = f"{min(libraries)}-mismatch" if libraries in ({"cudnn"}, {"nccl"}) else None
        return fail(words, remedy, _reinstall(snapshot, libraries), cause=cause, strays=names)
    if len(strays) < 3:  # a single helper of another package is no second family
        return note(words, strays=names)
    return warn(words, remedy, confidence="likely", strays=names)


def _reinstall(snapshot: Snapshot, libraries: set[str]) -> str:
    """The line that puts torch's own libraries back where the strays lay."""
    pins = [pin_of(snapshot, f"nvidia-{library}-cu") for library in sorted(libraries)]
    named = " ".join(f'"{pin.name}{pin.specifier}"' for pin in pins if pin is not None)
    return f"then: pip install --force-reinstall --no-deps {named or 'torch'}"


def _strays(snapshot: Snapshot, major: int) -> list[Distribution]:
    found = snapshot.python.distributions if snapshot.python else ()
    return [
        entry
        for entry in found
        if _library(entry.name) in _FAMILY and _major(entry) not in (None, major)
    ]


def _library(name: str) -> str:
    return name.removeprefix("nvidia-").rsplit("-cu1", 1)[0]


def _major(entry: Distribution) -> int | None:
    """The CUDA major a distribution is for, by its name; from CUDA 13 on by its version."""
    stem, found, number = entry.name.rpartition("-cu")
    if found and stem and number.isdigit():
        return int(number[:2])
    version = Version.find(entry.version)
    named = entry.name in ("nvidia-cublas", "nvidia-cuda-runtime") and version is not None
    return version.major if named and version else None


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


def nothing_shadows(snapshot: Snapshot) -> Outcome:
    """No variable puts a foreign cuDNN or NCCL before the ones of torch.

    Why: LD_LIBRARY_PATH and LD_PRELOAD are searched before the wheel's own folders.
    Remedy: unset the variable for this program.
    """
    missing = torch_known(snapshot)
    if missing is not None or snapshot.torch is None:
        return missing or unknown("torch could not be read")
    if torch_cuda(snapshot) is None:
        return skip("this torch was built without CUDA")
    foreign = [e for e in snapshot.torch.libraries if e.origin == "LD_LIBRARY_PATH"]
    own = {e.name: e.version for e in snapshot.torch.libraries if e.origin in ("wheel", "torch")}
    other = [e for e in foreign if e.version is None or e.version != own.get(e.name)]
    if not foreign:
        return ok("no variable puts another cuDNN or NCCL first")
    words = ", ".join(f"{e.path} ({e.name} {e.version or 'of unknown release'})" for e in foreign)
    if not other:
        return note(f"LD_LIBRARY_PATH holds the same releases again: {words}")
    return fail(
        f"LD_LIBRARY_PATH puts {words} before torch's own "
        + ", ".join(f"{e.name} {own.get(e.name) or '?'}" for e in other),
        "unset LD_LIBRARY_PATH",
        confidence="likely",
        files=[e.path for e in other],
    )


_WHEEL = "the Requires-Dist lines of the torch wheel"

CHECKS = (
    Check(
        id="env.ld_paths",
        judge=nothing_shadows,
        cause="library-path-shadowing",
        reference="ld.so(8); pytorch/pytorch issue 119989",
    ),
    Check(
        id="torch.cuda_mix",
        judge=one_family,
        cause="cuda-mixed",
        needs=("torch.duplicate", "torch.cuda_build"),
        reference=_WHEEL,
    ),
    Check(
        id="torch.cudnn",
        judge=cudnn_is_pinned,
        cause="cudnn-mismatch",
        needs=("torch.duplicate", "torch.cuda_mix", "env.ld_paths"),
        reference="pytorch/pytorch issue 188892",
    ),
    Check(
        id="torch.nccl",
        judge=nccl_is_pinned,
        cause="nccl-mismatch",
        needs=("torch.duplicate", "torch.cuda_mix", "env.ld_paths"),
        reference="pytorch/pytorch issue 119932",
    ),
    Check(
        id="torch.requires",
        judge=requirements_hold,
        cause="cuda-mixed",
        needs=("torch.duplicate", "torch.cuda_mix"),
        reference=_WHEEL,
    ),
)
