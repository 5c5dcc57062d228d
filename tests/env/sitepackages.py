"""Fabricated site-packages: the files of torch and its libraries, without torch."""

import base64
import hashlib
import shutil
import sysconfig
import venv
from pathlib import Path

ARCHITECTURES = b"sm_80 sm_90 compute_90"
ELF = b"\x7fELF\x02\x01" + bytes(58)
"""The head of a library that has no sections, so that nothing of it can be missing."""
PINS = {
    "2.8.0": {
        "cuda": "12.8",
        "requires": (
            "nvidia-cudnn-cu12==9.10.2.21; platform_system == 'Linux'",
            "nvidia-nccl-cu12==2.27.3; platform_system == 'Linux'",
            "nvidia-cublas-cu12==12.8.4.1; platform_system == 'Linux'",
            "nvidia-cuda-runtime-cu12==12.8.90; platform_system == 'Linux'",
            "triton==3.4.0; platform_system == 'Linux'",
        ),
        "torchvision": ("0.23.0", "torch (==2.8.0)"),
    },
    "2.15.0": {
        "cuda": "13.2",
        "requires": (
            "cuda-toolkit[cublas,cudart]==13.2.2; platform_system == 'Linux'",
            "nvidia-cudnn-cu13==9.26.0.51; platform_system == 'Linux'",
            "nvidia-nccl-cu13==2.30.7; platform_system == 'Linux'",
            "triton~=3.9.0; platform_system == 'Linux'",
        ),
        "torchvision": ("0.29.2", "torch (>=2.14.0)"),
    },
}
"""Two releases as their wheels describe themselves: one names CUDA's libraries, one a toolkit."""


