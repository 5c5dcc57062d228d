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

FILES = ("builds", "companions", "cuda", "cuda_errors", "error_lines", "gpus", "torch", "xid")


@functools.cache
def load(name: str) -> dict[str, Any]:
    """One data file, parsed."""
    text = (resources.files("gpubench.knowledge") / "data" / f"{name}.toml").read_text("utf-8")
    rows: dict[str, Any] = tomllib.loads(text)
    return rows


# -- CUDA and drivers ---------------------------------------------------------------------------


def oldest_driver(cuda: Version) -> Version | None:
    """The oldest driver that runs a CUDA release; None if its major is not on record.

    That is the floor of its major, or the driver its own toolkit came with where that is older
    still (CUDA 11.0, which is older than minor-version compatibility).
    """
    floors = load("cuda")["floor"]
    floor = next(
        (Version.parse(row["driver"]) for row in floors if row["major"] == cuda.major), None
    )
    own = toolkit_driver(cuda)
    return floor if floor is None or own is None else min(floor, own)


def toolkit_driver(cuda: Version) -> Version | None:
    """The driver that this CUDA toolkit came with; None if not on record."""
    for row in load("cuda")["toolkit"]:
        if Version.parse(row["cuda"]).release(2) == cuda.release(2):
            return Version.parse(row["driver"])
    return None


def newest_cuda(driver: Version) -> Version | None:
    """The newest CUDA release a driver's branch runs natively; None if not on record."""
    rows = [row for row in load("cuda")["branch"] if row["driver"] <= driver.major]
    newest_known = max(row["driver"] for row in load("cuda")["branch"])
    if not rows or driver.major > newest_known:
        return None
    return Version.parse(max(rows, key=lambda row: row["driver"])["cuda"])


def cuda_error(code: int) -> dict[str, str] | None:
    """Cause, meaning and remedy of what ``cuInit`` answered; None if not on record."""
    return next((row for row in load("cuda_errors")["error"] if row["code"] == code), None)


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
    series = r"\d{2}" if re.search(r"(?:RTX|GTX) \d\d$", known) else ""
    return re.search(rf"(?<![\w]){re.escape(known)}{series}(?![0-9A-Za-z])", name) is not None


def xid(code: int) -> dict[str, Any] | None:
    """Class, meaning and action of an Xid; None if not on record."""
    return next((row for row in load("xid")["xid"] if row["code"] == code), None)


# -- PyTorch ------------------------------------------------------------------------------------


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Build:
    """One released CUDA build of torch for Linux on x86-64."""

    torch: Version
    """The newest patch release."""
    cuda: Version
    architectures: tuple[str, ...]
    cudnn: Version | None
    nccl: Version | None
    triton: Version
    python: tuple[Version, Version]
    """Oldest and newest Python minor release it was built for."""
    is_default: bool
    """It is what pip installs without an index."""
    is_experimental: bool = False
    """Released, but not meant for everyone."""


@functools.cache
def torch_builds() -> tuple[Build, ...]:
    """Every CUDA build on record, newest torch first and, within one, newest CUDA first."""
    builds = [
        Build(
            torch=Version.parse(row["latest"]),
            cuda=Version.parse(build["cuda"]),
            architectures=tuple(build["architectures"]),
            cudnn=Version.find(build.get("cudnn")),
            nccl=Version.find(build.get("nccl")),
            triton=Version.parse(row["triton"]),
            python=(Version.parse(row["python"][0]), Version.parse(row["python"][1])),
            is_default=build["default"],
            is_experimental=build.get("experimental", False),
        )
        for row in load("torch")["release"]
        for build in row["build"]
    ]
    return tuple(sorted(builds, key=lambda build: (build.torch, build.cuda), reverse=True))


def torch_build(torch: Version, cuda: Version) -> Build | None:
    """The build of a torch release (major.minor) for a CUDA release; None if not on record."""
    for build in torch_builds():
        same_torch = build.torch.release(2) == torch.release(2)
        if same_torch and build.cuda.release(2) == cuda.release(2):
            return build
    return None


def companion_of(torch: Version, name: str) -> Version | None:
    """The release of ``name`` (torchvision, torchaudio) for a torch; None if not on record.

    Two numbers stand for all their patch releases.
    """
    for row in load("companions")["pair"]:
        if name in row and stands_for(Version.parse(row["torch"]), torch):
            return Version.parse(row[name])
    return None


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
