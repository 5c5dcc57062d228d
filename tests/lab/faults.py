"""What is done to a copy of a stack, and the cause the doctor is to give first."""

import dataclasses
import shutil
from collections.abc import Callable
from pathlib import Path

from tests.lab.stacks import Environment, Stack, fetch

OLD_DRIVER = "470.57.02"
NUMPY_1 = "pandas==2.1.4"
"""The last pandas that was compiled with NumPy 1."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Case:
    """One copy of a stack, and where it finds what is done to it."""

    stack: Stack
    copy: Environment
    parts: Path
    """Wheels that were downloaded."""
    scratch: Path
    """A folder for what lies outside the environment."""

    def wheel(self, requirement: str) -> Path:
        """The wheel of ``requirement`` as a file."""
        return fetch(requirement, self.parts)

    def install(self, requirement: str) -> None:
        """Install one wheel over what is there, as pip does when asked for nothing else."""
        self.wheel(requirement)
        self.copy.install(requirement, parts=self.parts)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Fault:
    """One thing done to a copy, and the first cause expected by machine."""

    name: str
    do: Callable[[Case], None]
    cause: str | None = None
    """First cause on a machine without a GPU; None: not asked there."""
    with_gpu: str | None = None
    """First cause under the fake driver; None: not asked there."""
    level: str = "quick"
    scenario: str = "healthy"
    """``healthy``, ``old driver`` or ``unsupported``: which GPU and driver are pretended."""


def named(name: str, cause: str, do: Callable[[Case], None], level: str = "quick") -> Fault:
    """A fault of the environment, which has the same cause with a GPU and without."""
    return Fault(
        name=name,
        do=do,
        cause=cause,
        with_gpu=cause if level == "quick" else None,
        level=level,
    )


# -- other releases over the pins --------------------------------------------------------------


def other_cudnn(case: Case) -> None:
    """Pip installs another cuDNN over the pinned one."""
    case.install(case.stack.cudnn)


def other_nccl(case: Case) -> None:
    """Pip installs another NCCL over the pinned one."""
    case.install(case.stack.nccl)


def cudnn_unpacked(case: Case) -> None:
    """The files are another cuDNN's, the metadata says what the pin says."""
    case.copy.unpack(case.wheel(case.stack.cudnn))


def nccl_unpacked(case: Case) -> None:
    """The files are another NCCL's, the metadata says what the pin says."""
    case.copy.unpack(case.wheel(case.stack.nccl))


def stray_cudnn(case: Case) -> None:
    """A cuDNN for the other CUDA major is installed beside torch's own."""
    case.install(case.stack.strays[0])


def stray_cudnn_whole(case: Case) -> None:
    """The same with what it requires, its cuBLAS; pip then writes both."""
    case.copy.install(case.stack.strays[0])


def stray_nccl(case: Case) -> None:
    """An NCCL for the other CUDA major is installed beside torch's own."""
    case.install(case.stack.strays[1])


def stray_cudnn_unpacked(case: Case) -> None:
    """The files of the other CUDA major's cuDNN lie over torch's own; no metadata tells."""
    case.copy.unpack(case.wheel(case.stack.strays[0]))


def two_families(case: Case) -> None:
    """cuDNN and NCCL of the other CUDA major are installed beside torch's own."""
    stray_cudnn(case)
    stray_nccl(case)


# -- companions --------------------------------------------------------------------------------


def other_torchvision(case: Case) -> None:
    """torchvision is of another torch release."""
    case.install(case.stack.torchvision)


def other_triton(case: Case) -> None:
    """triton is of another torch release."""
    case.install(case.stack.triton)


def no_triton(case: Case) -> None:
    """triton is gone."""
    case.copy.pip("uninstall", "-q", "-y", "triton")