class Site:
    """A folder of installed distributions that is written one at a time."""

    def __init__(self, folder):
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def distribution(self, name, version, requires=(), files=None, installer="pip"):
        """Metadata with a RECORD, and the files it names."""
        contents = {
            path: text if isinstance(text, bytes) else text.encode()
            for path, text in (files or {}).items()
        }
        for path, content in contents.items():
            self.library(self.folder / path, content)
        info = self.folder / f"{name}-{version}.dist-info"
        info.mkdir()
        lines = ["Metadata-Version: 2.1", f"Name: {name}", f"Version: {version}"]
        lines += [f"Requires-Dist: {requirement}" for requirement in requires]
        (info / "METADATA").write_text("\n".join(lines) + "\n\nA description.\n")
        (info / "INSTALLER").write_text(f"{installer}\n")
        record = [f"{path},{recorded(content)}" for path, content in contents.items()]
        (info / "RECORD").write_text("\n".join([*record, f"{info.name}/RECORD,,"]) + "\n")

    def torch(self, version, cuda="12.8", requires=(), init=""):
        """A torch whose files say what a real one's say."""
        tag = f"cu{cuda.replace('.', '')}" if cuda else "cpu"
        text = f"from typing import Optional\n__version__ = '{version}+{tag}'\ndebug = False\n"
        text += f"cuda: Optional[str] = {cuda!r}\ngit_version = 'abc'\nhip: Optional[str] = None\n"
        flags = b"\0noise sm_\0" + (ARCHITECTURES if cuda else b"") + b"\0more\0sm_60\0"
        if not cuda:
            flags = b"\0nothing\0"
        self.distribution(
            "torch",
            version,
            requires,
            {
                "torch/__init__.py": init,
                "torch/optim.py": "beta = 1\n",
                "torch/version.py": text,
                "torch/lib/libtorch_python.so": ELF + flags + traces_of_numpy(2),
                "torch/lib/libtorch_cuda.so": ELF + b"kernels",
            },
        )

    def cudnn(self, version, suffix):
        """A cuDNN whose header alone tells its release."""
        major, minor, patch = version.split(".")[:3]
        header = f"#define CUDNN_MAJOR {major}\n#define CUDNN_MINOR {minor}\n"
        header += f"#define CUDNN_PATCHLEVEL {patch}\n"
        self.distribution(
            f"nvidia_cudnn_{suffix}",
            version,
            files={
                "nvidia/cudnn/include/cudnn_version.h": header,
                f"nvidia/cudnn/lib/libcudnn.so.{major}": ELF + f"cuDNN {suffix}".encode(),
            },
        )

    def nccl(self, version, suffix):
        """An NCCL with the banner of its release."""
        self.distribution(
            f"nvidia_nccl_{suffix}", version, files={"nvidia/nccl/lib/libnccl.so.2": nccl(version)}
        )

    def extension(self, name, version, *, numpy, requires=()):
        """A distribution with one compiled module that calls NumPy's C API."""
        self.distribution(
            name,
            version,
            ["numpy", *requires],
            {f"{name}/_core.cpython-311-x86_64-linux-gnu.so": ELF + traces_of_numpy(numpy)},
        )

    def stack(self, release="2.8.0", **instead):
        """A torch release with all that its wheels pin; ``instead`` gives another, or none."""
        pins = PINS[release]
        is_new = release == "2.15.0"
        suffix = "cu13" if is_new else "cu12"
        versions = {
            "cudnn": "9.26.0.51" if is_new else "9.10.2.21",
            "nccl": "2.30.7" if is_new else "2.27.3",
            "triton": "3.9.0" if is_new else "3.4.0",
            "torchvision": pins["torchvision"],
            "cuda": pins["cuda"],
            "numpy": "2.2.1",
            **instead,
        }
        self.torch(
            release,
            cuda=versions["cuda"],
            requires=pins["requires"] if versions["cuda"] else ["numpy"],
            init="# torch\n",
        )
        self.distribution("numpy", versions["numpy"])
        if versions["cuda"]:
            self._cuda_libraries(is_new)
            self._pinned(versions, suffix)
        version, requirement = versions["torchvision"]
        tag = f"cu{pins['cuda'].replace('.', '')}"
        text = f"__version__ = '{version}+{tag}'\n"
        self.distribution("torchvision", version, [requirement], {"torchvision/version.py": text})

    def _cuda_libraries(self, is_new):
        if is_new:
            pins = ["nvidia-cublas==13.4.*; extra == 'cublas'"]
            pins += ["nvidia-cuda-runtime==13.2.86; extra == 'cudart'"]
            self.distribution("cuda_toolkit", "13.2.2", pins)
            cublas = {"nvidia/cu13/lib/libcublas.so.13": ELF + b"cublas"}
            self.distribution("nvidia_cublas", "13.4.1.3", files=cublas)
            self.distribution("nvidia_cuda_runtime", "13.2.86")
        else:
            cublas = {"nvidia/cublas/lib/libcublas.so.12": ELF + b"cublas"}
            self.distribution("nvidia_cublas_cu12", "12.8.4.1", files=cublas)
            self.distribution("nvidia_cuda_runtime_cu12", "12.8.90")

    def _pinned(self, versions, suffix):
        if versions["cudnn"]:
            self.cudnn(versions["cudnn"], suffix)
        if versions["nccl"]:
            self.nccl(versions["nccl"], suffix)
        if versions["triton"]:
            self.distribution("triton", versions["triton"])

    def conda(self, name, version, build="0"):
        """A record of conda's, in the prefix this site belongs to."""
        folder = self.folder.parents[2] / "conda-meta"
        folder.mkdir(exist_ok=True)
        text = f'{{"name": "{name}", "version": "{version}", "build": "{build}"}}'
        (folder / f"{name}-{version}-{build}.json").write_text(text)

    def write(self, path, content):
        """Other content for one file, behind its RECORD's back."""
        self.library(self.folder / path, content)

    @staticmethod
    def library(path, content):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def recorded(content):
    """The hash and size of a file as a RECORD has them."""
    digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
    return f"sha256={digest},{len(content)}"


def nccl(version, cuda="12.8"):
    """An NCCL library with the banner of its release."""
    return ELF + f"\0NCCL version info only\0NCCL version {version}+cuda{cuda}\0".encode()


def traces_of_numpy(major):
    """What NumPy's headers leave in every extension that calls its C API."""
    traces = b"\0module compiled against ABI version 0x%x\0numpy.core._multiarray_umath\0"
    return traces + (b"numpy._core._multiarray_umath\0" if major >= 2 else b"")


def environment(folder):
    """A virtual environment of its own: (its interpreter, its site-packages)."""
    venv.create(folder, with_pip=False, symlinks=True)
    purelib = sysconfig.get_path("purelib", vars={"base": str(folder)})
    return str(folder / "bin" / "python"), Site(Path(purelib))


def without(site, name):
    """Take the folder of one package away; its metadata stays."""
    shutil.rmtree(site.folder / name)
