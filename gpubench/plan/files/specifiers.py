"""Requirements as pip, conda and Poetry write them, as a name and a PEP 440 specifier."""

import functools
import re
from contextvars import ContextVar
from urllib.parse import unquote

from gpubench.plan.files.stated import normalised

_WHEEL = re.compile(r"([A-Za-z0-9_.]{1,100})-(\d[A-Za-z0-9.+!_]{0,60})-[\w.]+-[\w.]+-[\w.]+\.whl$")
_LINUX = {
    "os_name": "posix",
    "sys_platform": "linux",
    "platform_system": "Linux",
    "platform_machine": "x86_64",
}

PYTHON: ContextVar[str | None] = ContextVar("PYTHON", default=None)
"""The Python a file is judged for, by which markers are evaluated; None is the running one."""


def of_pip(text: str) -> tuple[str, str] | None:
    """Name and specifier of a requirement that holds on Linux x86-64; None for anything else."""
    text = text.strip()
    if not text or len(text) > 1000 or text[0] in "-.#/":
        return None
    wheel = _of_wheel(text)
    return wheel or _parsed(text, PYTHON.get())


def _of_wheel(text: str) -> tuple[str, str] | None:
    """A wheel by its file name: https://…/torch-2.6.0%2Bcu124-cp310-cp310-linux_x86_64.whl."""
    words = text.partition(";")[0].strip().partition("#")[0]
    if not words.endswith(".whl"):
        return None
    found = _WHEEL.match(unquote(words.rsplit("/", 1)[-1]))
    return (normalised(found[1]), f"=={found[2]}") if found else None


def _at(python: str | None) -> dict[str, str]:
    """What markers are held to: Linux on x86-64, and the Python that was named."""
    if python is None:
        return dict(_LINUX)
    parts = [*python.split("."), "0", "0"][:3]
    full = ".".join(parts)
    return {**_LINUX, "python_version": ".".join(parts[:2]), "python_full_version": full}


@functools.lru_cache(maxsize=4096)
def _parsed(text: str, python: str | None) -> tuple[str, str] | None:
    from packaging.requirements import InvalidRequirement, Requirement

    try:
        requirement = Requirement(text)
        if requirement.marker is not None and not requirement.marker.evaluate(_at(python)):
            return None
    except InvalidRequirement:
        return None
    except Exception:  # a marker that cannot be evaluated, such as one of an extra
        return None
    if requirement.url:
        return None
    return normalised(requirement.name), str(requirement.specifier)


def of_conda(text: str) -> tuple[str, str] | None:
    """Name and specifier of a conda spec; a build string's CUDA goes into the local tag."""
    text = text.strip().strip("'\"")
    if len(text) > 300 or not text:
        return None
    name, _, rest = text.partition("[")[0].partition(" ")
    rest = f"={rest.strip().replace(' ', '=', 1)}" if rest.strip()[:1].isdigit() else rest
    found = re.match(r"(?:[\w./-]{1,100}::)?([A-Za-z0-9_.-]{1,100})(.{0,200})$", f"{name}{rest}")
    if found is None:
        return None
    spec, _, build = _conda_parts(found[2])
    return normalised(found[1]), _conda_specifier(spec) + _tag_of(build, spec)


def _conda_parts(text: str) -> tuple[str, str, str]:
    """Version and build of ``=2.6.0=py3.10_cuda12.1_cudnn9``; ``==`` has no build."""
    found = re.match(r"(=?)([^=<>!~,][^=]*)(=)(\S+)$", text)
    return (found[1] + found[2], found[3], found[4]) if found else (text, "", "")


def _conda_specifier(text: str) -> str:
    """``=2.6`` is 2.6 and its patches; ``2.6.*`` likewise; ``==`` and ranges are PEP 440's."""
    text = text.strip().replace("|", ",").rstrip(",")
    if not text or text == "*":
        return ""
    found = re.fullmatch(r"=?(\d{1,6}(?:\.\d{1,6}){0,3})(?:\.?\*)?", text)
    if found:
        return (
            f"=={found[1]}.*" if found[1].count(".") < 2 or text.endswith("*") else f"=={found[1]}"
        )
    return text if is_specifier(text) else ""


def _tag_of(build: str, spec: str) -> str:
    found = re.search(r"cuda(\d{1,2})\.?(\d)", build)
    return f"+cu{found[1]}{found[2]}" if found and spec.count(".") > 1 else ""


def of_poetry(text: str) -> str:
    """A Poetry constraint as a PEP 440 specifier: ^2.6 is at least 2.6 and below 3."""
    text = text.strip()
    if text in ("", "*"):
        return ""
    found = re.fullmatch(r"([\^~])\s?(\d{1,6})(?:\.(\d{1,6}))?(?:\.(\d{1,6}))?", text)
    if found is None:
        exact = re.fullmatch(r"\d{1,6}(?:\.\d{1,6}){1,3}(?:\+\w{1,20})?", text)
        return f"=={text}" if exact else text if is_specifier(text) else ""
    major, minor = int(found[2]), int(found[3] or 0)
    least = ".".join(part for part in found.groups()[1:] if part is not None)
    if found[1] == "^" and major > 0:
        return f">={least},<{major + 1}"
    return f">={least},<{major}.{minor + 1}"


@functools.lru_cache(maxsize=4096)
def is_specifier(text: str) -> bool:
    """True where ``text`` is a PEP 440 specifier set."""
    from packaging.specifiers import InvalidSpecifier, SpecifierSet

    try:
        SpecifierSet(text)
    except InvalidSpecifier:
        return False
    return True


@functools.lru_cache(maxsize=4096)
def allows(specifier: str, version: str) -> bool:
    """Whether ``specifier`` takes a release; local tags do not count."""
    from packaging.specifiers import InvalidSpecifier, SpecifierSet
    from packaging.version import InvalidVersion

    try:
        bare = ",".join(part.partition("+")[0] for part in specifier.split(","))
        return SpecifierSet(bare).contains(version.partition("+")[0], prereleases=True)
    except (InvalidSpecifier, InvalidVersion):
        return True


def exact(specifier: str | None) -> str | None:
    """The one release that ``==2.6.0`` or ``==2.6.*`` names, without its local tag."""
    found = re.fullmatch(
        r"={2,3}(\d{1,6}(?:\.\d{1,6}){0,4})(?:\.\*)?(?:\+[\w.]{1,40})?", specifier or ""
    )
    return found[1] if found else None


def local_tag(specifier: str | None) -> str | None:
    """The local tag of an exact release: cu121 in ``==2.6.0+cu121``."""
    found = re.search(r"\+([\w.]{1,40})$", specifier or "")
    return found[1] if found else None
