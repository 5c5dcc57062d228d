"""What vendors publish, as rows with their sources; loaded when first asked for."""

import dataclasses
import functools
import importlib
import re
import sys
from importlib import resources
from typing import Any

from gpubench.versions import Version

tomllib: Any = importlib.import_module("tomllib" if sys.version_info >= (3, 11) else "tomli")

X86 = "x86_64"
FILES = (
    "builds",
    "claims",
    "companions",
    "cuda",
    "cuda_errors",
    "error_lines",
    "frameworks",
    "gpu_peaks",
    "gpus",
    "nvml",
    "torch",
    "xid",
)


@functools.cache
def load(name: str) -> dict[str, Any]:
    """One data file, parsed."""
    text = (resources.files("gpubench.knowledge") / "data" / f"{name}.toml").read_text("utf-8")
    rows: dict[str, Any] = tomllib.loads(text)
    return rows


# -- CUDA and drivers ---------------------------------------------------------------------------


def oldest_driver(cuda: Version, *, windows: bool = False) -> Version | None:
    """The oldest driver that runs a CUDA release; None if its major is not on record.

    That is the floor of its major, or the driver its own toolkit came with where that is older
    still (CUDA 11.0) or where there is no floor (before 11): those releases are older than
    minor-version compatibility.
    """
    system = "windows" if windows else "driver"
    floors = [row for row in load("cuda")["floor"] if row["major"] == cuda.major]
    rows = [*floors, *_toolkit_rows(cuda)]
    return min((Version.parse(row[system]) for row in rows if system in row), default=None)


def toolkit_driver(cuda: Version) -> Version | None:
    """The Linux driver that this CUDA toolkit came with; None if not on record."""
    return next((Version.parse(row["driver"]) for row in _toolkit_rows(cuda)), None)


def _toolkit_rows(cuda: Version) -> list[dict[str, Any]]:
    rows = load("cuda")["toolkit"]
    return [row for row in rows if Version.parse(row["cuda"]).release(2) == cuda.release(2)]


def newest_cuda(driver: Version) -> Version | None:
    """The newest CUDA release a driver's branch runs natively; None if not on record."""
    rows = [row for row in load("cuda")["branch"] if row["driver"] <= driver.major]
    newest_known = max(row["driver"] for row in load("cuda")["branch"])
    if not rows or driver.major > newest_known:
        return None
    return Version.parse(max(rows, key=lambda row: row["driver"])["cuda"])


def cuda_error(code: int) -> dict[str, str] | None:
    """Cause, meaning and remedy of a CUDA error; None if not on record.

    Without ``cause`` it says nothing of the environment.
    """
    return next((row for row in load("cuda_errors")["error"] if row["code"] == code), None)


def nvml_return(code: int) -> dict[str, Any] | None:
    """Name, meaning and, where it says something, cause and remedy of an NVML return code."""
    return next((row for row in load("nvml")["return"] if row["code"] == code), None)


def recovery_action(action: int) -> dict[str, Any] | None:
    """What NVML says is to be done with a GPU; ``class`` is missing where that is nothing."""
    return next((row for row in load("nvml")["recovery"] if row["action"] == action), None)


def known_error(text: str) -> dict[str, str] | None:
    """The first known error line in ``text``, with the cause it points to."""
    for row in load("error_lines")["line"]:
        if row.get("wants_gpu"):
            continue  # says what was expected, not what went wrong
        found = re.search(row["pattern"], text)
        if found:
            return {**row, "matched": found[0]}
    return None


# -- GPUs ---------------------------------------------------------------------------------------


def capability_of(name: str) -> str | None:
    """The compute capability of a GPU by the name its driver gives; None if not on record."""
    best: tuple[int, str] | None = None
    for row in load("gpus")["gpu"]:
        for known in row["names"]:
            if _names(known, name) and (best is None or len(known) > best[0]):
                best = (len(known), row["capability"])
    return best[1] if best else None


def _names(known: str, name: str) -> bool:
    """True where ``known`` stands in ``name`` as whole words, or as a series (RTX 30 → 3090)."""
    series = r"[3-9][05]" if re.search(r"(?:RTX|GTX) \d\d$", known) else ""
    return re.search(rf"(?<![\w]){re.escape(known)}{series}(?![0-9A-Za-z])", name) is not None


def known_gpus() -> tuple[tuple[str, str], ...]:
    """Every GPU on record by name, or by that of its series, with its compute capability."""
    return tuple((name, row["capability"]) for row in load("gpus")["gpu"] for name in row["names"])


def driver_branches(capability: Version) -> tuple[int, int | None] | None:
    """The first and, where support has ended, the last driver branch of a GPU; None if unknown."""
    for row in load("gpus")["drives"]:
        lowest, highest = map(Version.parse, row["capability"])
        if lowest <= capability <= highest:
            return row["first"], row.get("last")
    return None


def xid(code: int) -> dict[str, Any] | None:
    """Class, meaning and action of an Xid; None if not on record."""
    return next((row for row in load("xid")["xid"] if row["code"] == code), None)


# -- PyTorch ------------------------------------------------------------------------------------


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Build:
    """One released CUDA build of torch for Linux."""

    torch: Version
    """The newest patch release."""
    cuda: Version
    architectures: tuple[str, ...]
    cudnn: Version | None
    nccl: Version | None
    triton: Version | None
    """The release it requires; None before torch 2.0."""
    python: tuple[Version, Version]
    """Oldest and newest Python minor release it was built for."""
    is_default: bool
    """It is what pip installs without an index."""
    is_experimental: bool = False
    """Released, but not meant for everyone."""
    machine: str = X86
    """The kind of machine, as ``platform.machine`` names it."""


