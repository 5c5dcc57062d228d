"""``nox -s images``: build the images for real with buildah and try each; takes root and hours.

    nox -s images -- current --target dev --pip-certificate /path/to/ca.crt

One image at a time, removed when it has been tried, unless told to keep it. Seconds, sizes and what
the trials said go into a JSON file with ``--report``; ``--built`` tries again what is in storage.
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

import gpubench
from tests.docker import leftovers
from tests.docker.again import Compared, compared, packages
from tests.docker.report import Built, Tried, note
from tests.docker.stacks import ASKED, ROOT, STACKS
from tests.docker.trials import RUNTIME, Container, Trial
from tests.docker.ways_in import DEV

DEBIAN = "http://deb.debian.org/debian"
SECURITY = "http://deb.debian.org/debian-security"
SUITE = "bookworm"
BASE = f"localhost/{SUITE}-base"
REVISION = '{{index .OCIv1.Config.Labels "org.opencontainers.image.revision"}}'
REACHING = ("Dockerfile", "docker", "gpubench", "pyproject.toml")
"""What of the checkout goes into an image."""
NEEDED_BYTES = 25 * 2**30
"""What one build takes at its height (own measurement: container, blob and layer)."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Build and try the images asked for; exit status 1 where a trial failed."""
    options = _options(arguments)
    os.environ.setdefault("BUILDAH_ISOLATION", "chroot")
    base = options.base or _base()
    if leftovers.main(["--planted", base]):
        return 1
    built = []
    with tempfile.TemporaryDirectory() as folder:
        volumes = _volumes(options.pip_certificate, Path(folder))
        for stack, target in _images(options.stacks, options.target):
            image = _one(stack, target, base, volumes, options)
            if options.again:
                again = _again(image, base, volumes)
                image = dataclasses.replace(image, again=again)
            built.append(image)
            if options.report:
                note(options.report, image)
    for image in built:
        print(image.line())
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
    parser.add_argument("--built", action="store_true", help="try what is in storage already")
    parser.add_argument("--trials", help="only these, by name with commas between")
    parser.add_argument("--again", action="store_true", help="build twice and compare; keeps it")
    parser.add_argument("--report", type=Path, help="a JSON file that takes what was found")
    return parser.parse_args(arguments)


def _images(stacks: Sequence[str], target: str | None) -> list[tuple[str, str]]:
    """Every stack as runtime and the newest as dev; or those that were named."""
    named = [(stack, target or "runtime") for stack in stacks or ASKED]
    return named if stacks or target else [*named, ("current", "dev")]


def _one(
    stack: str, target: str, base: str, volumes: Sequence[str], options: argparse.Namespace
) -> Built:
    """Build one image, try it, remove it."""
    name = _name(stack, target)
    seconds = None if options.built else _build(name, stack, target, base, volumes)
    try:
        tried = tuple(_try(name, _trials(target, options.trials)))
        told = _ask("buildah", "images", "--format", "{{.Size}}|{{.Digest}}", name)
        size, digest = told.split("|")
        revision = _ask("buildah", "inspect", "--type", "image", "--format", REVISION, name)
    finally:
        if not (options.keep or options.again):
            _remove(name)
    return Built(
        stack=stack, target=target, seconds=seconds, size=size, digest=digest, tried=tried,
        revision=revision,
        torch=_torch(stack),
    )  # fmt: skip


def _again(image: Built, base: str, volumes: Sequence[str]) -> Compared:
    """What differs when the same image is built once more from nothing."""
    first, second = _name(image.stack, image.target), _name(image.stack, image.target) + "-again"
    try:
        seconds = _build(second, image.stack, image.target, base, volumes, "--no-cache")
        found = compared(packages(first), packages(second), seconds=seconds)
    finally:
        _remove(second)
    print(found.line(), flush=True)
    return found


def _name(stack: str, target: str) -> str:
    return f"localhost/gpubench:{stack}" + ("-dev" if target == "dev" else "")


def _remove(name: str) -> None:
    """An image and the layers that no other has."""
    _run("buildah", "rmi", "--force", name)
    _run("buildah", "rmi", "--prune")


def _build(
    name: str, stack: str, target: str, base: str, volumes: Sequence[str], *more: str
) -> float:
    """Build as Docker does, a layer for each instruction; the seconds it took."""
    _hold_room()
    given = {
        "BASE": base,
        "STACK": stack,
        "VERSION": gpubench.__version__,
        "REVISION": _revision(),
        "IMAGE": name,
    }
    arguments = [word for pair in given.items() for word in ("--build-arg", "=".join(pair))]
    began = time.monotonic()
    _run(
        "buildah", "build", "--layers", *more, *arguments, "--target", target, "--tag", name,
        *volumes, str(ROOT),
    )  # fmt: skip
    return time.monotonic() - began


def _torch(stack: str) -> str:
    lines = (STACKS / f"{stack}.txt").read_text(encoding="utf-8").splitlines()
    return next(line.partition("==")[2] for line in lines if line.startswith("torch=="))


def _trials(target: str, names: str | None) -> tuple[Trial, ...]:
    every = RUNTIME if target == "runtime" else DEV
    return tuple(t for t in every if names is None or t.__name__ in names.split(","))


def _try(name: str, trials: Sequence[Trial]) -> Iterator[Tried]:
    with _container(name) as container:
        for trial in trials:
            container.notes.clear()
            began = time.monotonic()
            problem = trial(container)
            tried = Tried(
                name=trial.__name__,
                words=" ".join((trial.__doc__ or "").split()),
                problem=problem,
                seconds=time.monotonic() - began,
                notes=tuple(container.notes),
            )
            print(tried.line(), flush=True)
            yield tried


@contextlib.contextmanager
def _container(name: str) -> Iterator[Container]:
    identity = _ask("buildah", "from", name)
    # buildah mounts the image's own volume over one that it is given, which no engine does
    _run("buildah", "config", "--volume", "/workspace-", identity)
    try:
        with tempfile.TemporaryDirectory() as workspace:
            Path(workspace).chmod(0o1777)
            digest = _ask("buildah", "images", "--format", "{{.Digest}}", name)
            yield Container(identity=identity, image=name, digest=digest, workspace=Path(workspace))
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
    """The commit, and a word where files that reach the image differ from it."""
    commit = _ask("git", "-C", str(ROOT), "rev-parse", "HEAD")
    changed = _ask("git", "-C", str(ROOT), "status", "--porcelain", *REACHING)
    return f"{commit}-dirty" if changed else commit


def _hold_room() -> None:
    root = _ask("buildah", "info", "--format", "{{.store.GraphRoot}}")
    free = shutil.disk_usage(root).free
    if free < NEEDED_BYTES:
        raise SystemExit(f"{free / 2**30:.0f} GiB are free, one build takes 25: make room first")


def _run(*command: str) -> None:
    print("+", " ".join(command), file=sys.stderr, flush=True)
    subprocess.run(command, check=True)


def _ask(*command: str) -> str:
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    return done.stdout.strip()


if __name__ == "__main__":
    sys.exit(main())
