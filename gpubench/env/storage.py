"""Where torch, its compilers and its downloads write: room, rights, and the kind of disk."""

import dataclasses
import os
import posixpath
import re
import threading
from collections.abc import Iterator, Mapping

from gpubench.env.files import optional
from gpubench.env.redact import clean
from gpubench.env.snapshot import Folder
from gpubench.env.sources import Sources
from gpubench.units import Bytes

ANSWER_SECONDS = 2.0
"""A disk that does not answer for so long (a dead network mount) is unread."""
TEMPORARY = "/tmp"  # noqa: S108 - looked at, not written
_DEFAULTS = (
    ("HF_HOME", "huggingface"),
    ("TORCH_HOME", "torch"),
)
"""Variables of downloads, and what stands for them below the user's cache folder."""
_NAMED = ("TORCHINDUCTOR_CACHE_DIR", "TRITON_CACHE_DIR", "TORCH_EXTENSIONS_DIR", "CUDA_CACHE_PATH")
"""Variables of compilers' caches; unset, they lie in the home or the temporary folder."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class _Mount:
    """One line of mountinfo."""

    point: str
    file_system: str
    options: frozenset[str]


def read_folders(sources: Sources, unread: dict[str, str]) -> tuple[Folder, ...] | None:
    """The folders that are written to, each as it is now; a disk that hangs is ``unread``."""
    found: list[Folder] = []
    mounts = _mounts(sources)

    def look() -> None:
        for purpose, path in _wanted(sources.variables):
            found.append(_folder(sources, purpose, path, mounts))

    thread = threading.Thread(target=look, daemon=True)
    thread.start()
    thread.join(ANSWER_SECONDS)
    seen = tuple(found)
    if thread.is_alive():
        late = [path for _, path in _wanted(sources.variables)][len(seen) :][:1]
        words = clean("".join(late))
        unread["host.folders"] = f"{words}: no answer within {ANSWER_SECONDS:.0f} s"
    return seen


def _wanted(variables: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Every folder once, under the first name that leads to it."""
    seen = set()
    for purpose, path in _all_of(variables):
        if path.startswith("/") and path not in seen:
            seen.add(path)
            yield purpose, path


def _all_of(variables: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    home = variables.get("HOME") or os.path.expanduser("~")  # noqa: PTH111 - never raises
    cache = variables.get("XDG_CACHE_HOME") or posixpath.join(home, ".cache")
    yield "temporary files", variables.get("TMPDIR") or TEMPORARY
    yield "home", home
    for name, default in _DEFAULTS:
        yield name, _expanded(variables.get(name) or posixpath.join(cache, default), home)
    for name in _NAMED:
        if variables.get(name):
            yield name, _expanded(variables[name], home)


def _expanded(path: str, home: str) -> str:
    return posixpath.join(home, path[2:]) if path.startswith("~/") else path


def _folder(sources: Sources, purpose: str, path: str, mounts: list[_Mount]) -> Folder:
    """The folder, or the nearest one above it that exists: that is where it would be made."""
    place = sources.path(path)
    while not place.is_dir() and place not in (sources.root, place.parent):
        place = place.parent
    mount = _mount_of(path, mounts)
    described = Folder(
        purpose=purpose,
        path=clean(path),
        file_system=mount.file_system if mount else None,
        is_writable=os.access(place, os.W_OK | os.X_OK),
        runs_programs="noexec" not in mount.options if mount else None,
    )
    try:
        answer = os.statvfs(place)
    except OSError:
        return described
    return dataclasses.replace(
        described,
        size_bytes=Bytes(answer.f_blocks * answer.f_frsize),
        free_bytes=Bytes(answer.f_bavail * answer.f_frsize),
        free_files=answer.f_favail if answer.f_files else None,
    )


def _mounts(sources: Sources) -> list[_Mount]:
    found = []
    for entry in optional(sources, "/proc/self/mountinfo").splitlines():
        left, _, right = entry.partition(" - ")
        fields, more = left.split(), right.split()
        if len(fields) >= 6 and more:
            point = re.sub(r"\\(\d{3})", lambda code: chr(int(code[1], 8)), fields[4])
            found.append(
                _Mount(point=point, file_system=more[0], options=frozenset(fields[5].split(",")))
            )
    return found


def _mount_of(path: str, mounts: list[_Mount]) -> _Mount | None:
    """The mount a path lies on: the longest one above it, the last where two are alike."""
    best = None
    for mount in mounts:
        inside = path == mount.point or path.startswith(mount.point.rstrip("/") + "/")
        if inside and (best is None or len(mount.point) >= len(best.point)):
            best = mount
    return best
