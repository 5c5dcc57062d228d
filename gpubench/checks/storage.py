"""Where torch, its compilers and its downloads write."""

from collections.abc import Iterator

from gpubench.checks.facts import torch_known, torch_version
from gpubench.checks.outcome import Check, Outcome, fail, ok, skip, unknown, warn
from gpubench.env.snapshot import Folder, Snapshot
from gpubench.units import memory
from gpubench.versions import Version

FULL_BYTES = 500_000_000
"""Below this a disk counts as full (leptonai/gpud, disk component)."""
LITTLE_SHARE, LITTLE_BYTES = 0.10, 20 * 2**30
"""Little room: a tenth (gpud), and less than one torch stack with a model or two (own).

A tenth of a large disk is room enough, so both must hold."""
CACHE_BYTES = 2**30
"""What a few compiled models take (own)."""
LITTLE_FILES = 1000
NETWORK = ("nfs", "nfs4", "cifs", "smb3", "fuse.sshfs", "9p")
"""File systems on which locks of compilers' caches are slow or not kept."""


def _known(snapshot: Snapshot) -> tuple[Outcome | None, tuple[Folder, ...]]:
    reason = snapshot.why_unread("host.folders")
    if snapshot.host.folders:
        return None, snapshot.host.folders
    return unknown(reason) if reason else skip("the folders are not described here"), ()


def room(snapshot: Snapshot) -> Outcome:
    """There is room where downloads, caches and temporary files go.

    Why: a full disk shows as a broken download, a compiler that fails or a lost checkpoint.
    Remedy: make room, or point the variable at a larger disk.
    """
    other, folders = _known(snapshot)
    if other is not None:
        return other
    measured = [
        folder for folder in folders if folder.is_writable and folder.free_bytes is not None
    ]
    full = [words for folder in measured if (words := _full(folder))]
    if full:
        return fail(full[0], *_make_room(measured), folders=full)
    little = [words for folder in measured if (words := _little(folder))]
    if little:
        return warn(little[0], *_make_room(measured), folders=little)
    reason = snapshot.why_unread("host.folders")
    if reason or not measured:
        return unknown(reason) if reason else skip("no folder here can be written to")
    least = min(measured, key=lambda folder: folder.free_bytes or 0)
    return ok(f"{memory(least.free_bytes)} free at {least.path} ({least.purpose}), the fullest")


def _full(folder: Folder) -> str | None:
    place = f"{folder.path} ({folder.purpose})"
    if folder.free_files == 0:
        return f"no file can be made at {place}: its disk has no inode left"
    if (folder.free_bytes or 0) < FULL_BYTES:
        return f"{memory(folder.free_bytes)} free at {place}: as good as full"
    return None


def _little(folder: Folder) -> str | None:
    free, size = folder.free_bytes or 0, folder.size_bytes or 0
    place = f"{folder.path} ({folder.purpose})"
    if free < LITTLE_SHARE * size and free < LITTLE_BYTES:
        return f"only {memory(free)} of {memory(size)} free at {place}"
    if folder.free_files is not None and folder.free_files < LITTLE_FILES:
        return f"only {folder.free_files} files can be made at {place}: its inodes run out"
    return None


def _make_room(folders: list[Folder]) -> Iterator[str]:
    tightest = min(folders, key=lambda folder: folder.free_bytes or 0)
    if tightest.purpose == "temporary files":
        yield "export TMPDIR=/path/on/a/larger/disk"
    elif tightest.purpose == "home":
        yield "export HF_HOME=/path/on/a/larger/disk TORCH_HOME=/path/on/a/larger/disk"
    else:
        yield f"export {tightest.purpose}=/path/on/a/larger/disk"
    yield "pip cache purge"


def compile_caches(snapshot: Snapshot) -> Outcome:
    """What torch.compile builds can be kept and loaded.

    Why: inductor and triton write what they compile into caches and load it from there: a
    read-only home, a noexec disk or a full one breaks the first compiled step.
    Remedy: export TORCHINDUCTOR_CACHE_DIR=... TRITON_CACHE_DIR=... on a local disk.
    """
    missing = torch_known(snapshot)
    if missing is not None:
        return missing
    torch = torch_version(snapshot)
    if torch is not None and torch < Version.parse("2.0"):
        return skip(f"torch {torch} has no torch.compile")
    other, folders = _known(snapshot)
    if other is not None:
        return other
    named = {folder.purpose: folder for folder in folders}
    caches = {
        "TORCHINDUCTOR_CACHE_DIR": named.get("TORCHINDUCTOR_CACHE_DIR")
        or named.get("temporary files"),
        "TRITON_CACHE_DIR": named.get("TRITON_CACHE_DIR") or named.get("home"),
    }
    for variable, folder in caches.items():
        trouble = _unfit(folder) if folder else None
        if folder and trouble:
            return warn(
                f"{folder.path}, where {variable} lies, {trouble}",
                f"export {variable}=/path/on/a/local/disk",
                path=folder.path,
                file_system=folder.file_system,
            )
    reason = snapshot.why_unread("host.folders")
    if reason:
        return unknown(reason)
    places = " and ".join(dict.fromkeys(f.path for f in caches.values() if f))
    return ok(f"compiled code can be kept at {places}")


def _unfit(folder: Folder) -> str | None:
    if folder.is_writable is False:
        return "cannot be written to: torch.compile has nowhere to put its code"
    if folder.runs_programs is False:
        return "is mounted noexec: compiled code cannot be loaded from there"
    if folder.free_bytes is not None and folder.free_bytes < CACHE_BYTES:
        return f"has {memory(folder.free_bytes)} free, less than {memory(CACHE_BYTES)}"
    if folder.file_system in NETWORK:
        return f"is a network disk ({folder.file_system}): caches are slow and collide there"
    return None


CHECKS = (
    Check(
        id="host.disk",
        judge=room,
        cause="host-resources",
        reference="leptonai/gpud, disk component",
    ),
    Check(
        id="tc.cache",
        judge=compile_caches,
        cause="host-resources",
        needs=("torch.present", "host.disk"),
        reference="PyTorch, compile-time caching; triton, knobs of the cache",
    ),
)
