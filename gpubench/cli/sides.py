"""What ``ab`` holds against each other: an interpreter or a container image on either side."""

import contextlib
import hashlib
from collections.abc import Iterator
from typing import TYPE_CHECKING

import typer

from gpubench.cli import pairing, terminal
from gpubench.errors import BadUsage

if TYPE_CHECKING:
    from gpubench.env.images import Image

PYTHON_A = typer.Option(metavar="EXE", help="The baseline (default: the interpreter running this).")
PYTHON_B = typer.Option(metavar="EXE", help="The candidate: the interpreter of a venv, say.")
IMAGE_A = typer.Option(metavar="REF", help="The baseline: a container image.")
IMAGE_B = typer.Option(metavar="REF", help="The candidate: a container image.")
ENGINE = typer.Option(help="docker, podman or buildah (default: the first that answers).")
PULL = typer.Option("--pull", help="Fetch images first; without it nothing is downloaded.")


@contextlib.contextmanager
def both(
    pythons: tuple[str | None, str | None],
    images: tuple[str | None, str | None],
    *,
    engine: str | None,
    pull: bool,
    device: str,
) -> Iterator[tuple[pairing.Environment, pairing.Environment]]:
    """Both sides, baseline first; images are there until the block is left."""
    _hold(pythons, images, engine=engine, pull=pull)
    if not any(images):
        yield pairing.interpreters(*pythons)
        return
    with contextlib.ExitStack() as stack:
        yield (
            _side(stack, "a", pythons[0], images[0], engine, pull=pull, device=device),
            _side(stack, "b", pythons[1], images[1], engine, pull=pull, device=device),
        )


def _hold(
    pythons: tuple[str | None, str | None],
    images: tuple[str | None, str | None],
    *,
    engine: str | None,
    pull: bool,
) -> None:
    """BadUsage where the options name no candidate, or one side twice."""
    for letter, python, image in zip("ab", pythons, images, strict=True):
        if python is not None and image is not None:
            raise BadUsage(f"--{letter}-python and --{letter}-image name one side: give one")
    if pythons[1] is None and images[1] is None:
        raise BadUsage("name the candidate: --b-python EXE or --b-image REF")
    if not any(images) and (engine is not None or pull):
        raise BadUsage("--engine and --pull are for images: give --a-image or --b-image")


def _side(
    stack: contextlib.ExitStack,
    letter: str,
    python: str | None,
    image: str | None,
    engine: str | None,
    *,
    pull: bool,
    device: str,
) -> pairing.Environment:
    if image is None:
        return pairing.interpreter(python, f"--{letter}-python")
    from gpubench.env.images import gpus_of, opened
    from gpubench.env.sources import Sources

    gpus = () if device == "cpu" else gpus_of(Sources())
    terminal.note(f"opening {terminal.plain(image)}")
    return _described(stack.enter_context(opened(image, engine=engine, pull=pull, gpus=gpus)))


def _described(image: "Image") -> pairing.Environment:
    """An image, and what its Python has; it is held to its digest where pairs are gone on with."""
    from gpubench.bench.record import Source
    from gpubench.env.probe import take_snapshot

    digest = hashlib.sha256(image.reference.encode()).hexdigest()[:16]
    return pairing.Environment(
        place=image,
        title=f"{image.title} ({image.engine.name})",
        source=Source(name=image.reference, digest=digest),
        snapshot=take_snapshot(level="quick", place=image),
        image=image.title,
    )
