"""cuDNN and NCCL: each is the one torch pins, as metadata, as files and as loaded."""

from typing import Any

from gpubench.checks.facts import torch_cuda, torch_known
from gpubench.checks.outcome import Check, Outcome, fail, note, ok, skip, unknown
from gpubench.checks.requirements import holds, normalised, pin_of
from gpubench.env.snapshot import Distribution, LibraryFile, Snapshot
from gpubench.versions import Version


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


CHECKS = (
    Check(
        id="env.ld_paths",
        judge=nothing_shadows,
        cause="library-path-shadowing",
        needs=("torch.present",),
        reference="ld.so(8); pytorch/pytorch issue 119989",
    ),
    Check(
        id="torch.cudnn",
        judge=cudnn_is_pinned,
        cause="cudnn-mismatch",
        needs=("torch.present", "torch.duplicate", "torch.cuda_mix", "env.ld_paths"),
        reference="pytorch/pytorch issue 188892",
    ),
    Check(
        id="torch.nccl",
        judge=nccl_is_pinned,
        cause="nccl-mismatch",
        needs=("torch.present", "torch.duplicate", "torch.cuda_mix", "env.ld_paths"),
        reference="pytorch/pytorch issue 119932",
    ),
)
