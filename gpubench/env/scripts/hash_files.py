"""Holds the contents of torch's files against the hashes in the RECORD of their wheels.

Sent to the interpreter on stdin, so it is of the standard library alone and keeps to Python
3.8. Its one argument is how many seconds it may read. Python files come first, then torch's
libraries, then NVIDIA's, the small ones before the large. Prints one JSON object.
"""

from __future__ import annotations

import sys

sys.path[:] = [entry for entry in sys.path if entry]

import base64
import hashlib
import json
import os
import time
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

from gpubench.env.scripts.record_files import (
    WITH_RECORD,
    is_repacked,
    metadata_folders,
    rows_of,
)

CHUNK_BYTES = 2**20
THREADS = 2
HASH = "sha256="


class File(NamedTuple):
    """One file of a RECORD, and what it should be."""

    owner: str
    """The metadata folder."""
    listed: str
    path: str
    size: int
    digest: str


def files() -> list[File]:
    """Every file to read, in the order to read it; one of another size is altered anyhow."""
    found = []
    for name, metadata, folder in metadata_folders():
        if WITH_RECORD.fullmatch(name) and not is_repacked(metadata):
            for listed, digest, size in rows_of(metadata):
                path = os.path.join(folder, listed)
                is_whole = os.path.isfile(path) and os.path.getsize(path) == size
                if digest.startswith(HASH) and is_whole:
                    found.append(File(metadata, listed, path, size, digest[len(HASH) :]))
    return sorted(found, key=order)


def order(file: File) -> tuple[bool, bool, int]:
    return (not file.path.endswith(".py"), file.listed.startswith("nvidia/"), file.size)


def is_altered(file: File, until: float) -> bool | None:
    """True for other content, None where the time was up or the file could not be read."""
    found = hashlib.sha256()
    try:
        with open(file.path, "rb") as stream:
            while time.monotonic() < until:
                chunk = stream.read(CHUNK_BYTES)
                if not chunk:
                    digest = base64.urlsafe_b64encode(found.digest()).rstrip(b"=").decode()
                    return digest != file.digest.rstrip("=")
                found.update(chunk)
    except OSError:
        pass
    return None


def main() -> None:
    until = time.monotonic() + float(sys.argv[1])
    found = files()
    with ThreadPoolExecutor(max_workers=THREADS) as pool:
        answers = list(pool.map(lambda file: is_altered(file, until), found))
    altered: dict[str, list[str]] = {}
    unread = {file.owner for file, answer in zip(found, answers) if answer is None}
    for file, answer in zip(found, answers):
        held = altered.setdefault(file.owner, [])
        if answer:
            held.append(file.listed)
    sys.stdout.write(json.dumps({"altered": altered, "unread": sorted(unread)}))


main()
