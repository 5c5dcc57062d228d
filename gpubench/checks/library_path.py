"""Variables that put a foreign cuDNN or NCCL before the ones of torch."""

from typing import Any

from gpubench.checks.facts import torch_cuda, torch_known
from gpubench.checks.outcome import Check, Outcome, Status, fail, note, ok, skip, unknown, warn
from gpubench.checks.proofs import ran_right_on_gpu
from gpubench.checks.torch_libraries import VARIABLES, is_own, loaded_files, other_release
from gpubench.env.snapshot import LibraryFile, Snapshot
from gpubench.versions import Version

_NAMED = ("cudnn", "nccl")
_OWN = ("wheel", "torch", "prefix")
_WORST_FIRST = (Status.FAIL, Status.WARN, Status.NOTE)


def nothing_shadows(snapshot: Snapshot) -> Outcome:
    """No variable puts a foreign cuDNN or NCCL before the ones of torch.

    Why: some builds of torch search LD_LIBRARY_PATH before their own folders; which file is
    taken shows where torch runs (--level standard).
    Remedy: unset the variable for this program.
    """
    missing = torch_known(snapshot)
    if missing is not None or snapshot.torch is None:
        return missing or unknown("torch could not be read")
    if torch_cuda(snapshot) is None:
        return skip("this torch was built without CUDA")
    own = {e.name: e.version for e in reversed(snapshot.torch.libraries) if e.origin in _OWN}
    found = [e for e in snapshot.torch.libraries if e.origin in VARIABLES]
    foreign = [e for e in found if e.name in _NAMED or _lacks_symbols(e, own.get(e.name))]
    other = [e for e in foreign if e.version is None or e.version != own.get(e.name)]
    if not foreign:
        return ok("no variable puts another cuDNN or NCCL first")
    words = ", ".join(map(_described, foreign))
    if not other:
        return note(f"{foreign[0].origin} holds the same releases again: {words}")
    outcomes = [_shadowed(snapshot, entry, own.get(entry.name)) for entry in other]
    return min(outcomes, key=lambda outcome: _WORST_FIRST.index(outcome.status))


def _shadowed(snapshot: Snapshot, entry: LibraryFile, own: str | None) -> Outcome:
    """One library on LD_LIBRARY_PATH: was it loaded, and did it work?"""
    run, loaded = snapshot.torch_run, loaded_files(snapshot, entry.name)
    what = _described(entry)
    remedy = f"unset {entry.origin}"
    details: dict[str, Any] = {"confidence": "likely", "files": [entry.path]}
    foreign = [name for name in loaded if not is_own(snapshot, name)]
    if loaded and not foreign:
        return _own_was_loaded(snapshot, entry, loaded, remedy)
    if foreign:
        releases = Version.find(entry.version), Version.find(own)
        words = f"{foreign[0]} is loaded in the place of torch's own {entry.name} {own or '?'}"
        words += f": {entry.origin} puts {what} first"
        return other_release(
            snapshot, entry.name, releases, words, remedy, **{**details, "loaded": loaded}
        )
    if run is not None and not run.imported:
        words = f"{entry.origin} puts {what} before torch's own {entry.name} {own or '?'}"
        return fail(words, remedy, **details)
    if run is not None and entry.name not in _NAMED:
        return note(f"{entry.origin} holds {what}; torch imports all the same")
    return warn(
        f"{entry.origin} holds {what}, torch's own is {entry.name} {own or '?'}: "
        "it may be loaded in its place",
        remedy,
        **{**details, "confidence": "possible"},
    )


def _own_was_loaded(
    snapshot: Snapshot, entry: LibraryFile, loaded: list[str], remedy: str
) -> Outcome:
    """Torch took its own; cuDNN opens most of its parts when they are first used on a GPU."""
    words = f"{entry.origin} holds {_described(entry)}; torch loads its own, {loaded[0]}"
    if entry.name != "cudnn" or ran_right_on_gpu(snapshot):
        return note(words, loaded=loaded)
    return warn(
        f"{words}, but nothing was computed on a GPU, when the other parts of cuDNN are opened",
        remedy,
        confidence="possible",
        loaded=loaded,
        files=[entry.path],
    )


def _described(entry: LibraryFile) -> str:
    return f"{entry.path} ({entry.name} {entry.version or 'of unknown release'})"


def _lacks_symbols(entry: LibraryFile, own: str | None) -> bool:
    """True for an nvJitLink older than torch's own, which cuSPARSE then cannot be linked with."""
    found, wanted = Version.find(entry.version), Version.find(own)
    return entry.name == "nvjitlink" and bool(found and wanted and found < wanted)


CHECKS = (
    Check(
        id="env.ld_paths",
        judge=nothing_shadows,
        cause="library-path-shadowing",
        needs=("torch.present",),
        reference="ld.so(8); pytorch/pytorch issue 119989",
    ),
)
