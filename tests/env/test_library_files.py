"""What the files of libraries and extensions tell: releases, links, NumPy's traces, contents."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from gpubench.env.places import Interpreter
from gpubench.env.python_env import hold_contents, inspect_python
from gpubench.env.scripts.library_files import numpy_of_extension
from gpubench.env.sources import Sources
from tests.env.sitepackages import ELF, Site, environment, nccl, traces_of_numpy, without
from tests.fakedriver.build import CC, needs_cc


@pytest.fixture
def stack(tmp_path):
    python, site = environment(tmp_path / "venv")
    site.stack("2.8.0")
    return python, site


def inspect(python, **variables):
    plain = {key: value for key, value in os.environ.items() if key != "LD_LIBRARY_PATH"}
    return inspect_python(
        Interpreter(python), Sources(variables={**plain, **variables}), timeout=30
    )


def held(python, seconds=30.0):
    sources = Sources(variables=dict(os.environ))
    return hold_contents(inspect(python), Interpreter(python), sources, seconds=seconds)


def compiled(path, text, *options):
    path.parent.mkdir(parents=True, exist_ok=True)
    assert CC is not None
    command = [CC, "-O2", "-shared", "-fPIC", "-x", "c", "-", "-x", "none", "-o", path, *options]
    subprocess.run(command, input=text.encode(), check=True)


def version_of(answer, name):
    return next((file.version for file in answer.torch.libraries if file.name == name), "absent")


# -- releases -----------------------------------------------------------------------------------


@needs_cc
@pytest.mark.parametrize(
    ("library", "text", "name", "version"),
    [
        (
            "libnvJitLink.so.12",
            "void __nvJitLinkCreate_12_2(void){} void __nvJitLinkCreate_12_10(void){}",
            "nvjitlink",
            "12.10",
        ),
        (
            "libcufft.so.11",
            "int cufftGetVersion(int *out) { if (out) *out = 11201; return 0; }",
            "cufft",
            "11.2.1",
        ),
        (
            "libcusolver.so.12",
            "int cusolverGetVersion(int *out) { if (!out) return 3; *out = 12200; return 0; }",
            "cusolver",
            "12.2.0",
        ),
    ],
)
@pytest.mark.skipif(os.uname().machine != "x86_64", reason="reads x86-64 code")
def test_the_release_of_a_library_is_read_from_its_code(stack, library, text, name, version):
    python, site = stack
    compiled(site.folder / "nvidia" / "some" / "lib" / library, text)
    assert version_of(inspect(python), name) == version


def test_the_release_of_nvrtc_stands_in_the_name_of_what_it_opens(stack):
    python, site = stack
    for name in ("libnvrtc.so.12", "libnvrtc-builtins.so.12.8"):
        site.write(f"nvidia/cuda_nvrtc/lib/{name}", ELF)
    assert version_of(inspect(python), "nvrtc") == "12.8"


@pytest.mark.parametrize("content", [b"", b"\x7fELF\x02\x01", ELF, os.urandom(4096)])
@pytest.mark.parametrize(
    "library", ["libcudart.so.12", "libnvJitLink.so.12", "libcufft.so.11", "libnccl.so.2"]
)
def test_a_library_that_does_not_tell_has_no_release(stack, library, content):
    python, site = stack
    (site.folder / "nvidia" / "nccl" / "lib" / "libnccl.so.2").unlink()
    site.write(f"nvidia/any/lib/{library}", content)
    name = library.removeprefix("lib").partition(".")[0].lower()
    assert version_of(inspect(python), name) is None


def test_what_ld_preload_loads_is_placed(stack, tmp_path):
    python, site = stack
    foreign = tmp_path / "libnccl.so.2"
    site.library(foreign, nccl("2.19.3"))
    files = inspect(python, LD_PRELOAD=str(foreign)).torch.libraries
    assert [(f.name, f.version, f.path) for f in files if f.origin == "LD_PRELOAD"] == [
        ("nccl", "2.19.3", str(foreign))
    ]


def test_a_library_of_another_interface_on_the_path_is_no_rival(stack, tmp_path):
    python, site = stack
    site.library(tmp_path / "old" / "libcudnn.so.8", ELF)
    files = inspect(python, LD_LIBRARY_PATH=str(tmp_path / "old")).torch.libraries
    assert all(file.origin == "wheel" for file in files)


# -- links, NumPy -------------------------------------------------------------------------------


@needs_cc
@pytest.mark.parametrize("needs", [True, False])
def test_whether_torchvision_is_linked_with_a_cuda_torch_is_read(stack, tmp_path, needs):
    python, site = stack
    compiled(tmp_path / "libtorch_cuda.so", "int kernel(void) { return 1; }")
    link = [f"-L{tmp_path}", "-ltorch_cuda"] if needs else []
    text = "int kernel(void); int call(void) { return kernel(); }" if needs else "int a;"
    text += '\nint puts(const char *); int say(void) { return puts(""); }'
    compiled(site.folder / "torchvision" / "_C.so", text, *link)
    assert inspect(python).python.distribution("torchvision").needs_cuda is needs


@pytest.mark.parametrize("numpy", [1, 2])
def test_the_numpy_an_extension_was_compiled_with_is_read(stack, numpy):
    python, site = stack
    site.extension("pandas", "2.1.4", numpy=numpy)
    found = inspect(python).python.distribution("pandas")
    assert (found.numpy_built if found else 2) == numpy  # what fits is not listed


def test_an_extension_whose_name_begins_like_a_librarys_is_read_too(stack):
    python, site = stack
    content = ELF + traces_of_numpy(1)
    library = {"pyarrow/lib.cpython-311-x86.so": content}
    site.distribution("pyarrow", "15.0", ("numpy<2,>=1.16.6",), files=library)
    assert inspect(python).python.distribution("pyarrow").numpy_built == 1


def test_an_extension_that_only_names_numpy_is_not_taken_for_one_of_numpy_1(stack):
    """As rust-numpy does, whose extensions ask the installed NumPy where it keeps its API."""
    python, site = stack
    content = ELF + b"\0module compiled against API version\0numpy.core.multiarray\0"
    site.distribution("rusty", "1.0", files={"rusty/rusty.abi3.so": content})
    assert inspect(python).python.distribution("rusty") is None


# -- files and who lists them -------------------------------------------------------------------


def test_a_file_that_two_distributions_list_is_told_on_both(stack):
    python, site = stack
    site.cudnn("9.13.0.50", "cu13")
    found = inspect(python).python
    assert found.distribution("nvidia-cudnn-cu12").overlaps == ("nvidia-cudnn-cu13 9.13.0.50",)
    assert found.distribution("nvidia-cudnn-cu13").overlaps == ("nvidia-cudnn-cu12 9.10.2.21",)


def test_a_package_that_writes_into_the_folder_of_torch_is_told(stack):
    python, site = stack
    site.distribution("patcher", "1.0", files={"torch/optim.py": "beta = 2\n"})
    torch = inspect(python).python.distribution("torch")
    assert torch.overlaps == ("patcher 1.0",)


def test_a_torch_whose_files_are_gone_is_described_by_its_metadata(stack):
    python, site = stack
    without(site, "torch")
    answer = inspect(python)
    assert (answer.torch.version, answer.torch.cuda) == ("2.8.0", "12.8")
    assert answer.torch.from_metadata


def test_a_torch_whose_metadata_names_no_cuda_says_what_is_unread(tmp_path):
    python, site = environment(tmp_path / "venv")
    site.torch("2.8.0", cuda=None)
    site.write("torch/version.py", b"")
    answer = inspect(python)
    assert answer.torch.cuda is None
    assert "version.py" in answer.unread["torch.cuda"]


def test_conda_packages_are_listed_with_their_build(stack):
    python, site = stack
    site.conda("pytorch", "2.5.1", "py3.11_cuda12.1_cudnn9.1.0_0")
    site.conda("requests", "2.0")
    found = inspect(python).python
    assert (found.kind, found.distribution("requests")) == ("conda", None)
    entry = found.distribution("pytorch")
    assert (entry.version, entry.installer) == ("2.5.1", "conda")
    assert "cuda12.1" in entry.build


@pytest.mark.parametrize("content", ["", "[]", '{"name": "pytorch"}', "\0"])
def test_a_broken_record_of_conda_leaves_the_rest(stack, content):
    python, site = stack
    site.conda("pytorch", "2.5.1")
    record = Path(python).parents[1] / "conda-meta" / "pytorch-2.5.1-0.json"
    record.write_text(content)
    answer = inspect(python)
    assert answer.unread == {}
    assert answer.python.distribution("pytorch") is None


def test_files_that_conda_changed_after_the_record_was_written_are_not_held(stack):
    python, site = stack
    (site.folder / "torch-2.8.0.dist-info" / "INSTALLER").write_text("conda\n")
    site.write("torch/lib/libtorch_cuda.so", ELF + b"with another search path")
    torch = held(python).python.distribution("torch")
    assert (torch.record_read, torch.damaged_count, torch.hashed) == (False, 0, False)


def test_a_torch_in_the_user_site_beside_the_environments_own_is_listed(stack, tmp_path):
    python, _ = stack
    settings = Path(python).parents[1] / "pyvenv.cfg"
    text = settings.read_text().replace("site-packages = false", "site-packages = true")
    settings.write_text(text)
    release = ".".join(map(str, sys.version_info[:2]))
    user = Site(tmp_path / "user" / "lib" / f"python{release}" / "site-packages")
    user.torch("2.6.0", cuda="12.4")
    answer = inspect(python, PYTHONUSERBASE=str(tmp_path / "user"))
    torches = [entry for entry in answer.python.distributions if entry.name == "torch"]
    assert [entry.version for entry in torches][:2] == ["2.8.0", "2.6.0"]
    assert answer.torch.version == "2.8.0+cu128"


# -- contents -----------------------------------------------------------------------------------


def test_contents_that_are_the_wheels_are_said_to_have_been_held(stack):
    torch = held(stack[0]).python.distribution("torch")
    assert (torch.damaged_count, torch.hashed) == (0, True)


def test_one_changed_byte_is_found_by_the_hash_alone(stack):
    python, site = stack
    site.write("torch/optim.py", b"beta = 2\n")
    assert inspect(python).python.distribution("torch").damaged_count == 0
    torch = held(python).python.distribution("torch")
    assert torch.damaged == ("torch/optim.py has other content",)
    assert torch.damaged_count == 1


def test_contents_that_were_not_reached_in_time_are_not_called_held(stack):
    python, site = stack
    site.write("torch/optim.py", b"beta = 2\n")
    torch = held(python, seconds=0.0).python.distribution("torch")
    assert (torch.damaged_count, torch.hashed) == (0, False)


def test_a_child_that_does_not_answer_leaves_what_sizes_said(stack, tmp_path):
    python, _ = stack
    dead = tmp_path / "python"
    dead.write_text("#!/bin/sh\nexit 3\n")
    dead.chmod(0o755)
    answer = inspect(python)
    assert hold_contents(answer, Interpreter(str(dead)), Sources(), seconds=5.0) is answer


def test_an_interpreter_without_torch_has_nothing_to_hold(tmp_path):
    python, _ = environment(tmp_path / "venv")
    answer = inspect(python)
    assert hold_contents(answer, Interpreter(python), Sources(), seconds=5.0) is answer


@needs_cc
@pytest.mark.parametrize(("place", "found"), [("const char said[]", "2"), ("char said[]", None)])
def test_texts_are_looked_for_where_a_compiler_puts_them(tmp_path, place, found):
    """Constants alone are searched: what is written at run time is no text of the source."""
    library = tmp_path / "extension.so"
    text = "module compiled against ABI\\0numpy._core._multiarray_umath"
    compiled(library, f'{place} = "{text}"; int f(void) {{ return said[0]; }}')
    assert numpy_of_extension(str(library)) == found
