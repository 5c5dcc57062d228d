"""The torch stacks of the lab: what is installed, and the other releases done to them."""

import dataclasses
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

COMMON = ("numpy", "transformers", "timm")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Stack:
    """One torch release as pip installs it, and releases of its parts that do not belong to it."""

    name: str
    install: tuple[str, ...]
    cudnn: str
    """Another release of the distribution torch pins."""
    nccl: str
    triton: str = "triton==3.3.1"
    torchvision: str
    strays: tuple[str, ...] = ("nvidia-cudnn-cu13==9.20.0.48", "nvidia-nccl-cu13==2.28.9")
    """cuDNN and NCCL of the other CUDA major."""
    cpu_torch: tuple[str, ...] = ()
    """A CPU build of torch and the CUDA torchvision of that release, where there is one here."""
    unsupported_gpu: tuple[str, str]
    """Name and compute capability of a GPU this build holds no code for."""


B200 = ("NVIDIA B200", "10 0")
P100 = ("Tesla P100-PCIE-16GB", "6 0")

STACKS = (
    Stack(
        name="2.6.0",
        install=("torch==2.6.0", "torchvision", "torchaudio==2.6.0", *COMMON),
        cudnn="nvidia-cudnn-cu12==9.5.1.17",
        nccl="nvidia-nccl-cu12==2.26.2",
        torchvision="torchvision==0.20.1",
        unsupported_gpu=B200,
    ),
    Stack(
        name="2.7.0",
        install=("torch==2.7.0", "torchvision", "torchaudio==2.7.0", *COMMON),
        cudnn="nvidia-cudnn-cu12==9.1.0.70",
        nccl="nvidia-nccl-cu12==2.21.5",
        torchvision="torchvision==0.21.0",
        unsupported_gpu=B200,
    ),
    Stack(
        name="2.8.0",
        install=("torch==2.8.0", "torchvision", "torchaudio==2.8.0", *COMMON),
        cudnn="nvidia-cudnn-cu12==9.5.1.17",
        nccl="nvidia-nccl-cu12==2.26.2",
        torchvision="torchvision==0.22.0",
        unsupported_gpu=P100,
    ),
    Stack(
        name="newest",  # there is no torchaudio for it: 2.11 refuses CUDA 13.2 when imported
        install=("torch", "torchvision", *COMMON),
        cudnn="nvidia-cudnn-cu13==9.20.0.48",
        nccl="nvidia-nccl-cu13==2.28.9",
        torchvision="torchvision==0.28.0",
        strays=("nvidia-cudnn-cu12==9.5.1.17", "nvidia-nccl-cu12==2.26.2"),
        cpu_torch=("torch==2.13.0+cpu", "torchvision==0.28.0"),
        unsupported_gpu=P100,
    ),
)


class Environment:
    """One venv of a stack: the original, or a copy that a fault is done to."""

    def __init__(self, folder: Path) -> None:
        """``folder`` is the venv itself."""
        self.folder = folder
        self.python = folder / "bin" / "python"
        self.variables: dict[str, str] = {}
        """What the doctor's environment has beside this process's own."""

    @property
    def site(self) -> Path:
        """The folder of its packages."""
        return next(self.folder.glob("lib/python*/site-packages"))

    def pip(self, *arguments: str) -> None:
        """Run its own pip, without a cache: a lab fills no one's disk."""
        command = [self.python, "-m", "pip", *arguments]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)

    def install(self, *requirements: str, parts: Path | None = None) -> None:
        """Install wheels that lie in ``parts`` as they are, whatever they require."""
        offline = ("--no-deps", "--no-index", "--find-links", str(parts)) if parts else ()
        self.pip("install", "-q", "--no-cache-dir", "--no-compile", *offline, *requirements)

    def unpack(self, wheel: Path) -> None:
        """Write the files of a wheel over those here, and leave the metadata alone."""
        with zipfile.ZipFile(wheel) as archive:
            for member in archive.infolist():
                if not member.is_dir() and ".dist-info/" not in member.filename:
                    self.write(member.filename, archive.read(member))

    def write(self, name: str, content: bytes) -> None:
        """Give one file of the packages another content; a hard link is broken first."""
        place = self.site / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.unlink(missing_ok=True)
        place.write_bytes(content)

    def only(self, pattern: str) -> Path:
        """The one file of the packages that matches; LookupError for none."""
        found = sorted(self.site.glob(pattern))
        if not found:
            raise LookupError(f"no {pattern} in {self.site}")
        return found[0]


def build(stack: Stack, folder: Path) -> Environment:
    """Install a stack into a new venv."""
    subprocess.run([sys.executable, "-m", "venv", folder], check=True)
    environment = Environment(folder)
    environment.install(*stack.install)
    return environment


def copy(original: Environment, folder: Path) -> Environment:
    """A copy that shares every file with the original by a hard link."""
    shutil.copytree(
        original.folder, folder, symlinks=True, copy_function=os.link, dirs_exist_ok=False
    )
    return Environment(folder)


def fetch(requirement: str, parts: Path) -> Path:
    """The wheel of ``requirement``, downloaded once into ``parts``."""
    name, _, version = requirement.partition("==")
    pattern = f"{name.replace('-', '_')}-{version}-*.whl"
    if not list(parts.glob(pattern)):
        command = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "--no-cache-dir"]
        subprocess.run([*command, "-d", parts, requirement], check=True)
    return next(parts.glob(pattern))
