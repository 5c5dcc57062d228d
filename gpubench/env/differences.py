"""Two snapshots as facts by their paths, and where they differ: one difference per thing."""

import dataclasses
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from gpubench import units
from gpubench.env.redact import clean
from gpubench.env.snapshot import Snapshot, lasting
from gpubench.units import Bytes

Path = tuple[str, ...]
Facts = Mapping[Path, Any]

PACKAGES = {"torch": "torch", "numpy": "numpy", "triton": "triton", "pytorch-triton": "triton"}
COMPANIONS = (
    "accelerate", "apex", "bitsandbytes", "deepspeed", "flash-attn", "lightning", "timm",
    "tokenizers", "torchao", "torchaudio", "torchdata", "torchtext", "torchvision",
    "transformer-engine", "transformers", "vllm", "xformers",
)  # fmt: skip
"""What is built on torch, or compiled for it."""
NAMES: dict[Path, str] = {
    ("driver", "version"): "driver",
    ("torch", "version"): "torch",
    ("python", "version"): "python",
    ("host", "kernel"): "kernel",
}
LEFT_OUT = ("schema", "source", "paste")
"""What says where a snapshot came from, not what it saw."""
SHOWN = 4
"""Entries of a list that are named."""
LIBRARIES = ("torch", "libraries")
_OF_A_FILE = ("name", "version")
_WHOLE = ("python", "implementation", "is_free_threaded")
_IDENTITY = ("index", "uuid", "serial", "pci_address")


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One thing before and after, as words; None where it is not there."""

    kind: str
    """A word for what it belongs to: ``torch``, ``driver``, ``variable``, …, ``rest``."""
    what: str
    name: str | None = None
    """The word by which a finding would speak of it."""
    before: str | None
    after: str | None


def same_machine(before: Snapshot, after: Snapshot) -> bool | None:
    """True where both saw a GPU in common; None where one side knows no UUID."""
    old, new = _uuids(before), _uuids(after)
    return bool(old & new) if old and new else None


def _uuids(snapshot: Snapshot) -> set[str]:
    return {gpu.uuid for gpu in snapshot.gpus if gpu.uuid}


def differences(before: Snapshot, after: Snapshot, *, same_machine: bool) -> list[Difference]:
    """Every lasting field that differs, folded into one difference per thing.

    GPUs are paired by their UUIDs on the same machine, by their places otherwise.
    """
    by_uuid = same_machine and _is_identified(before) and _is_identified(after)
    old, new = facts(before, by_uuid=by_uuid), facts(after, by_uuid=by_uuid)
    paths = [path for path in {**old, **new} if old.get(path) != new.get(path)]
    paths = [path for path in paths if _is_told(before, path, old) and _is_told(after, path, new)]
    return [
        *_gpu_count(before, after),
        *_packages(paths, old, new),
        *_gpus(paths, old, new),
        *(_single(path, old, new) for path in paths if _is_single(path, paths, old, new)),
    ]


def _is_identified(snapshot: Snapshot) -> bool:
    """True where every GPU has a UUID of its own."""
    uuids = {gpu.uuid for gpu in snapshot.gpus}
    return None not in uuids and len(uuids) == len(snapshot.gpus)


def facts(snapshot: Snapshot, *, by_uuid: bool) -> Facts:
    """Every lasting field by its path, entries of lists by what tells them apart."""
    plain = {key: value for key, value in lasting(snapshot).items() if key not in LEFT_OUT}
    nvml = plain["driver"]["nvml"] or {}
    plain["driver"]["version"] = plain["driver"]["version"] or nvml.get("driver_version")
    key = "uuid" if by_uuid else "index"
    plain["gpus"] = {
        str(gpu[key]): {"index": gpu["index"], **_described(gpu)} for gpu in plain["gpus"]
    }
    return dict(_walk((), plain))


def _described(gpu: dict[str, Any]) -> dict[str, Any]:
    return {field: value for field, value in gpu.items() if field not in _IDENTITY}


def _walk(path: Path, value: Any) -> Iterator[tuple[Path, Any]]:
    if isinstance(value, list) and value and all(isinstance(entry, dict) for entry in value):
        value = _keyed(value)
        yield path, sorted(value)
    if isinstance(value, dict):
        for key, entry in value.items():
            yield from _walk((*path, str(key)), entry)
    else:
        yield path, value


def _keyed(entries: list[dict[str, Any]]) -> dict[str, Any]:
    """Entries by path, address or name; the second of a name gets its place beside it."""
    keyed: dict[str, Any] = {}
    for place, entry in enumerate(entries):
        found = (entry.get(field) for field in ("path", "address", "name"))
        key = next((str(value) for value in found if value), str(place))
        keyed[key if key not in keyed else f"{key} ({place})"] = entry
    return keyed


def _is_told(snapshot: Snapshot, path: Path, found: Facts) -> bool:
    """False where it could not be read, or in a pasted report that does not speak of it."""
    if found.get(path) is not None:
        return True
    above = [".".join(path[:length]) for length in range(1, len(path) + 1)]
    return snapshot.source == "live" and snapshot.why_unread(*above, *_unread_gpus(path)) is None


def _unread_gpus(path: Path) -> tuple[str, ...]:
    return ("driver.nvml",) if path[0] == "gpus" else ()


# -- packages -------------------------------------------------------------------------------------


def _packages(paths: list[Path], old: Facts, new: Facts) -> Iterator[Difference]:
    """One difference per distribution: its release, else the fields that differ."""
    folder = ("python", "distributions")
    torch_is_told = ("torch", "version") in paths
    moved = ("python", "executable") in paths  # another environment has its packages elsewhere
    mine = [path for path in paths if path[:2] == folder and len(path) > 3]
    for name in dict.fromkeys(path[2] for path in mine):
        if name == "torch" and torch_is_told:
            continue  # told once, with the local tag that metadata lacks
        release = (*folder, name, "version")
        fields = [path for path in mine if path[2] == name and not (moved and path[3] == "folder")]
        shown = [release] if release in mine else fields
        for path in shown:
            before, after = _both(path, old, new)
            yield Difference(
                kind=_kind_of_package(name),
                what=name if path == release else f"{name}: {path[3]}",
                name=name.partition(" (")[0],
                before=before,
                after=after,
            )


def _kind_of_package(name: str) -> str:
    if name in PACKAGES:
        return PACKAGES[name]
    for library in ("cudnn", "nccl"):
        if name.startswith(f"nvidia-{library}"):
            return library
    if name.startswith(("nvidia-", "cuda-")) and name != "nvidia-ml-py":
        return "cuda"
    return "companion" if name in COMPANIONS else "rest"


# -- GPUs -----------------------------------------------------------------------------------------


def _gpu_count(before: Snapshot, after: Snapshot) -> Iterator[Difference]:
    told = all(_is_told(snapshot, ("gpus",), {}) or snapshot.gpus for snapshot in (before, after))
    if told and len(before.gpus) != len(after.gpus):
        yield Difference(
            kind="gpu",
            what="number of GPUs",
            before=str(len(before.gpus)),
            after=str(len(after.gpus)),
        )


def _number(found: Facts) -> int:
    return len({path[1] for path in found if path[0] == "gpus" and len(path) > 2})


def _gpus(paths: list[Path], old: Facts, new: Facts) -> Iterator[Difference]:
    """What differs of GPUs that are on both sides; the same change of several is one."""
    alike: dict[tuple[str, str | None, str | None], list[str]] = {}
    for path in paths:
        if path[0] != "gpus" or len(path) < 3 or path[2] == "index":
            continue
        place = (*path[:2], "index")
        if place in old and place in new:
            change = (path[2], _words(path, old), _words(path, new))
            alike.setdefault(change, []).append(str(new[place]))
    number = _number(new)
    for (field, before, after), indices in alike.items():
        named = f"GPU {', '.join(sorted(indices, key=int))}"
        what = f"{'every GPU' if len(indices) == number > 1 else named}: {field}"
        yield Difference(kind="gpu", what=what, before=before, after=after)


# -- everything else ------------------------------------------------------------------------------


def _is_single(path: Path, paths: list[Path], old: Facts, new: Facts) -> bool:
    """False for what is told otherwise: in a package, a GPU, its list, or with a release."""
    if path[:2] == ("python", "distributions") or path[0] == "gpus":
        return False
    if path[:2] == LIBRARIES:
        return _is_of_library(path, paths, old, new)
    if path == ("driver", "nvml", "device_count") and _number(old) != _number(new):
        return False  # told as the number of GPUs
    listed = any(isinstance(f.get(path[:n]), list) for f in (old, new) for n in range(1, len(path)))
    if listed and not (path in old and path in new):
        return False  # an entry that came or went is told by the list
    return not _follows(path, paths, old, new)


def _is_of_library(path: Path, paths: list[Path], old: Facts, new: Facts) -> bool:
    """One difference per file: that it came or went, its release, else the fields that differ."""
    if len(path) < 4 or _package_changed(path, paths):
        return False
    stays = path in old and path in new
    return (
        path[3] == "name"
        if not stays
        else path[3] == "version" or ((*path[:3], "version") not in paths)
    )


def _follows(path: Path, paths: list[Path], old: Facts, new: Facts) -> bool:
    """True for what changes with the release of the driver or of torch and need not be said."""
    release = (path[0], "version")
    if path[0] not in ("driver", "torch") or path == release or release not in paths:
        return False
    return path != ("driver", "flavour") or None in (old.get(path), new.get(path))


def _package_changed(path: Path, paths: list[Path]) -> bool:
    """True where the distribution that a library belongs to is told already."""
    kind = _kind(path)
    folder = ("python", "distributions")
    return any(p[:2] == folder and len(p) > 3 and _kind_of_package(p[2]) == kind for p in paths)


def _single(path: Path, old: Facts, new: Facts) -> Difference:
    before, after = _both(path, old, new)
    kind = _kind(path)
    name: str | None = NAMES.get(path)
    what = name or ".".join(path)
    if path[:2] == LIBRARIES:
        what, name = path[2] + ("" if path[3] in _OF_A_FILE else f": {path[3]}"), kind
    elif kind == "variable":
        what = name = path[-1]
    return Difference(kind=kind, what=clean(what), name=name, before=before, after=after)


def _kind(path: Path) -> str:
    if path[:2] == LIBRARIES:
        return next((name for name in ("cudnn", "nccl") if name in path[2]), "cuda")
    if path[:2] == ("driver", "pci_devices"):
        return "gpu"
    if path[0] in ("driver", "torch"):
        return "rest" if path[:2] == ("driver", "device_nodes") else path[0]
    if path[0] == "environment" and len(path) > 1:
        return "variable"
    if path == ("host", "kernel"):
        return "kernel"
    return "python" if path[0] == "python" and path[-1] in ("version", *_WHOLE) else "rest"


def _both(path: Path, old: Facts, new: Facts) -> tuple[str | None, str | None]:
    """Before and after as words; of two lists, what only one of them holds."""
    before, after = old.get(path), new.get(path)
    if isinstance(before, list) and isinstance(after, list):
        return _joined(set(before) - set(after)), _joined(set(after) - set(before))
    return _words(path, old), _words(path, new)


def _joined(entries: Iterable[Any]) -> str | None:
    """Some entries as words; the first few name the rest."""
    texts = sorted(clean(str(entry)) for entry in entries)
    more = f" and {len(texts) - SHOWN} more" if len(texts) > SHOWN else ""
    return ", ".join(texts[:SHOWN]) + more or None


def _words(path: Path, found: Facts) -> str | None:
    """A value as words: sizes in binary units, lists joined; None where it is not there."""
    value = found.get(path)
    if value is None or isinstance(value, bool):
        return {None: None, True: "yes", False: "no"}[value]
    if isinstance(value, int) and path[-1].endswith("_bytes"):
        return "unlimited" if value < 0 else units.memory(Bytes(value))
    if isinstance(value, list):
        return _joined(value) or "none"
    return clean(str(value))
