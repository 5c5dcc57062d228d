"""``nox -s images``: build the images for real with buildah and try each; takes root and hours.

    nox -s images -- current --target dev --pip-certificate /path/to/ca.crt

One image at a time, removed when it has been tried: buildah's vfs storage copies every layer whole.
"""

import argparse
import contextlib
import dataclasses
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from tests.docker.stacks import ASKED, ROOT
from tests.docker.trials import DEV, RUNTIME, Container, Trial

DEBIAN = "http://deb.debian.org/debian"
SECURITY = "http://deb.debian.org/debian-security"
SUITE = "bookworm"
BASE = f"localhost/{SUITE}-base"
NEEDED_BYTES = 25 * 2**30
"""What vfs takes at the height of one build (own measurement: layer, container and blob)."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Built:
    """One image: how long it took, how large it is, and what was tried in it."""

    name: str
    seconds: float
    size: str
    failed: tuple[str, ...]


def main(arguments: Sequence[str] | None = None) -> int:
    """Build and try the images asked for; exit status 1 where a trial failed."""
    options = _options(arguments)
    os.environ.setdefault("STORAGE_DRIVER", "vfs")
    os.environ.setdefault("BUILDAH_ISOLATION", "chroot")
    base = options.base or _base()
    built = []
    with tempfile.TemporaryDirectory() as folder:
        volumes = _volumes(options.pip_certificate, Path(folder))
        for stack, target in _images(options.stacks, options.target):
            built.append(_one(stack, target, base, volumes, keep=options.keep))
    for image in built:
        print(f"{image.name:28} {image.seconds:7.0f} s {image.size:>10}  {_verdict(image)}")
    return 1 if any(image.failed for image in built) else 0


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="tests.docker.build", description=__doc__)
    parser.add_argument("stacks", nargs="*", choices=[*ASKED, []], help="default: all")
    parser.add_argument(
        "--target", choices=["runtime", "dev"], help="default: runtime, and dev of current"
    )
    parser.add_argument("--base", help="a base image that is there; default: one by debootstrap")
    parser.add_argument("--pip-certificate", type=Path, help="a CA bundle for pip alone")
    parser.add_argument("--keep", action="store_true", help="leave the images in storage")
    return parser.parse_args(arguments)


def _images(stacks: Sequence[str], target: str | None) -> list[tuple[str, str]]:
    """Every stack as runtime and the newest as dev; or those that were named."""
    named = [(stack, target or "runtime") for stack in stacks or ASKED]
    return named if stacks or target else [*named, ("current", "dev")]


def _verdict(image: Built) -> str:
    return "all trials passed" if not image.failed else f"FAILED: {', '.join(image.failed)}"


def _one(stack: str, target: str, base: str, volumes: Sequence[str], *, keep: bool) -> Built:
    """Build one image, try it, remove it."""
    _hold_room()
    name = f"localhost/gpubench:{stack}" + ("-dev" if target == "dev" else "")
    began = time.monotonic()
    _run(
        "buildah", "build", "--build-arg", f"BASE={base}", "--build-arg", f"STACK={stack}",
        "--build-arg", f"REVISION={_revision()}", "--target", target, "--tag", name,
        *volumes, str(ROOT),
    )  # fmt: skip
    seconds = time.monotonic() - began
    try:
        failed = _try(name, RUNTIME if target == "runtime" else DEV)
        size = _ask("buildah", "images", "--format", "{{.Size}}", name)
    finally:
        if not keep:
            _run("buildah", "rmi", "--force", name)
            _run("buildah", "rmi", "--prune")
    return Built(name=name, seconds=seconds, size=size, failed=failed)


def _try(name: str, trials: Sequence[Trial]) -> tuple[str, ...]:
    failed = []
    with _container(name) as container:
        for trial in trials:
            problem = trial(container)
            words = (trial.__doc__ or trial.__name__).strip()
            print(f"{'no ' if problem else 'yes'}  {words}{f': {problem}' if problem else ''}")
            failed += [trial.__name__] if problem else []
    return tuple(failed)


@contextlib.contextmanager
def _container(name: str) -> Iterator[Container]:
    identity = _ask("buildah", "from", name)
    # buildah mounts the image's own volume over one that it is given, which no engine does
    _run("buildah", "config", "--volume", "/workspace-", identity)
    try:
        with tempfile.TemporaryDirectory() as workspace:
            Path(workspace).chmod(0o1777)
            yield Container(identity=identity, image=name, workspace=Path(workspace))
    finally:
        _run("buildah", "rm", identity)


def _base() -> str:
    """Debian as small as its own slim image, by debootstrap."""
    if _ask("buildah", "images", "--quiet", "--filter", f"reference={BASE}"):
        return BASE
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "root"
        _run("debootstrap", "--variant=minbase", "--include=ca-certificates", SUITE, str(root),
             DEBIAN)  # fmt: skip
        (root / "etc/apt/sources.list").write_text(
            f"deb {DEBIAN} {SUITE} main\ndeb {DEBIAN} {SUITE}-updates main\n"
            f"deb {SECURITY} {SUITE}-security main\n"
        )
        for stale in ("var/cache/apt/archives", "var/lib/apt/lists"):
            shutil.rmtree(root / stale)
            (root / stale / "partial").mkdir(parents=True)
        container = _ask("buildah", "from", "scratch")
        _run("buildah", "copy", "--quiet", container, str(root), "/")
        _run("buildah", "config", "--cmd", "bash", container)
        _run("buildah", "commit", "--quiet", "--rm", container, BASE)
    return BASE


def _volumes(certificate: Path | None, folder: Path) -> list[str]:
    """A CA bundle for pip while it builds; it stays out of every layer."""
    if certificate is None:
        return []
    settings = folder / "pip.conf"
    settings.write_text("[global]\ncert = /run/pip-ca.crt\ntimeout = 180\n")
    return [
        "--volume", f"{certificate.resolve()}:/run/pip-ca.crt:ro",
        "--volume", f"{settings}:/etc/pip.conf:ro",
    ]  # fmt: skip


def _revision() -> str:
    return _ask("git", "-C", str(ROOT), "rev-parse", "HEAD")


def _hold_room() -> None:
    root = _ask("buildah", "info", "--format", "{{.store.GraphRoot}}")
    free = shutil.disk_usage(root).free
    if free < NEEDED_BYTES:
        raise SystemExit(f"{free / 2**30:.0f} GiB are free, one build takes 25: make room first")


def _run(*command: str) -> None:
    print("+", " ".join(command), file=sys.stderr, flush=True)
    subprocess.run(command, check=True)


def _ask(*command: str) -> str:
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return done.stdout.strip()


if __name__ == "__main__":
    sys.exit(main())
