"""The rules between driver, CUDA, compiled code and GPU, and the torch builds they leave."""

import re
from collections.abc import Iterable, Sequence
from enum import Enum

from gpubench.knowledge import tables
from gpubench.knowledge.tables import Build
from gpubench.versions import Version

_ARCHITECTURE = re.compile(r"(sm|compute)_(\d+)(\d)([af]?)$")
WHEELS = "https://download.pytorch.org/whl"
FIRST_TAGGED = Version.parse("1.2")
"""From here on the version of a build beside the default names its CUDA release."""
FIRST_INDEX = Version.parse("1.11")
"""From here on there is an index per CUDA release; before it, one page with every build."""
FIRST_TAGGED_AUDIO = Version.parse("1.10")
"""Wheels of torchaudio 0.10 were the first to name their CUDA release."""


class Code(Enum):
    """The best code a build holds for a GPU."""

    NATIVE = "native"
    PTX = "PTX"
    NONE = "none"


def code_for(architectures: Iterable[str], capability: Version) -> Code:
    """What of ``architectures`` (``sm_86``, ``compute_90``) runs on a GPU of ``capability``.

    Machine code of X.y runs on every X.z with z ≥ y; PTX of N is compiled by the driver for any
    GPU from N on. A letter a binds to that very GPU, f to its family.
    """
    best = Code.NONE
    for text in architectures:
        found = _ARCHITECTURE.match(text)
        if found is None:
            continue
        built_for = (int(found[2]), int(found[3]))
        if found[1] == "sm" and _binary_runs(built_for, found[4], capability.release(2)):
            return Code.NATIVE
        if found[1] == "compute" and _ptx_compiles(built_for, found[4], capability.release(2)):
            best = Code.PTX
    return best


def _binary_runs(built_for: tuple[int, ...], letter: str, gpu: tuple[int, ...]) -> bool:
    if letter == "a":
        return built_for == gpu
    return built_for[0] == gpu[0] and built_for[1] <= gpu[1]


def _ptx_compiles(built_for: tuple[int, ...], letter: str, gpu: tuple[int, ...]) -> bool:
    return _binary_runs(built_for, letter, gpu) if letter else built_for <= gpu


def driver_drives(driver: Version, capability: Version) -> bool | None:
    """Whether a driver's branch serves GPUs of ``capability``; None if that is not on record."""
    branches = tables.driver_branches(capability)
    if branches is None:
        return None
    first, last = branches
    return first <= driver.major and (last is None or driver.major <= last)


def driver_starts(driver: Version, cuda: Version) -> bool | None:
    """Whether a driver starts programs of a CUDA release; None if its major is not on record."""
    oldest = tables.oldest_driver(cuda)
    return None if oldest is None else driver >= oldest


def driver_compiles_ptx(driver: Version, cuda: Version) -> bool | None:
    """Whether a driver compiles PTX of this toolkit; None if not on record."""
    needed = tables.toolkit_driver(cuda)
    return None if needed is None else driver >= needed


def runs_here(
    build: Build,
    *,
    driver: Version | None,
    capabilities: Sequence[Version],
    python: Version | None,
) -> bool:
    """True where nothing known speaks against a build; what is None is not held against it."""
    if driver is not None and not driver_starts(driver, build.cuda):
        return False
    if driver is not None and any(driver_drives(driver, gpu) is False for gpu in capabilities):
        return False
    if python is not None:
        oldest, newest = build.python
        if not oldest.release(2) <= python.release(2) <= newest.release(2):
            return False
    return all(code_for(build.architectures, gpu) is Code.NATIVE for gpu in capabilities)


def best_build(
    *,
    driver: Version | None,
    capabilities: Sequence[Version],
    python: Version | None,
    torch: Version | None = None,
    machine: str = tables.X86,
) -> Build | None:
    """The newest build on record that runs here, of release ``torch`` where one is named."""
    for build in tables.torch_builds(machine):
        if not _is_offered(build):
            continue
        if torch is not None and build.torch.release(2) != torch.release(2):
            continue
        if runs_here(build, driver=driver, capabilities=capabilities, python=python):
            return build
    return None


def _is_offered(build: Build) -> bool:
    return not build.is_experimental and is_told_apart(build)


def is_told_apart(build: Build) -> bool:
    """Whether one line installs it: at first, builds beside the default carried no tag."""
    return build.is_default or build.torch >= FIRST_TAGGED


def install_line(build: Build, companions: Iterable[str] = ()) -> str:
    """The command that installs a build, with the torchvision and torchaudio that go with it."""
    tag = f"cu{build.cuda.major}{build.cuda.minor}"
    if not build.is_default and build.torch < FIRST_INDEX:
        return _from_one_page(build, companions, f"+{tag}")
    pinned = [_pinned(name, tables.exact_companion(build.torch, name)) for name in companions]
    line = f"pip install {' '.join([f'torch=={build.torch}', *pinned])}"
    return line if build.is_default else f"{line} --index-url {WHEELS}/{tag}"


def _pinned(name: str, release: Version | None) -> str:
    """A package held to a release; two numbers stand for any of its patches, None for any."""
    if release is None:
        return name
    return f"'{name}=={release}.*'" if len(release.parts) == 2 else f"{name}=={release}"


def _from_one_page(build: Build, companions: Iterable[str], local: str) -> str:
    """The line for a page that holds the builds of every CUDA release: each named in full."""
    packages = [f"torch=={build.torch}{local}"]
    for name in companions:
        release = tables.newest_companion(build.torch, name)
        is_tagged = name == "torchvision" or build.torch >= FIRST_TAGGED_AUDIO
        packages.append(_pinned(name, release) + (local if release and is_tagged else ""))
    return f"pip install {' '.join(packages)} -f {WHEELS}/torch_stable.html"
