"""What an image should not hold: looked for in every file of every layer, its history and settings.

    python -m tests.docker.leftovers IMAGE        or, to see planted secrets found: --planted BASE

What a released package brought is public, and its own list of hashes tells: a wheel's RECORD and
Debian's md5sums. Everything else is read to the end, in each layer, also where a later one
deleted it.
"""

import base64
import csv
import hashlib
import io
import json
import re
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

SECRET = re.compile(
    rb"-----BEGIN [A-Z ]*PRIVATE KEY-----"
    rb"|\bhf_[A-Za-z0-9]{20,}|\bgh[pousr]_[A-Za-z0-9]{20,}|\bgithub_pat_\w{20,}"
    rb"|\bglpat-[\w-]{16,}|\bxox[abprs]-[\w-]{10,}|\bAKIA[0-9A-Z]{16}\b|\bnpm_[A-Za-z0-9]{30,}"
    rb"|\bpypi-AgEI[\w-]{20,}|\beyJ[\w-]{10,}\.eyJ[\w-]{10,}\."
    rb"|[a-z][a-z0-9+.-]*://[^\s/:@'\"<>{}$%*]+:[^\s/@'\"<>{}$%*]+@"
    rb"|(?i:\b\w*(?:password|passwd|secret|api_?key|(?:access|auth|hf|jupyter)_token)\w*"
    rb"\s*[=:]\s*['\"]?[\w+/.-]{12,})"
)
"""What tokens, private keys, passwords and addresses with credentials look like."""
NAMED = re.compile(
    r"(^|/)(pip\.conf|\.netrc|\.pypirc|\.git-credentials|\.npmrc|\.docker/config\.json|\.aws/.+"
    r"|id_(rsa|dsa|ecdsa|ed25519)|ssh_host_\w+_key|authorized_keys|\.env|\.bash_history"
    r"|\.python_history)$|^run/secrets/|^run/pip-ca\.crt$"
)
"""Files that hold secrets or settings of the machine where an image was built."""
CACHED = re.compile(
    r"^(root|home/\w+)/\.cache/|^var/lib/apt/lists/[^/]+_|^var/cache/apt/.+\.(deb|bin)$|^tmp/"
    r"|^(opt/gpubench|usr/local|workspace|home|root)/(.*/)?__pycache__/|\.whl$"
)
"""What installing leaves behind, and nobody needs in an image."""
KEPT = re.compile(r"^opt/gpubench/wheels/gpubench-[^/]+\.whl$|^usr/share/python-wheels/[^/]+\.whl$")
"""gpubench's own wheel, and the pip that Debian's Python makes environments with."""
BUNDLE = "etc/ssl/certs/ca-certificates.crt"
CERTIFICATE = re.compile(rb"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----", re.DOTALL)
Public = dict[str, set[str]]
"""Path to the hashes that packages state of it: ``sha256=`` as in RECORD, or an MD5 in hex."""


def leftovers(folder: Path) -> list[str]:
    """What stands where it should not, in an image that was pushed to ``dir:folder``."""
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    config = json.loads(_blob(folder, manifest["config"]["digest"]).read_bytes())
    layers = [_blob(folder, layer["digest"]) for layer in manifest["layers"]]
    public = stated(layers)
    found = [
        f"layer {number}: {problem}"
        for number, layer in enumerate(layers, start=1)
        for problem in _in_layer(layer, public)
    ]
    return [*_in_config(config), *found, *foreign_certificates(layers)]


def _blob(folder: Path, digest: str) -> Path:
    return folder / digest.partition(":")[2]


def stated(layers: list[Path]) -> Public:
    """What the packages of all layers state of their files."""
    found: Public = {}
    for layer in layers:
        for path, data in _files(layer, lambda path: _is_list(path)):
            for name, sign in _record(path, data) if path.endswith("RECORD") else _sums(data):
                found.setdefault(name, set()).add(sign)
    return found


def _is_list(path: str) -> bool:
    return path.endswith(".dist-info/RECORD") or (
        path.startswith("var/lib/dpkg/info/") and path.endswith(".md5sums")
    )


def _record(path: str, data: bytes) -> Iterator[tuple[str, str]]:
    site = PurePosixPath(path).parents[1]
    for row in csv.reader(io.StringIO(data.decode("utf-8", "replace"))):
        if len(row) == 3 and row[1]:
            yield _plain(site / row[0]), row[1]


def _sums(data: bytes) -> Iterator[tuple[str, str]]:
    for line in data.decode("utf-8", "replace").splitlines():
        sign, _, path = line.partition("  ")
        # Debian 12 has /bin as a link to /usr/bin, and its packages still say bin/bash
        yield path, sign
        yield f"usr/{path}", sign


def _plain(path: PurePosixPath) -> str:
    """A path without the ``..`` of scripts that lie outside of site-packages."""
    parts: list[str] = []
    for part in path.parts:
        parts = parts[:-1] if part == ".." else [*parts, part]
    return "/".join(parts)


