"""Whether two builds of a stack hold the same: every package of pip's and of Debian's, by version.

What pip installs is pinned, so a difference there is a fault. Debian's packages are those of the
day of the build: on another day a security update may differ, and is said.
"""

import dataclasses
import subprocess
from collections.abc import Mapping

PIP = ("/opt/venv/bin/pip", "list", "--format", "freeze")
DEBIAN = ("dpkg-query", "--show", "--showformat", "${Package}==${Version}\\n")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Packages:
    """What an image holds: name to version."""

    pip: Mapping[str, str]
    debian: Mapping[str, str]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Compared:
    """How many packages two builds were compared in, and what differed."""

    pip: int
    debian: int
    differing: tuple[str, ...]
    seconds: float

    @property
    def is_same_stack(self) -> bool:
        """Whether all that is pinned is the same; Debian's updates are not."""
        return not any(line.startswith("pip ") for line in self.differing)

    def line(self) -> str:
        found = "; ".join(self.differing) or "nothing differs"
        return f"built again: {self.pip} of pip's packages, {self.debian} of Debian's: {found}"


def packages(image: str) -> Packages:
    """What is installed in an image."""
    container = _said("buildah", "from", image)
    try:
        lists = [_said("buildah", "run", container, "--", *words) for words in (PIP, DEBIAN)]
    finally:
        _said("buildah", "rm", container)
    return Packages(pip=versions(lists[0]), debian=versions(lists[1]))


def versions(text: str) -> dict[str, str]:
    """Name to version of lines such as ``torch==2.8.0``."""
    lines = (line.partition("==") for line in text.splitlines())
    return {name: version for name, equals, version in lines if equals}


def compared(first: Packages, second: Packages, *, seconds: float) -> Compared:
    """What differs between two builds; ``seconds`` are those of the second."""
    return Compared(
        pip=len(first.pip),
        debian=len(first.debian),
        differing=(
            *_differing("pip", first.pip, second.pip),
            *_differing("debian", first.debian, second.debian),
        ),
        seconds=seconds,
    )


def _differing(kind: str, first: Mapping[str, str], second: Mapping[str, str]) -> list[str]:
    return [
        f"{kind} {name}: {first.get(name, 'none')}, then {second.get(name, 'none')}"
        for name in sorted({*first, *second})
        if first.get(name) != second.get(name)
    ]


def _said(*command: str) -> str:
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout.strip()