def cpu_torch(case: Case) -> None:
    """A CPU build of torch beside a CUDA torchvision.

    The real one where its wheel can be had; else fabricated: the version, the requirements and
    the libraries of a CPU build.
    """
    if case.stack.cpu_torch:
        for requirement in case.stack.cpu_torch:
            case.install(requirement)
        return
    site = case.copy.site
    text = (site / "torch" / "version.py").read_text()
    tag = text.split("+", 1)[1].split("'", 1)[0]
    text = text.replace(f"+{tag}", "+cpu").replace("cuda: Optional[str] = '", "cuda = None  # '")
    case.copy.write("torch/version.py", text.encode())
    info = case.copy.only("torch-*.dist-info/METADATA")
    lines = [line for line in info.read_text().splitlines() if "nvidia-" not in line]
    lines = [line for line in lines if not line.startswith("Requires-Dist: triton")]
    case.copy.write(str(info.relative_to(site)), "\n".join(lines).encode())
    record = case.copy.only("torch-*.dist-info/RECORD")
    kept = [
        line
        for line in record.read_text().splitlines()
        if "_cuda" not in line and not line.startswith("torch/version.py")
    ]
    case.copy.write(str(record.relative_to(site)), "\n".join(kept).encode())
    for library in site.glob("torch/lib/*_cuda*.so"):
        library.unlink()


# -- files of torch ----------------------------------------------------------------------------


def library_deleted(case: Case) -> None:
    """A library of torch is gone."""
    case.copy.only("torch/lib/libtorch_cuda_linalg.so").unlink()