@functools.cache
def torch_builds(machine: str = X86) -> tuple[Build, ...]:
    """Every CUDA build on record for a machine, newest torch first and, within, newest CUDA."""
    found = [build for build in _builds() if build.machine == machine_name(machine)]
    return tuple(sorted(found, key=lambda build: (build.torch, build.cuda), reverse=True))


def machine_name(machine: str) -> str:
    """A kind of machine as the table writes it: AMD64 is x86_64, arm64 is aarch64."""
    return {"amd64": X86, "arm64": "aarch64"}.get(machine.lower(), machine)


def _builds() -> list[Build]:
    return [
        Build(
            torch=Version.parse(row["latest"]),
            cuda=Version.parse(build["cuda"]),
            architectures=tuple(build["architectures"]),
            cudnn=Version.find(build.get("cudnn")),
            nccl=Version.find(build.get("nccl")),
            triton=Version.find(row.get("triton")),
            python=(Version.parse(row["python"][0]), Version.parse(row["python"][1])),
            is_default=build["default"],
            is_experimental=build.get("experimental", False),
            machine=build.get("machine", X86),
        )
        for row in load("torch")["release"]
        for build in row["build"]
    ]


def torch_build(torch: Version, cuda: Version, machine: str = X86) -> Build | None:
    """The build of a torch release (major.minor) for a CUDA release; None if not on record."""
    for build in torch_builds(machine):
        same_torch = build.torch.release(2) == torch.release(2)
        if same_torch and build.cuda.release(2) == cuda.release(2):
            return build
    return None


def plain_wheel_has_cuda(torch: Version, machine: str) -> bool | None:
    """Whether plain ``pip install torch`` gave a CUDA build there; None if not on record."""
    for row in load("torch")["plain"]:
        if row["machine"] == machine_name(machine):
            return torch >= Version.parse(row["since"])
    return None


def companion_of(torch: Version, name: str) -> Version | None:
    """The release of ``name`` (torchvision, torchaudio …) for a torch; None if not on record.

    Two numbers stand for all their patch releases.
    """
    for row in load("companions")["pair"]:
        if name in row and stands_for(Version.parse(row["torch"]), torch):
            return Version.parse(row[name])
    return None


def exact_companion(torch: Version, name: str) -> Version | None:
    """Like ``companion_of``, to the patch: from torch 2.1 on a wheel is pinned to one patch of it.

    torchvision 0.22.1 requires torch 2.7.1, and torchaudio 2.7.1 likewise.
    """
    release = companion_of(torch, name)
    if release is None or len(release.parts) != 2 or name not in ("torchvision", "torchaudio"):
        return release
    if torch < Version.parse("2.1") or len(torch.parts) < 3:
        return release
    return Version.parse(f"{release}.{torch.parts[2]}")


def newest_companion(torch: Version, name: str) -> Version | None:
    """Like ``companion_of``, with all its numbers where the newest patch is on record."""
    for row in load("companions")["pair"]:
        if stands_for(Version.parse(row["torch"]), torch) and name in row.get("newest", {}):
            return Version.parse(row["newest"][name])
    return companion_of(torch, name)


def stands_for(row: Version, version: Version) -> bool:
    """True where a row's version, of two numbers or three, covers ``version``."""
    length = len(row.parts)
    return row.release(length) == version.release(length)


# -- Builds of extensions -----------------------------------------------------------------------


def gcc_limit(cuda: Version) -> int | None:
    """The major release of gcc from which on nvcc of a CUDA release refuses it."""
    for row in load("builds")["host_compiler"]:
        if f"{cuda.major}.{cuda.minor}" in row["cuda"]:
            return int(row["gcc_below"])
    return None


def first_assembler(capability: Version) -> Version | None:
    """The first CUDA release whose ptxas knows a compute capability; None if not on record."""
    for row in load("builds")["assembler"]:
        if Version.parse(row["capability"]).release(2) == capability.release(2):
            return Version.parse(row["cuda"])
    return None


def allocator_options() -> frozenset[str]:
    """The options of PYTORCH_ALLOC_CONF."""
    return frozenset(name for row in load("builds")["allocator"] for name in row["options"])


# -- Libraries above torch ----------------------------------------------------------------------


def framework_needs(name: str, version: str) -> dict[str, str] | None:
    """What a release of a library asks of torch, as ``torch``, a specifier; None if not known.

    ``breaks`` is there where the library does not work at all with another torch.
    """
    return next((row for row in _frameworks(name) if accepts(row["versions"], version)), None)


def framework_for(name: str, torch: Version) -> str | None:
    """The newest releases of a library that take this torch, as a specifier; None if not known."""
    fitting = [row["versions"] for row in _frameworks(name) if accepts(row["torch"], str(torch))]
    return fitting[-1] if fitting else None


def numpy_for(torch: Version) -> str | None:
    """The NumPy releases a torch was built for, as a specifier; None where any will do."""
    return _of_torch("numpy", torch, "numpy")


def cxx11_abi(torch: Version) -> bool | None:
    """Whether the plain wheels of a torch have the newer C++ ABI; None if they differ."""
    return _of_torch("cxx11abi", torch, "abi")


def _frameworks(name: str) -> list[dict[str, str]]:
    return [row for row in load("frameworks")["framework"] if row["name"] == name]


def _of_torch(kind: str, torch: Version, field: str) -> Any:
    rows = load("frameworks")[kind]
    return next((row[field] for row in rows if accepts(row["torch"], str(torch))), None)


def accepts(specifier: str, version: str) -> bool:
    """True where a version satisfies a specifier; local tags do not count, pre-releases do.

    False for a version that is none.
    """
    from packaging.specifiers import SpecifierSet
    from packaging.version import InvalidVersion

    try:
        return SpecifierSet(specifier).contains(version.partition("+")[0], prereleases=True)
    except InvalidVersion:
        return False
