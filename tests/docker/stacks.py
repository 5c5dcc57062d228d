"""The stacks the images are made of: what is asked for, and what a resolved set says of itself."""

import dataclasses
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from gpubench.knowledge.tables import tomllib

ROOT = Path(__file__).parents[2]
STACKS = ROOT / "docker" / "stacks"
PYTHON = "3.11"
"""The Python of the base image, Debian bookworm; the constraints are resolved for it."""

ASKED: Mapping[str, tuple[str, ...]] = {
    "2.6": ("torch==2.6.*", "torchvision==0.21.*", "torchaudio==2.6.*", "transformers==4.*"),
    "2.7": ("torch==2.7.*", "torchvision==0.22.*", "torchaudio==2.7.*"),
    "2.8": ("torch==2.8.*", "torchvision==0.23.*", "torchaudio==2.8.*"),
    "current": ("torch", "torchvision"),
}
"""The stacks and what each asks of the index beside what gpubench itself needs.

No release of torchaudio goes with a torch after 2.11: the last one is built for CUDA 13.0 and
refuses, when it is imported, a torch built for another. torch 2.6 does not compile the BERT of
transformers 5: the graph breaks in what collects its outputs."""
TRAINING = ("transformers", "timm", "datasets")
DEVELOPMENT = ("jupyterlab", "ipykernel")
"""What ``dev`` has beside it."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Resolved:
    """One distribution of a resolved set."""

    name: str
    version: str
    requires: tuple[Requirement, ...]


def wanted(extra: str = "bench") -> tuple[str, ...]:
    """What gpubench and its bench extra require, as pyproject.toml says it."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]
    return (*project["dependencies"], *_of_extra(extra, extras, project["name"]))


def _of_extra(extra: str, extras: Mapping[str, Sequence[str]], own: str) -> Iterator[str]:
    """The requirements of an extra, with those of the project's own extras that it names."""
    for text in extras[extra]:
        need = Requirement(text)
        if canonicalize_name(need.name) != own:
            yield text
        for named in sorted(need.extras if canonicalize_name(need.name) == own else ()):
            yield from _of_extra(named, extras, own)


def resolved(report: Mapping[str, Any]) -> dict[str, Resolved]:
    """The distributions of a report of ``pip install --report``, by their normalised names."""
    found = {}
    for entry in report["install"]:
        data = entry["metadata"]
        name = canonicalize_name(data["name"])
        needs = tuple(Requirement(text) for text in data.get("requires_dist", ()))
        found[name] = Resolved(name=name, version=data["version"], requires=needs)
    return found


def reached(found: Mapping[str, Resolved], roots: Iterable[str]) -> set[str]:
    """The names that are installed where ``roots`` are asked for."""
    seen: set[tuple[str, str]] = set()
    queue = [pair for root in roots for pair in _pairs(Requirement(root))]
    while queue:
        name, extra = pair = queue.pop()
        if pair in seen or name not in found:
            continue
        seen.add(pair)
        queue.extend(_needs(found[name].requires, extra))
    return {name for name, _ in seen}


def _needs(requires: Sequence[Requirement], extra: str) -> Iterator[tuple[str, str]]:
    for need in requires:
        marker = need.marker
        if marker is None or marker.evaluate({**HERE, "extra": extra}):
            yield from _pairs(need)


def _pairs(need: Requirement) -> Iterator[tuple[str, str]]:
    """The name without an extra, then with each that is asked for."""
    name = canonicalize_name(need.name)
    for extra in ("", *sorted(need.extras)):
        yield name, extra


HERE = {
    "implementation_name": "cpython",
    "os_name": "posix",
    "platform_machine": "x86_64",
    "platform_python_implementation": "CPython",
    "platform_system": "Linux",
    "python_full_version": f"{PYTHON}.2",
    "python_version": PYTHON,
    "sys_platform": "linux",
}
"""The markers of the image, wherever this runs."""
