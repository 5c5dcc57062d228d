"""The Python of a stack: whether its system has it, and whether torch was built for it."""

import re
from collections.abc import Iterator, Sequence
from typing import Any

from gpubench.knowledge import tables
from gpubench.knowledge.tables import Build
from gpubench.plan.builds import in_range
from gpubench.plan.files.specifiers import allows, exact
from gpubench.plan.files.stated import Stack, Stated
from gpubench.plan.machine import Machine
from gpubench.plan.report import Correction, Problem
from gpubench.plan.resolved import image_parts, stated_torch
from gpubench.plan.rules.making import problem, swapped
from gpubench.plan.rules.torch_cuda import RELEASES
from gpubench.versions import Version


def system_of(stack: Stack) -> tuple[Stated, dict[str, Any]] | None:
    """The base image and the row of its operating system; None where that is not on record."""
    image = stack.last("image")
    if image is None or (not image.value and image.name not in ("ubuntu", "debian")):
        return None
    name = f"{image.name}:{image.value}"
    named = image_parts(image.value or "").get("system")
    for row in tables.load("systems")["system"]:
        if image.name == "nvidia/cuda" and named == row["name"]:
            return image, row
        for known in row["names"]:
            if ":" in known and re.match(rf"{re.escape(known)}(?:-slim)?(?:[-.\d]*)$", name):
                return image, row
    return None


def system_has_python(stack: Stack, machine: Machine) -> Iterator[Problem]:  # noqa: ARG001
    """A Python that apt installs is one that the system packages."""
    found = system_of(stack)
    if found is None or any("deadsnakes" in f.name for f in stack.of_kind("repository")):
        return
    image, row = found
    packaged = [row["default"], *row["also"]]
    seen = set()
    for fact in stack.of_kind("python"):
        if fact.via != "apt" or fact.value is None or fact.value in packaged or fact.value in seen:
            continue
        seen.add(fact.value)
        yield problem(
            "error",
            "python-unsupported",
            fact,
            f"{row['name']} has no Python {fact.value} of its own, it has {', '.join(packaged)}",
            f"Python {row['default']}, or a system that has {fact.value}",
            rule="python.system",
            correction=_newer_system(image, row, fact.value),
            remedy=(_elsewhere(fact.value),),
            reference=str(tables.load("systems")["sources"][row["source"]]),
        )


def _elsewhere(python: str) -> str:
    return (
        f"or bring Python {python} yourself: uv python install {python}, conda, or the deadsnakes "
        "PPA where it still serves this system"
    )


def _newer_system(image: Stated, row: dict[str, Any], python: str) -> Correction | None:
    """The base image's line on the first later system that has the Python."""
    fit = (later for later in _later(row) if python in (later["default"], *later["also"]))
    later = next(fit, None)
    if later is None:
        return None
    if image.name == "nvidia/cuda":
        return swapped(image, row["name"], later["name"])
    number = re.search(r"[\d.]+$", later["name"])
    assert number is not None
    return swapped(image, image.written, f"{image.name}:{number[0]}")


def _later(row: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The releases of a system that came after this one."""
    rows = {entry["name"]: entry for entry in tables.load("systems")["system"]}
    later = rows.get(row.get("next", ""))
    while later is not None:
        yield later
        later = rows.get(later.get("next", ""))


def stated_python(stack: Stack) -> tuple[Stated, Version] | None:
    """The Python a stack ends up with, and the fact that says so; None where nothing does."""
    named = [fact for fact in stack.of_kind("python") if fact.name != "requires-python"]
    by_name = [fact for fact in named if fact.value is not None]
    for fact in reversed(by_name or named):
        release = _release(fact, stack)
        if release is not None:
            return fact, release
    image = stack.last("image", "python")
    found = re.match(r"(3\.\d{1,2})(?=[.-]|$)", image.value or "") if image else None
    return (image, Version.parse(found[1])) if image and found else None


def _release(fact: Stated, stack: Stack) -> Version | None:
    if fact.via == "apt" and fact.value is None:
        found = system_of(stack)
        return Version.parse(found[1]["default"]) if found else None
    named = exact(fact.value) or fact.value or ""
    return Version.find(named) if re.fullmatch(r"\d\.\d{1,2}(\.\d{1,2})?", named) else None


def torch_was_built_for_it(stack: Stack, machine: Machine) -> Iterator[Problem]:
    """Torch has a wheel for the stack's Python."""
    torch, stated = stated_torch(stack), stated_python(stack)
    if torch is None or not torch.is_on_record or torch.fact.kind == "image":
        return
    if stated is None:
        stated = _by_flag(torch.fact, machine)
    if stated is None:
        yield from _required_python(stack)
        return
    fact, python = stated
    if any(in_range(python, build) for build in torch.of_release):
        return
    oldest, newest = torch.of_release[0].python
    wanted = newest if python.release(2) > newest.release(2) else oldest
    yield problem(
        "error",
        "python-unsupported",
        fact,
        f"{torch.name} was built for Python {oldest} to {newest}, this is {python}",
        f"Python {oldest} to {newest}",
        rule="python.torch",
        correction=_other_python(stack, fact, python, wanted, torch.of_release),
        remedy=("or another torch: gpubench plan --python-version " + str(python),),
        reference=RELEASES,
    )


def _by_flag(fact: Stated, machine: Machine) -> tuple[Stated, Version] | None:
    python = machine.python_version if "python" in machine.named else None
    return (fact, python) if python is not None else None


def _other_python(
    stack: Stack, fact: Stated, python: Version, wanted: Version, builds: Sequence[Build]
) -> Correction | None:
    """The line with a Python torch was built for, or the system that has one as its own."""
    if fact.via == "apt" and fact.value is None:
        return _system_for(stack, builds)
    if fact.kind == "image" or fact.via in ("conda", "uv", "pyenv"):
        short = f"{python.major}.{python.minor}"
        full = re.search(rf"{re.escape(short)}(?:\.\d{{1,2}})?(?!\d)", fact.written)
        return (
            swapped(fact, fact.written, fact.written.replace(full[0], str(wanted), 1))
            if full
            else None
        )
    return None


def _system_for(stack: Stack, builds: Sequence[Build]) -> Correction | None:
    found = system_of(stack)
    for row in _later(found[1]) if found else ():
        if any(in_range(Version.parse(row["default"]), build) for build in builds):
            return _newer_system(found[0], found[1], row["default"]) if found else None
    return None


def _required_python(stack: Stack) -> Iterator[Problem]:
    """requires-python leaves some Python that torch was built for."""
    torch, fact = stated_torch(stack), stack.last("python", "requires-python")
    if torch is None or fact is None or not fact.value or torch.release is None:
        return
    oldest, newest = torch.of_release[0].python
    minors = range(oldest.minor, newest.minor + 1)
    if any(allows(fact.value, f"3.{minor}.{patch}") for minor in minors for patch in (0, 9, 30)):
        return
    yield problem(
        "error",
        "python-unsupported",
        fact,
        f"{torch.name} was built for Python {oldest} to {newest}, "
        f"the project requires {fact.value}",
        f"Python {oldest} to {newest}",
        rule="python.torch",
        correction=swapped(fact, fact.written, f">={oldest}") if fact.via == "project" else None,
        reference=RELEASES,
    )


RULES = (system_has_python, torch_was_built_for_it)