def _files(layer: Path, wanted: Any) -> Iterator[tuple[str, bytes]]:
    """The regular files of a layer that are wanted, with their content."""
    with tarfile.open(layer, "r:*") as archive:
        for member in archive:
            path = member.name.removeprefix("./")
            if member.isreg() and wanted(path):
                stream = archive.extractfile(member)
                assert stream is not None
                yield path, stream.read()


def _in_layer(layer: Path, public: Public) -> Iterator[str]:
    for path, data in _files(layer, lambda _path: True):
        if not data or KEPT.search(path):  # a mount point leaves an empty file
            continue
        if NAMED.search(path):
            yield f"{path} is there, with {len(data)} bytes"
        elif CACHED.search(path):
            yield f"{path} is a cache"
        elif not is_public(path, data, public) and (hit := SECRET.search(data)):
            yield f"{path} holds {_shown(hit[0])}"


def is_public(path: str, data: bytes, public: Public) -> bool:
    """Whether this is a released package's own file, or compiled from one."""
    signs = public.get(path, ())
    if path.endswith(".pyc"):
        folder, _, name = path.rpartition("/__pycache__/")
        return f"{folder}/{name.partition('.')[0]}.py" in public
    return any(sign == _sign(data, sign) for sign in signs)


def _sign(data: bytes, like: str) -> str:
    kind, equals, _ = like.partition("=")
    if not equals:
        return hashlib.md5(data, usedforsecurity=False).hexdigest()
    digest = hashlib.new(kind, data).digest()
    return f"{kind}={base64.urlsafe_b64encode(digest).rstrip(b'=').decode()}"


def _shown(hit: bytes) -> str:
    """The beginning of what was found; never all of it, this goes to a log."""
    return f"{hit[:12].decode('utf-8', 'replace')!r} and {max(len(hit) - 12, 0)} more characters"


def _in_config(config: dict[str, Any]) -> Iterator[str]:
    """Problems of the variables, labels and history."""
    settings = config.get("config", {})
    told = [f"variable {entry}" for entry in settings.get("Env") or ()]
    told += [f"label {name}={value}" for name, value in (settings.get("Labels") or {}).items()]
    told += [f"history {step.get('created_by', '')}" for step in config.get("history", ())]
    for text in told:
        if hit := SECRET.search(text.encode()):
            yield f"{text.partition(' ')[0]} holds {_shown(hit[0])}"


def foreign_certificates(layers: list[Path]) -> list[str]:
    """Certificates in the system's bundle that Debian's own package did not bring."""
    known: set[bytes] = set()
    bundles: list[bytes] = []
    for layer in layers:
        for path, data in _files(
            layer, lambda path: path == BUNDLE or path.startswith("usr/share/ca-certificates/")
        ):
            if path == BUNDLE:
                bundles.append(data)
            else:
                known |= set(CERTIFICATE.findall(data))
    foreign = {found for data in bundles for found in CERTIFICATE.findall(data)} - known
    return [f"{BUNDLE}: {len(foreign)} certificates are not Debian's"] if foreign else []


PLANTED = """\
FROM {base}
RUN head -c 30 /dev/zero | tr '\\0' a | sed 's/^/hf_/' > /srv/token
RUN rm /srv/token && mkdir -p /root/.cache/pip && touch -d 2026-01-01 /root/.cache/pip/wheel \\
    && echo x > /root/.cache/pip/wheel
ENV JUPYTER_TOKEN=8f2d1c94b07e6a35d18c4e92
RUN : https://somebody:h4rdlysecret@registry.example.com/simple
"""
"""An image that shows what the search is worth: nothing of it is a secret of anybody."""
EXPECTED = (
    "variable holds",
    "history holds",
    "srv/token holds",
    "root/.cache/pip/wheel is a cache",
)


def of_image(image: str) -> tuple[int, list[str]]:
    """How many layers an image of buildah's storage has, and what is left in them."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        command = ["buildah", "push", "--quiet", "--disable-compression", image, f"dir:{folder}"]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
        return len(manifest["layers"]), leftovers(folder)


def of_planted(base: str) -> list[str]:
    """What is found in an image in which secrets were planted, one of them deleted again."""
    name = "localhost/gpubench-planted"
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "Dockerfile")
        path.write_text(PLANTED.format(base=base), encoding="utf-8")
        command = [
            "buildah",
            "build",
            "--quiet",
            "--layers",
            "--tag",
            name,
            "-f",
            str(path),
            folder,
        ]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    try:
        return of_image(name)[1]
    finally:
        subprocess.run(["buildah", "rmi", "--force", name], check=True, stdout=subprocess.DEVNULL)


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit status 1 where something is left in an image, or what was planted is not found."""
    words = sys.argv[1:] if arguments is None else list(arguments)
    found = of_planted(words[1]) if words[0] == "--planted" else of_image(words[0])[1]
    print("\n".join(found) or "nothing is left")
    if words[0] != "--planted":
        return 1 if found else 0
    missed = [words for words in EXPECTED if not any(words in line for line in found)]
    print(f"not found: {missed}" if missed else "all that was planted was found")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
