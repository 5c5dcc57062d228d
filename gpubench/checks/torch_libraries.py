"""cuDNN and NCCL: each is the one torch pins, as metadata, as files and as loaded."""

import re
from pathlib import PurePosixPath
from typing import Any

from gpubench.checks.facts import torch_cuda, torch_known
from gpubench.checks.outcome import Check, Outcome, fail, note, ok, skip, warn
from gpubench.checks.proofs import ran_right_on_gpu
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
        return other_release(
            snapshot,
            library,
            (Version.find(installed.version), _release_of(pin)),
            f"{installed.name} {installed.version} is installed, {wanted}",
            f'pip install "{pin.name}{pin.specifier}"',
            installed=installed.version,
            required=str(pin.specifier),
        )
    return _files_agree(snapshot, library, installed, files)


def _release_of(pin: Any) -> Version | None:
    return Version.find(str(pin.specifier).lstrip("=~>"))


def other_release(
    snapshot: Snapshot,
    library: str,
    releases: tuple[Version | None, Version | None],
    words: str,
    *remedy: str,
    **details: Any,
) -> Outcome:
    """Another release than torch's own, (found, wanted): a fault unless it was seen to work.

    The proofs compute with cuDNN, which keeps its interface within a major release. They do not
    compute with NCCL, of which only another patch level is harmless.
    """
    found, wanted = releases
    parts = 2 if library == "nccl" else 1
    alike = bool(found and wanted and found.release(parts) == wanted.release(parts))
    works = ran_right_on_gpu(snapshot)
    if alike and library == "nccl" and works:
        return note(f"{words}; it works all the same")
    if alike and (library == "nccl" or works):
        return warn(words, *remedy, **details)
    return fail(words, *remedy, **details)


def _files(snapshot: Snapshot, library: str) -> list[LibraryFile]:
    """The library's files inside the environment; what a path shadows is another question."""
    found = snapshot.torch.libraries if snapshot.torch else ()
    return [entry for entry in found if entry.name == library and entry.origin not in VARIABLES]


def _files_agree(
    snapshot: Snapshot, library: str, installed: Distribution, files: list[LibraryFile]
) -> Outcome:
    """The files are those of the distribution, not of one that was unpacked over it."""
    words = f"{installed.name} {installed.version}"
    own = [entry for entry in files if entry.origin == "wheel"]
    version = Version.parse(installed.version)
    again = f"pip install --force-reinstall --no-deps {installed.name}=={installed.version}"
    for entry in own:
        found = Version.parse(entry.version or "")
        if found.release(3) != version.release(3):
            return other_release(
                snapshot,
                library,
                (found, version),
                f"{entry.path} is {found}, although {words} is installed: another "
                "distribution was unpacked over it",
                again,
                file=str(found),
                metadata=installed.version,
            )
    altered = [text for text in installed.damaged if _REPLACED.search(text)]
    if altered:
        by = f" ({', '.join(installed.overlaps)})" if installed.overlaps else ""
        return fail(
            f"{altered[0]}, although {words} is installed: another build{by} was unpacked over it",
            again,
            files=altered,
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
            return _files_agree(snapshot, library, entry, own)
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
    wanted = _release_of(pin) if pin is not None else None
    if running is None or wanted is None or running.release(3) == wanted.release(3):
        return outcome
    loaded = loaded_files(snapshot, "cudnn")
    foreign = next((name for name in loaded if not is_own(snapshot, name)), None)
    return other_release(
        snapshot,
        "cudnn",
        (running, wanted),
        f"cuDNN {running} is loaded, torch requires {wanted}"
        + (f": it came from {foreign}" if foreign else ""),
        "unset LD_LIBRARY_PATH and LD_PRELOAD",
        cause="library-path-shadowing" if foreign else None,
        loaded=loaded,
    )


def loaded_files(snapshot: Snapshot, library: str) -> list[str]:
    """The files of a library that were mapped into the process that computed."""
    run = snapshot.torch_run
    return [name for name in (run.loaded if run else ()) if f"/lib{library}" in name]


def is_own(snapshot: Snapshot, name: str) -> bool:
    """True for a file of torch, of a wheel or of the environment's own library folder."""
    folders: dict[str, set[str]] = {"own": set(), "variable": set()}
    for entry in snapshot.torch.libraries if snapshot.torch else ():
        kind = "variable" if entry.origin in VARIABLES else "own"
        folders[kind].add(str(PurePosixPath(entry.path).parent))
    folder = str(PurePosixPath(name).parent)
    if folder in folders["own"]:
        return True
    return folder not in folders["variable"] and bool(_WHEEL_FILE.search(name))


def nccl_is_pinned(snapshot: Snapshot) -> Outcome:
    """The NCCL here is the one torch was built with.

    Why: another NCCL lacks symbols (torch does not import) or hangs between machines.
    Remedy: install the release that torch pins.
    """
    return pinned_library(snapshot, "nccl")


_WHEEL_FILE = re.compile(r"/(?:site|dist)-packages/(?:nvidia/.+/lib|torch/lib)/")
_REPLACED = re.compile(r"/lib(?:cudnn|nccl)\w*\.so(?:\.\d+)* has \d")
"""A library that is whole, but not that of the RECORD."""
VARIABLES = ("LD_LIBRARY_PATH", "LD_PRELOAD")

CHECKS = (
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
