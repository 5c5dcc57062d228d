"""The interpreter under test, on fabricated site-packages."""

import ast
import atexit
import functools
import os
import shutil
import subprocess
import sys
import tempfile
import venv

import pytest

from gpubench.env.places import Interpreter
from gpubench.env.python_env import inspect_python, read_report, script
from gpubench.env.sources import Sources
from tests.env.sitepackages import Site


@pytest.fixture
def site(tmp_path):
    return Site(tmp_path / "site")


@functools.cache
def bare_python():
    """An interpreter for which nothing at all is installed."""
    place = tempfile.mkdtemp(prefix="gpubench-bare-")
    atexit.register(shutil.rmtree, place, ignore_errors=True)
    venv.create(place, with_pip=False, symlinks=True)
    return f"{place}/bin/python"


def inspect(site, **variables):
    sources = Sources(variables={**os.environ, "PYTHONPATH": str(site.folder), **variables})
    return inspect_python(Interpreter(bare_python()), sources, timeout=30)


def test_a_whole_torch_is_described_from_its_files(site):
    site.torch(
        "2.8.0", cuda="12.8", requires=["nvidia-cudnn-cu12==9.10.2.21; sys_platform=='linux'"]
    )
    site.cudnn("9.10.2.21", suffix="cu12")
    site.nccl("2.27.3", suffix="cu12")
    answer = inspect(site)

    assert answer.unread == {}
    torch = answer.torch
    assert (torch.version, torch.cuda, torch.hip) == ("2.8.0+cu128", "12.8", None)
    assert torch.architectures == ("sm_80", "sm_90", "compute_90")
    assert {entry.name: entry.version for entry in torch.libraries} == {
        "cudnn": "9.10.2",
        "nccl": "2.27.3",
    }
    assert answer.python.distribution("torch").requires == ("nvidia-cudnn-cu12==9.10.2.21",)
    assert answer.python.distribution("torch").damaged_count == 0


def test_a_cpu_build_has_no_cuda_and_no_architectures(site):
    site.torch("2.8.0", cuda=None)
    torch = inspect(site).torch
    assert (torch.version, torch.cuda, torch.architectures) == ("2.8.0+cpu", None, None)


def test_requirements_of_other_platforms_and_extras_are_left_out(site):
    site.torch("2.8.0", requires=["sympy", "intel-x; sys_platform=='win32'", "opt; extra=='opt'"])
    assert inspect(site).python.distribution("torch").requires == ("sympy",)


def test_extras_torch_asks_for_are_followed(site):
    site.torch("2.15.0", requires=["cuda-toolkit[cublas]==13.2.2"])
    site.distribution(
        "cuda_toolkit",
        "13.2.2",
        requires=["nvidia-cublas==13.4.*; extra=='cublas'", "nvidia-npp==1; extra=='npp'"],
    )
    assert inspect(site).python.distribution("cuda-toolkit").requires == ("nvidia-cublas==13.4.*",)


def test_a_requirement_that_an_extra_shares_with_another_reason_is_listed(site):
    site.torch("2.8.0", requires=["sympy; extra=='opt' or sys_platform=='linux'"])
    assert inspect(site).python.distribution("torch").requires == ("sympy",)


def test_what_torch_requires_is_listed_whatever_its_name(site):
    site.torch("2.8.0", requires=["obscure-package>=1"])
    site.distribution("obscure_package", "1.2")
    site.distribution("unrelated", "3")
    names = {entry.name for entry in inspect(site).python.distributions}
    assert "obscure-package" in names
    assert "unrelated" not in names


def test_missing_and_altered_files_are_named(site):
    site.torch("2.8.0")
    (site.folder / "torch" / "version.py").write_text("__version__ = '2.8.0'\n# longer now\n")
    (site.folder / "torch" / "lib" / "libtorch_python.so").unlink()
    torch = inspect(site).python.distribution("torch")
    assert torch.damaged_count == 2
    assert "libtorch_python.so" in torch.damaged[0]  # libraries first
    assert any("libtorch_python.so is missing" in words for words in torch.damaged)
    assert any("version.py has " in words for words in torch.damaged)


def test_a_missing_file_whose_name_the_record_quotes_is_named(site):
    name = "nvidia/nccl/a, b.py"
    site.distribution("nvidia_nccl_cu12", "2.27.3", files={name: "x = 1"})
    record = site.folder / "nvidia_nccl_cu12-2.27.3.dist-info" / "RECORD"
    record.write_text(record.read_text().replace(name, f'"{name}"'))
    (site.folder / name).unlink()
    assert inspect(site).python.distribution("nvidia-nccl-cu12").damaged == (f"{name} is missing",)


def test_empty_files_that_wheels_share_are_not_missed(site):
    site.distribution("nvidia_nccl_cu12", "2.27.3", files={"nvidia/__init__.py": ""})
    (site.folder / "nvidia" / "__init__.py").unlink()
    assert inspect(site).python.distribution("nvidia-nccl-cu12").damaged_count == 0


def test_two_installations_are_both_listed(site):
    site.torch("2.8.0")
    site.distribution("torch", "2.6.0")
    found = [e.version for e in inspect(site).python.distributions if e.name == "torch"]
    assert sorted(found) == ["2.6.0", "2.8.0"]


