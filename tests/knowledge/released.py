"""What released wheels say of themselves, asked of the index that pip is set up for.

pip alone knows where packages come from: it names the wheel and reads its metadata, and single
files are then read out of it by ranges. No wheel is downloaded whole.
"""

import contextlib
import dataclasses
import io
import json
import re
import ssl
import subprocess
import sys
import tempfile
import urllib.request
import zipfile
from collections.abc import Iterator, Sequence
from typing import BinaryIO

from packaging.requirements import Requirement

PIP = (sys.executable, "-m", "pip", "--disable-pip-version-check")
WHEELS_ONLY = ("--only-binary=:all:",)
LINUX = ("manylinux_2_28", "manylinux_2_17", "manylinux2014")
X86_LINUX = (*LINUX, "manylinux2010", "manylinux1", "linux")
BLOCK = 1 << 20
"""Bytes fetched at once: the table of contents of a wheel is some hundred kilobytes."""

_ARCHITECTURES = re.compile(rb"(?:(?:sm|compute)_\d+[af]?)(?: (?:sm|compute)_\d+[af]?)+(?=\0)")
_CUDA = re.compile(r"^cuda\b[^=]*=\s*['\"]([\d.]+)", re.MULTILINE)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Wheel:
    """One released wheel, as its metadata and its files describe it."""

    version: str
    url: str
    requires_python: str | None
    requires: tuple[str, ...]

    def pin(self, prefix: str, machine: str = "x86_64") -> str | None:
        """The release it requires of the first distribution whose name starts so."""
        for text in self.requires:
            wanted = Requirement(_modern(text))
            if wanted.name.startswith(prefix) and _applies(wanted, machine):
                return next((entry.version for entry in wanted.specifier), None)
        return None


def _modern(text: str) -> str:
    """``name (==1.0) ; marker`` as older wheels write it, without the brackets."""
    return re.sub(r"^([\w.\-\[\],]+) *\(([^)]*)\)", r"\1\2", text)


def _applies(wanted: Requirement, machine: str) -> bool:
    here = {"platform_system": "Linux", "sys_platform": "linux", "platform_machine": machine}
    return wanted.marker is None or wanted.marker.evaluate({**here, "extra": ""})


def platforms(machine: str) -> tuple[str, ...]:
    """The options that have pip look for the Linux wheels of a machine."""
    kinds = X86_LINUX if machine == "x86_64" else LINUX
    return tuple(option for kind in kinds for option in ("--platform", f"{kind}_{machine}"))


def available(name: str, python: str, machine: str) -> list[str]:
    """The releases with a wheel for a Python (3.11) and a machine; empty where there is none."""
    # every patch release of an old Python counts: some releases exclude 3.6.0
    asked = _pip("index", "versions", name, "--json", "--python-version", f"{python}.99",
                 *WHEELS_ONLY, *platforms(machine))  # fmt: skip
    return [] if asked is None else json.loads(asked)["versions"]


def wheel(requirement: str, python: str, machine: str) -> Wheel | None:
    """The wheel pip would install; None where there is none."""
    with tempfile.TemporaryDirectory() as nowhere:
        asked = _pip("install", "--quiet", "--dry-run", "--ignore-installed", "--no-deps",
                     "--use-feature=fast-deps", "--target", nowhere, "--report", "-",
                     "--python-version", f"{python}.99", *WHEELS_ONLY, *platforms(machine),
                     requirement)  # fmt: skip
    if asked is None:
        return None
    (found,) = json.loads(asked)["install"]
    metadata = found["metadata"]
    return Wheel(
        version=metadata["version"],
        url=found["download_info"]["url"],
        requires_python=metadata.get("requires_python"),
        requires=tuple(metadata.get("requires_dist", ())),
    )


def _pip(*arguments: str) -> str | None:
    """What pip prints; None where it ends otherwise than well."""
    done = subprocess.run([*PIP, *arguments], capture_output=True, text=True, check=False)
    return done.stdout if done.returncode == 0 else None


def certificates() -> str | None:
    """The file of certificates pip is set up with."""
    asked = _pip("config", "get", "global.cert")
    return asked.strip() or None if asked else None


def cuda_and_architectures(stream: BinaryIO) -> tuple[str | None, tuple[str, ...]]:
    """The CUDA release and the compiled architectures that stand in a wheel of torch.

    No architectures where the library does not hold them as one text.
    """
    with zipfile.ZipFile(stream) as archive:
        found = _CUDA.search(archive.read("torch/version.py").decode())
        if found is None:
            return None, ()
        library = archive.read("torch/lib/libtorch_python.so")
    texts = [match[0] for match in _ARCHITECTURES.finditer(library)]
    longest = max(texts, key=len, default=b"")
    return ".".join(found[1].split(".")[:2]), tuple(longest.decode().split())


@contextlib.contextmanager
def opened(url: str, cafile: str | None = None) -> Iterator[BinaryIO]:
    """A wheel by its address, of which only what is read is fetched."""
    context = ssl.create_default_context(cafile=cafile)
    with io.BufferedReader(_Remote(url, context), BLOCK) as stream:
        yield stream


class _Remote(io.RawIOBase):
    """A file on a server that serves ranges."""

    def __init__(self, url: str, context: ssl.SSLContext) -> None:
        self._url, self._context, self._place = url, context, 0
        with self._ask({}, method="HEAD") as answer:
            self._size = int(answer.headers["Content-Length"])

    def _ask(self, headers: dict[str, str], method: str = "GET"):
        request = urllib.request.Request(self._url, headers=headers, method=method)
        return urllib.request.urlopen(request, context=self._context, timeout=120)

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._place

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        self._place = (0, self._place, self._size)[whence] + offset
        return self._place

    def readinto(self, buffer: memoryview) -> int:
        last = min(self._place + len(buffer), self._size) - 1
        if last < self._place:
            return 0
        with self._ask({"Range": f"bytes={self._place}-{last}"}) as answer:
            if answer.status != 206:
                raise OSError(f"the index serves no ranges: {answer.status}")
            content = answer.read()
        buffer[: len(content)] = content
        self._place += len(content)
        return len(content)


def newest_patches(versions: Sequence[str]) -> dict[str, str]:
    """The newest patch of each minor release, oldest first; pre-releases and tags left out."""
    plain = [tuple(map(int, text.split("."))) for text in versions if re.fullmatch(r"[\d.]+", text)]
    return {f"{release[0]}.{release[1]}": ".".join(map(str, release)) for release in sorted(plain)}
