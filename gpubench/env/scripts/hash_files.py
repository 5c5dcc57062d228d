"""Holds the contents of torch's files against the hashes in the RECORD of their wheels.

Sent to the interpreter on stdin, so it is one file of the standard library alone and keeps to
Python 3.8. Its one argument is how many seconds it may read. Python files come first, then
torch's libraries, then NVIDIA's, the small ones before the large. Prints one JSON object.
"""

from __future__ import annotations

import sys

sys.path[:] = [entry for entry in sys.path if entry]

import base64
import csv
import hashlib
import json
import os
import re
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Iterator, NamedTuple

HELD = re.compile(r"(torch|torchvision|torchaudio|triton|pytorch.triton|nvidia[-_.].+)$")
CODE = re.compile(r"\.(py|so(\.\d+)*)$")
CHUNK_BYTES = 2**20
THREADS = 2


class File(NamedTuple):
    """One file of a RECORD, and what it should be."""

    owner: str
    """The metadata folder."""
    listed: str
    path: str
    size: int
    digest: str


def metadata_folders() -> Iterator[tuple[str, str]]:
    """(folder of the metadata, folder of the package) of what is held."""
    seen = set()
    for folder in sys.path:
        real = os.path.realpath(folder)
        if real in seen or not os.path.isdir(folder):
            continue
        seen.add(real)
        for entry in sorted(os.listdir(folder)):
            stem, ending = os.path.splitext(entry)
            if ending == ".dist-info" and HELD.match(stem.split("-")[0].lower()):
                yield os.path.join(folder, entry), folder


def is_repacked(metadata: str) -> bool:
    """True where conda, Nix or Guix changed the files after the RECORD was written."""
    try:
        with open(os.path.join(metadata, "INSTALLER"), encoding="utf-8", errors="replace") as text:
            by_conda = text.readline(200).strip() == "conda"
    except OSError:
        by_conda = False
    return by_conda or os.path.realpath(metadata).startswith(("/nix/store/", "/gnu/store/"))


def files() -> list[File]:
    """Every file to read, in the order to read it; one of another size is altered anyhow."""
    found = []
    for metadata, folder in metadata_folders():
        record = os.path.join(metadata, "RECORD")
        if not os.path.isfile(record) or is_repacked(metadata):
            continue
        with open(record, encoding="utf-8", errors="replace", newline="") as stream:
            for row in csv.reader(stream):
                if len(row) == 3 and row[1].startswith("sha256=") and CODE.search(row[0]):
                    path = os.path.join(folder, row[0])
                    size = int(row[2]) if row[2].isdigit() else 0
                    if size and os.path.isfile(path) and os.path.getsize(path) == size:
                        found.append(File(metadata, row[0], path, size, row[1][7:]))
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
