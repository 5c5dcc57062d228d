"""Broken environments from their files to their first cause, without running anything."""

import dataclasses
import os
import shutil

import pytest

from gpubench.checks.diagnosis import diagnose
from gpubench.checks.running import run_checks
from gpubench.env.places import Interpreter
from gpubench.env.python_env import inspect_python
from gpubench.env.sources import Sources
from tests.checks.healthy import NO_GPU, QUICK
from tests.env.sitepackages import Site
from tests.env.test_python_env import bare_python

REQUIRES = [
    "nvidia-cudnn-cu12==9.10.2.21; platform_system == 'Linux'",
    "nvidia-nccl-cu12==2.27.3; platform_system == 'Linux'",
    "nvidia-cublas-cu12==12.8.4.1; platform_system == 'Linux'",
    "triton==3.4.0; platform_system == 'Linux'",
    "sympy>=1.13.3",
]


@pytest.fixture
def site(tmp_path):
    return Site(tmp_path / "site")


def stack(site, *, cuda="12.8", **instead):
    """torch 2.8.0 and what it pins; ``instead`` gives one another release, or none."""
    versions = {
        "cudnn": "9.10.2.21", "nccl": "2.27.3", "triton": "3.4.0", "cublas": "12.8.4.1",
        "torchvision": "0.23.0", **instead,
    }  # fmt: skip
    requires = REQUIRES if cuda else ["sympy>=1.13.3"]
    site.torch("2.8.0", cuda=cuda, requires=requires, init="# torch\n")
    site.distribution("sympy", "1.13.3")
    if cuda and versions["cudnn"]:
        site.cudnn(versions["cudnn"], suffix="cu12")
    if cuda and versions["nccl"]:
        site.nccl(versions["nccl"], suffix="cu12")
    if cuda and versions["cublas"]:
        site.distribution("nvidia_cublas_cu12", versions["cublas"])
    if cuda and versions["triton"]:
        site.distribution("triton", versions["triton"])
    torch = {"0.23.0": "2.8.0", "0.21.0": "2.6.0"}[versions["torchvision"]]
    site.distribution(
        "torchvision",
        versions["torchvision"],
        [f"torch=={torch}"],
        {"torchvision/version.py": f"__version__ = '{versions['torchvision']}+cu128'\n"},
    )


def causes(site, machine=NO_GPU, **variables):
    sources = Sources(variables={**os.environ, "PYTHONPATH": str(site.folder), **variables})
    answer = inspect_python(Interpreter(bare_python()), sources, timeout=30)
    snapshot = dataclasses.replace(
        machine, python=answer.python, torch=answer.torch, toolchain=QUICK.toolchain,
        unread=answer.unread,
    )  # fmt: skip
    return [cause.cause for cause in diagnose(snapshot, run_checks(snapshot)).causes]


@pytest.mark.parametrize("machine", [NO_GPU, QUICK], ids=["no GPU", "8 GPUs"])
def test_a_whole_stack_is_healthy(site, machine):
    stack(site)
    assert causes(site, machine) == []


@pytest.mark.parametrize(
    ("instead", "cause"),
    [
        ({"cudnn": "9.1.0.70"}, "cudnn-mismatch"),
        ({"cudnn": "9.13.0.50"}, "cudnn-mismatch"),
        ({"cudnn": None}, "cudnn-mismatch"),
        ({"nccl": "2.21.5"}, "nccl-mismatch"),
        ({"triton": "3.2.0"}, "torch-companion-mismatch"),
        ({"triton": None}, "torch-companion-mismatch"),
        ({"torchvision": "0.21.0"}, "torch-companion-mismatch"),
        ({"cublas": "12.4.5.8"}, "cuda-mixed"),
        ({"cublas": None}, "torch-install-damaged"),
    ],
)
@pytest.mark.parametrize("machine", [NO_GPU, QUICK], ids=["no GPU", "8 GPUs"])
def test_one_thing_out_of_place_is_named(site, machine, instead, cause):
    stack(site, **instead)
    assert causes(site, machine) == [cause]


def test_a_cpu_torch_beside_a_cuda_torchvision_is_named_by_what_is_there(site):
    stack(site, cuda=None)
    assert causes(site, NO_GPU) == ["torch-companion-mismatch"]
    assert causes(site, QUICK) == ["torch-cpu-build"]


def test_a_cudnn_unpacked_over_the_pinned_one_is_named(site):
    stack(site)
    header = site.folder / "nvidia" / "cudnn" / "include" / "cudnn_version.h"
    header.write_text(header.read_text().replace("MINOR 10", "MINOR 1"))
    assert causes(site) == ["cudnn-mismatch"]


def test_a_second_family_that_overwrites_the_first_is_named(site):
    stack(site)
    for name in ("cudnn", "nccl", "nvshmem"):
        site.distribution(f"nvidia_{name}_cu13", "9.0")
    assert causes(site)[0] == "cudnn-mismatch"


@pytest.mark.parametrize("file", ["torch/lib/libtorch_python.so", "torch/__init__.py"])
def test_a_file_of_torch_that_is_altered_is_named(site, file):
    stack(site)
    (site.folder / file).write_bytes(b"other content altogether")
    assert causes(site) == ["torch-install-damaged"]


def test_a_foreign_library_on_the_path_is_named(site, tmp_path):
    stack(site)
    site.library(tmp_path / "foreign" / "libcudnn.so.9", b"\x7fELF")
    found = causes(site, LD_LIBRARY_PATH=str(tmp_path / "foreign"))
    assert found == ["library-path-shadowing"]


def test_two_installations_in_one_folder_are_named(site):
    stack(site)
    shutil.copytree(site.folder / "torch-2.8.0.dist-info", site.folder / "torch-2.6.0.dist-info")
    metadata = site.folder / "torch-2.6.0.dist-info" / "METADATA"
    metadata.write_text(metadata.read_text().replace("Version: 2.8.0", "Version: 2.6.0"))
    assert causes(site)[0] == "torch-install-damaged"
