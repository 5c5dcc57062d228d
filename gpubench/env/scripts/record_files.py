"""What is installed by its metadata, and its files held against the RECORD that lists them.

A part of the scripts that are sent to interpreters: standard library alone, Python 3.8.
"""

from __future__ import annotations

import csv
import functools
import os
import re
import sys
from typing import Any, Dict, Iterator, List, Tuple

from gpubench.env.scripts.library_files import LIBRARY, is_cut_short

WITH_RECORD = re.compile(r"torch|torchvision|torchaudio|triton|pytorch-triton|nvidia-.+")
SHARED_FOLDER = re.compile(r"^(?:torch|torchvision|torchaudio|triton|nvidia)/", re.MULTILINE)
CODE = r"\.(?:py|so(?:\.\d+)*)"
IS_CODE = re.compile(CODE + "$")
ROW = re.compile(rf'^([^",\r\n]*{CODE}),([^",\r\n]*),0*([1-9][0-9]*)\r?$', re.MULTILINE)
"""A line of a RECORD that lists code, and is not empty; names with commas stand in quotes."""
DAMAGE_NAMED = 20
Owners = Dict[str, List[Tuple[str, str]]]
"""File → (metadata folder, hash) of every distribution whose RECORD lists it."""


def normalised(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def metadata_folders() -> Iterator[tuple[str, str, str]]:
    """(name, folder of the metadata, folder of the package) in the order an import looks."""
    seen = set()
    for folder in sys.path:
        real = os.path.realpath(folder)
        if real in seen or not os.path.isdir(folder):
            continue
        seen.add(real)
        for entry in sorted(os.listdir(folder)):
            stem, ending = os.path.splitext(entry)
            if ending in (".dist-info", ".egg-info"):
                yield normalised(stem.split("-")[0]), os.path.join(folder, entry), folder


def first_line(path: str) -> str | None:
    try:
        with open(path, encoding="utf-8", errors="replace") as stream:
            return stream.readline(200).strip() or None
    except OSError:
        return None


@functools.lru_cache(maxsize=None)
def record_of(metadata: str) -> str:
    """The RECORD of a distribution, empty where there is none to read."""
    try:
        path = os.path.join(metadata, "RECORD")
        with open(path, encoding="utf-8", errors="replace", newline="") as stream:
            return stream.read()
    except OSError:
        return ""


@functools.lru_cache(maxsize=None)
def rows_of(metadata: str) -> list[tuple[str, str, int]]:
    """(file, hash, size) of the code a RECORD lists; byte code is not looked at.

    Empty files are not either: several wheels own the same nvidia/__init__.py.
    """
    text = record_of(metadata)
    rows = [(path, digest, int(size)) for path, digest, size in ROW.findall(text)]
    quoted = re.findall(r'^".*', text, re.MULTILINE)
    return rows + [
        (row[0], row[1], int(row[2]))
        for row in csv.reader(quoted)
        if len(row) == 3 and row[2].isdigit() and int(row[2]) and IS_CODE.search(row[0])
    ]


def file_owners(found: list[tuple[str, str, str]]) -> Owners:
    """Who lists the files in the folders of torch and of NVIDIA's libraries."""
    owners: Owners = {}
    for name, metadata, folder in found:
        if WITH_RECORD.fullmatch(name) or SHARED_FOLDER.search(record_of(metadata)):
            for path, digest, _ in rows_of(metadata):
                if path.startswith(("torch", "triton/", "nvidia/")):
                    owners.setdefault(f"{folder}/{path}", []).append((metadata, digest))
    return owners


def is_repacked(metadata: str) -> bool:
    """True where another packager changed the files after the RECORD was written.

    conda-build, Nix and Guix write their own search paths into libraries.
    """
    by_conda = first_line(os.path.join(metadata, "INSTALLER")) == "conda"
    return by_conda or os.path.realpath(metadata).startswith(("/nix/store/", "/gnu/store/"))


def record_damage(metadata: str, folder: str, owners: Owners) -> dict[str, Any]:
    """Files of the RECORD that are missing, of another size, or listed by another one too.

    Libraries are named first.
    """
    if not os.path.isfile(os.path.join(metadata, "RECORD")) or is_repacked(metadata):
        return {"record_read": False}
    damaged = []
    shared = set()
    for path, digest, size in rows_of(metadata):
        place = f"{folder}/{path}"
        problem = damage(place, size)
        if problem:
            damaged.append((LIBRARY.search(path) is None, path + problem))
        for other, its_digest in owners.get(place, ()):
            if other != metadata and its_digest != digest:
                shared.add(named(other))
    texts = [text for _, text in sorted(damaged)]
    return {
        "record_read": True,
        "damaged": texts[:DAMAGE_NAMED],
        "damaged_count": len(damaged),
        "overlaps": sorted(shared),
    }


def damage(path: str, size: int) -> str:
    try:
        actual = os.stat(path).st_size
    except OSError:
        return " is missing"
    if actual == size:
        return ""
    if LIBRARY.search(path) and is_cut_short(path, actual):
        return f" is cut short: {actual} bytes, not {size}"
    return f" has {actual} bytes, not {size}"


def named(metadata: str) -> str:
    """``name version`` of a distribution by the name of its metadata folder."""
    stem = os.path.basename(metadata).rsplit(".", 1)[0]
    name, _, version = stem.partition("-")
    return f"{normalised(name)} {version}".strip()