def test_the_tag_of_torchvision_comes_from_its_files(site):
    site.distribution(
        "torchvision", "0.23.0", files={"torchvision/version.py": "__version__ = '0.23.0+cu126'\n"}
    )
    assert inspect(site).python.distribution("torchvision").build == "0.23.0+cu126"


def test_a_foreign_library_on_the_path_is_found_and_placed(site, tmp_path):
    site.torch("2.8.0")
    foreign = tmp_path / "foreign"
    site.library(foreign / "libcudnn.so.9", b"")
    libraries = inspect(site, LD_LIBRARY_PATH=str(foreign)).torch.libraries
    assert [(e.name, e.origin, e.version) for e in libraries] == [
        ("cudnn", "LD_LIBRARY_PATH", None)
    ]


def test_the_cudnn_header_serves_where_the_library_does_not_say(site):
    site.torch("2.8.0")
    site.cudnn("9.1.0.70", suffix="cu12")
    (entry,) = inspect(site).torch.libraries
    assert entry.version == "9.1.0"


@pytest.mark.skipif(shutil.which("cc") is None, reason="needs a C compiler")
@pytest.mark.parametrize(
    ("code", "version"), [(91002, "9.10.2"), (8902, "8.9.2"), (92600, "9.26.0")]
)
def test_the_cudnn_version_is_read_from_the_code_of_the_library(site, tmp_path, code, version):
    """The header may be another release's; what the library would answer counts."""
    site.torch("2.8.0")
    site.cudnn("9.1.0.70", suffix="cu12")
    source = tmp_path / "cudnn.c"
    source.write_text(f"unsigned long cudnnGetVersion(void) {{ return {code}; }}\n")
    library = site.folder / "nvidia" / "cudnn" / "lib" / "libcudnn.so.9"
    subprocess.run(["cc", "-O2", "-shared", "-fPIC", "-o", library, source], check=True)
    (entry,) = inspect(site).torch.libraries
    assert entry.version == version


def test_a_torch_that_would_abort_when_imported_is_read_all_the_same(site):
    site.torch("2.8.0", init="import os; os.abort()")
    assert inspect(site).torch.version == "2.8.0+cu128"


def test_a_module_in_the_working_folder_is_not_run(site, tmp_path, monkeypatch):
    bomb = tmp_path / "work"
    bomb.mkdir()
    for name in ("torch", "json", "csv", "mmap"):
        (bomb / f"{name}.py").write_text("import os; os.abort()")
    monkeypatch.chdir(bomb)
    site.torch("2.8.0")
    assert inspect(site).torch.version == "2.8.0+cu128"


def test_nothing_is_written_into_the_environment(site):
    site.torch("2.8.0")
    before = sorted(site.folder.rglob("*"))
    inspect(site)
    assert sorted(site.folder.rglob("*")) == before


def test_metadata_that_is_broken_leaves_the_rest(site):
    site.torch("2.8.0", requires=["!!! not a requirement", "sympy"])
    (site.folder / "numpy-2.0.0.dist-info").mkdir()
    answer = inspect(site)
    assert answer.python.distribution("torch").requires == ("sympy",)
    assert answer.python.distribution("numpy").version == "2.0.0"


def test_an_interpreter_without_torch_says_so(site):
    answer = inspect(site)
    assert answer.torch is None
    assert "torch" not in answer.unread
    assert answer.python.version == ".".join(map(str, sys.version_info[:3]))


def test_a_virtual_environment_is_known_as_one():
    sources = Sources(variables={"PATH": os.environ["PATH"]})
    answer = inspect_python(Interpreter(bare_python()), sources, timeout=30)
    assert answer.python.kind == "venv"
    assert answer.python.distributions == ()


@pytest.mark.parametrize(
    ("program", "words"),
    [
        ("#!/bin/sh\nkill -SEGV $$\n", "SIGSEGV"),
        ("#!/bin/sh\nsleep 60\n", "did not come back"),
        ("#!/bin/sh\necho hello\n", "answered nothing"),
        ("#!/bin/sh\necho broken >&2; exit 3\n", "exit status 3: broken"),
    ],
)
def test_an_interpreter_that_does_not_answer_is_unread_with_the_reason(tmp_path, program, words):
    fake = tmp_path / "python"
    fake.write_text(program)
    fake.chmod(0o755)
    answer = inspect_python(Interpreter(str(fake)), Sources(), timeout=2.0)
    assert answer.python is None
    assert words in answer.unread["python"]


def test_a_part_that_could_not_be_read_is_unread():
    answer = read_report({"unread": {"distributions": "PermissionError: /home/alice/x"}})
    assert answer.unread == {"python.distributions": "PermissionError: ~/x"}


@pytest.mark.parametrize(
    "name",
    ["inspect_python.py", "hash_files.py", "start_cuda.py", "prove_torch.py", "guard.py"],
)
def test_the_scripts_are_valid_for_python_3_8(name):
    ast.parse(script(name), feature_version=(3, 8))
    assert "import gpubench" not in script(name)