def library_truncated(case: Case) -> None:
    """A library of torch ends in its middle."""
    content = case.copy.only("torch/lib/libtorch_cuda_linalg.so").read_bytes()
    case.copy.write("torch/lib/libtorch_cuda_linalg.so", content[: len(content) // 2])


def library_emptied(case: Case) -> None:
    """NCCL's library holds nothing."""
    place = case.copy.only("nvidia/nccl/lib/libnccl.so.2")
    case.copy.write(str(place.relative_to(case.copy.site)), b"")


def library_changed(case: Case) -> None:
    """One byte of a library is another; size and version stay."""
    content = bytearray(case.copy.only("torch/lib/libtorch_cuda_linalg.so").read_bytes())
    content[len(content) // 2] ^= 1
    case.copy.write("torch/lib/libtorch_cuda_linalg.so", bytes(content))


def module_emptied(case: Case) -> None:
    """A Python file of torch is empty."""
    case.copy.write("torch/optim/adam.py", b"")


def module_changed(case: Case) -> None:
    """One byte of a Python file is another; the size stays."""
    text = (case.copy.site / "torch/optim/adam.py").read_text()
    case.copy.write("torch/optim/adam.py", text.replace("beta1", "beta2", 1).encode())


def version_emptied(case: Case) -> None:
    """The file that says which torch it is, is empty."""
    case.copy.write("torch/version.py", b"")


def folder_deleted(case: Case) -> None:
    """torch's folder is gone, its metadata is left."""
    shutil.rmtree(case.copy.site / "torch")


# -- around it ---------------------------------------------------------------------------------


def no_compiler(case: Case) -> None:
    """There is no C compiler on the path."""
    case.copy.variables["PATH"] = str(case.scratch)


def foreign_library(case: Case, library: str, requirement: str, variable: str) -> None:
    """A variable puts a library of another release first."""
    foreign = Environment(case.scratch / "lib")
    (foreign.folder / "lib/python3/site-packages").mkdir(parents=True)
    foreign.unpack(case.wheel(requirement))
    path = foreign.only(f"nvidia/{library}/lib/lib{library}.so.*")
    case.copy.variables[variable] = str(path if variable == "LD_PRELOAD" else path.parent)


def foreign_cudnn(case: Case) -> None:
    """LD_LIBRARY_PATH holds another cuDNN."""
    foreign_library(case, "cudnn", case.stack.cudnn, "LD_LIBRARY_PATH")


def foreign_nccl(case: Case) -> None:
    """LD_LIBRARY_PATH holds another NCCL."""
    foreign_library(case, "nccl", case.stack.nccl, "LD_LIBRARY_PATH")


def preloaded_cudnn(case: Case) -> None:
    """LD_PRELOAD loads another cuDNN."""
    foreign_library(case, "cudnn", case.stack.cudnn, "LD_PRELOAD")


def preloaded_nccl(case: Case) -> None:
    """LD_PRELOAD loads another NCCL."""
    foreign_library(case, "nccl", case.stack.nccl, "LD_PRELOAD")


def numpy_1_extension(case: Case) -> None:
    """An extension that was compiled with NumPy 1, under NumPy 2."""
    case.install(NUMPY_1)


def hidden(case: Case) -> None:
    """CUDA_VISIBLE_DEVICES is empty."""
    case.copy.variables["CUDA_VISIBLE_DEVICES"] = ""


def nothing(case: Case) -> None:
    """The machine is at fault, not the environment."""


MACHINE = (
    Fault(name="CUDA_VISIBLE_DEVICES empty", do=hidden, with_gpu="devices-hidden"),
    Fault(
        name=f"driver {OLD_DRIVER}",
        do=nothing,
        with_gpu="driver-too-old",
        scenario="old driver",
    ),
    Fault(
        name="GPU without code",
        do=nothing,
        with_gpu="gpu-arch-unsupported",
        scenario="unsupported",
    ),
)

FAULTS = (
    named("another cuDNN installed", "cudnn-mismatch", other_cudnn),
    named("another NCCL installed", "nccl-mismatch", other_nccl),
    named("another cuDNN unpacked over", "cudnn-mismatch", cudnn_unpacked),
    named("another NCCL unpacked over", "nccl-mismatch", nccl_unpacked),
    named("cuDNN of the other major beside", "cudnn-mismatch", stray_cudnn),
    named("cuDNN of the other major, whole", "cudnn-mismatch", stray_cudnn_whole),
    named("cuDNN of the other major over", "cudnn-mismatch", stray_cudnn_unpacked),
    named("NCCL of the other major beside", "nccl-mismatch", stray_nccl),
    named("both of the other major beside", "cudnn-mismatch", two_families),
    named("torchvision of another release", "torch-companion-mismatch", other_torchvision),
    named("triton of another release", "torch-companion-mismatch", other_triton),
    named("triton removed", "torch-companion-mismatch", no_triton),
    Fault(
        name="CPU torch, CUDA torchvision",
        do=cpu_torch,
        cause="torch-companion-mismatch",
        with_gpu="torch-cpu-build",
    ),
    named("library deleted", "torch-install-damaged", library_deleted),
    named("library truncated", "torch-install-damaged", library_truncated),
    named("NCCL's library emptied", "torch-install-damaged", library_emptied),
    named("library, one byte", "torch-install-damaged", library_changed, "standard"),
    named("module emptied", "torch-install-damaged", module_emptied),
    named("module, one byte", "torch-install-damaged", module_changed, "standard"),
    named("version.py emptied", "torch-install-damaged", version_emptied),
    named("torch's folder deleted", "torch-install-damaged", folder_deleted),
    named("no C compiler", "compiler-missing", no_compiler),
    named("LD_LIBRARY_PATH, cuDNN", "library-path-shadowing", foreign_cudnn),
    named("LD_LIBRARY_PATH, cuDNN, run", "library-path-shadowing", foreign_cudnn, "standard"),
    named("LD_LIBRARY_PATH, NCCL", "library-path-shadowing", foreign_nccl),
    named("LD_PRELOAD, cuDNN, run", "library-path-shadowing", preloaded_cudnn, "standard"),
    named("LD_PRELOAD, NCCL, run", "library-path-shadowing", preloaded_nccl, "standard"),
    named("NumPy 1 extension", "numpy-abi", numpy_1_extension),
    *MACHINE,
)
