"""What an image says it is made of, and whether that is what is installed in it."""

import importlib.metadata
import re
from collections.abc import Callable

from gpubench.env.redact import clean
from gpubench.env.snapshot import Stack
from gpubench.env.sources import Sources

CONSTRAINTS = "GPUBENCH_CONSTRAINTS"
"""The variable that names the constraints file an image was built from."""
_PIN = re.compile(r"([A-Za-z0-9][\w.-]*)\s*==\s*([\w.!+-]+)\s*(?:#.*)?")


def read_stack(
    sources: Sources,
    unread: dict[str, str],
    installed: Callable[[str], str | None] | None = None,
) -> Stack | None:
    """The stack this image states, with what is installed for this interpreter; None for no image.

    ``installed`` answers the release of a distribution, None where it is not there.
    """
    path = sources.variables.get(CONSTRAINTS)
    if not path:
        return None
    text = _text(sources, path, unread)
    pins = pins_of(text)
    if text and not pins:
        unread["stack.pins"] = f"{clean(path)} pins nothing"
    ask = installed or installed_here
    found = {name: version for name in pins if (version := ask(name)) is not None}
    return Stack(
        name=_variable(sources, "GPUBENCH_STACK"),
        revision=_variable(sources, "GPUBENCH_REVISION"),
        image=_variable(sources, "GPUBENCH_IMAGE"),
        path=clean(path),
        pins=pins,
        installed=found,
    )


def _text(sources: Sources, path: str, unread: dict[str, str]) -> str:
    try:
        text = sources.text(path)
    except OSError as problem:
        unread["stack.pins"] = f"{clean(path)}: {problem.strerror}"
        return ""
    if not text:
        unread["stack.pins"] = f"{clean(path)} {'is not there' if text is None else 'is empty'}"
    return text or ""


def _variable(sources: Sources, name: str) -> str | None:
    return clean(sources.variables.get(name, "")) or None


def pins_of(text: str) -> dict[str, str]:
    """The exact releases a constraints file states, by normalised names."""
    found = (_PIN.fullmatch(line.strip()) for line in text.splitlines())
    return {re.sub(r"[-_.]+", "-", pin[1]).lower(): pin[2] for pin in found if pin}


def installed_here(name: str) -> str | None:
    """The release of a distribution for the interpreter that runs this."""
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None
