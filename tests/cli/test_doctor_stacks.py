"""One fault at a time done to fabricated environments, and the first cause of the whole doctor.

``tests/lab`` does the same to real stacks.
"""

import json

import pytest

from gpubench.cli.app import main
from tests.env.sitepackages import ELF, environment, nccl, without
from tests.fakedriver import build as driver
from tests.fakedriver.build import needs_cc

RELEASES = ("2.8.0", "2.15.0")


@pytest.fixture
def doctor(tmp_path, monkeypatch, capsys):
    """Ask the doctor about an environment: the causes it gives, first to last."""

    def ask(python, scenario=None, **variables):
        for name in ("LD_LIBRARY_PATH", "LD_PRELOAD", "CUDA_VISIBLE_DEVICES", "PYTHONPATH"):
            monkeypatch.delenv(name, raising=False)
        if scenario is not None:
            played = driver.variables(tmp_path, scenario)
            for name in ("LD_LIBRARY_PATH", "GPUBENCH_FAKE_DRIVER"):
                monkeypatch.setenv(name, played[name])
        for name, value in variables.items():
            monkeypatch.setenv(name, str(value))
        main(["doctor", "--python", python, "--level", "quick", "--format", "json"])
        answer = json.loads(capsys.readouterr().out)
        return [cause["cause"] for cause in answer["diagnosis"]], answer

    return ask


@pytest.fixture(params=RELEASES)
def stack(request, tmp_path):
    """A whole environment of one release: (interpreter, site, release)."""
    python, site = environment(tmp_path / "venv")
    site.stack(request.param)
    return python, site, request.param


def suffix_of(release):
    return "cu13" if release == "2.15.0" else "cu12"


def first(causes):
    return causes[0] if causes else None


def broken(tmp_path, release, **instead):
    python, site = environment(tmp_path / "venv")
    site.stack(release, **instead)
    return python, site


def test_a_whole_environment_has_no_cause(stack, doctor):
    assert doctor(stack[0])[0] == []


@needs_cc
def test_a_whole_environment_is_healthy_with_a_gpu(stack, doctor):
    causes, answer = doctor(stack[0], scenario=driver.healthy(2))
    assert (causes, answer["verdict"]) == ([], "healthy")


@pytest.mark.parametrize("release", RELEASES)
@pytest.mark.parametrize(
    ("instead", "cause"),
    [
        ({"cudnn": "9.1.0.70"}, "cudnn-mismatch"),
        ({"nccl": "2.21.5"}, "nccl-mismatch"),
        ({"torchvision": ("0.21.0", "torch (==2.6.0)")}, "torch-companion-mismatch"),
        ({"triton": "3.2.0"}, "torch-companion-mismatch"),
        ({"triton": None}, "torch-companion-mismatch"),
        ({"cuda": None}, "torch-companion-mismatch"),
    ],
)
def test_another_release_than_the_pinned_one_is_named(tmp_path, doctor, release, instead, cause):
    python, _ = broken(tmp_path, release, **instead)
    assert first(doctor(python)[0]) == cause


@needs_cc
@pytest.mark.parametrize("release", RELEASES)
def test_a_cpu_torch_is_named_where_there_is_a_gpu(tmp_path, doctor, release):
    python, _ = broken(tmp_path, release, cuda=None)
    assert first(doctor(python, scenario=driver.healthy(2))[0]) == "torch-cpu-build"


def test_an_nccl_unpacked_over_the_pinned_one_is_named(stack, doctor):
    stack[1].write("nvidia/nccl/lib/libnccl.so.2", nccl("2.19.3"))
    assert first(doctor(stack[0])[0]) == "nccl-mismatch"


def test_an_nccl_of_another_patch_release_is_named_and_not_taken_for_damage(stack, doctor):
    python, site, release = stack
    other = "2.30.12" if release == "2.15.0" else "2.27.12"
    site.write("nvidia/nccl/lib/libnccl.so.2", nccl(other))
    assert first(doctor(python)[0]) == "nccl-mismatch"


def test_a_build_of_the_same_release_for_another_cuda_unpacked_over_it_is_named(stack, doctor):
    stack[1].write("nvidia/cudnn/lib/libcudnn.so.9", ELF + b"cuDNN of another family")
    assert first(doctor(stack[0])[0]) == "cudnn-mismatch"


def test_a_cudnn_for_another_cuda_major_beside_it_is_named(stack, doctor):
    python, site, release = stack
    site.cudnn("9.13.0.50", "cu12" if release == "2.15.0" else "cu13")
    causes, answer = doctor(python)
    assert first(causes) == "cudnn-mismatch"
    (torch_own,) = (
        entry
        for entry in answer["snapshot"]["python"]["distributions"]
        if entry["name"] == f"nvidia-cudnn-{suffix_of(release)}"
    )
    assert len(torch_own["overlaps"]) == 1


def test_of_two_families_the_library_whose_files_clash_is_named(stack, doctor):
    python, site, release = stack
    other = "cu12" if release == "2.15.0" else "cu13"
    site.cudnn("9.13.0.50", other)
    site.nccl("2.28.9", other)
    assert first(doctor(python)[0]) == "cudnn-mismatch"


@pytest.mark.parametrize(
    ("path", "content"),
    [
        ("torch/lib/libtorch_cuda.so", None),
        ("torch/lib/libtorch_cuda.so", ELF[:40]),
        ("torch/optim.py", b""),
        ("torch/optim.py", b"beta = 20\n"),
        ("torch/version.py", b""),
        ("nvidia/nccl/lib/libnccl.so.2", b""),
        ("torch", None),
    ],
    ids=["gone", "cut", "emptied", "edited", "no version", "empty library", "no folder"],
)
def test_files_of_torch_that_are_missing_or_altered_are_named(stack, doctor, path, content):
    python, site, _ = stack
    if path == "torch":
        without(site, path)
    elif content is None:
        (site.folder / path).unlink()
    else:
        site.write(path, content)
    assert first(doctor(python)[0]) == "torch-install-damaged"


def test_no_compiler_is_named(stack, doctor, tmp_path):
    empty = tmp_path / "empty"
    empty.mkdir()
    assert first(doctor(stack[0], PATH=empty, CC="", CXX="")[0]) == "compiler-missing"


@pytest.mark.parametrize("library", ["libcudnn.so.9", "libnccl.so.2"])
def test_a_foreign_library_on_the_path_is_named_with_its_file(stack, doctor, tmp_path, library):
    site = stack[1]
    site.library(tmp_path / "foreign" / library, nccl("2.19.3"))
    causes, answer = doctor(stack[0], LD_LIBRARY_PATH=tmp_path / "foreign")
    assert first(causes) == "library-path-shadowing"
    assert library in json.dumps(answer["findings"])


def test_a_library_that_ld_preload_names_is_named(stack, doctor, tmp_path):
    foreign = tmp_path / "foreign" / "libnccl.so.2"
    stack[1].library(foreign, nccl("2.19.3"))
    causes, _ = doctor(stack[0], LD_PRELOAD=foreign)
    assert first(causes) == "library-path-shadowing"


def test_the_same_release_on_the_path_is_no_cause(stack, doctor, tmp_path):
    own = stack[1].folder / "nvidia" / "nccl" / "lib" / "libnccl.so.2"
    stack[1].library(tmp_path / "again" / "libnccl.so.2", own.read_bytes())
    assert doctor(stack[0], LD_LIBRARY_PATH=tmp_path / "again")[0] == []


def test_a_toolkit_on_the_path_with_other_libraries_is_no_cause(stack, doctor, tmp_path):
    toolkit = tmp_path / "cuda" / "lib64"
    for name in ("libcudart.so.11", "libcublas.so.11", "libcudnn.so.8", "libnccl.so.1"):
        stack[1].library(toolkit / name, ELF)
    assert doctor(stack[0], LD_LIBRARY_PATH=toolkit)[0] == []


def test_an_extension_compiled_with_numpy_1_under_numpy_2_is_named(stack, doctor):
    stack[1].extension("pandas", "2.1.4", numpy=1)
    causes, answer = doctor(stack[0])
    assert first(causes) == "numpy-abi"
    assert "pandas 2.1.4" in json.dumps(answer["findings"])


def test_an_extension_compiled_with_numpy_2_is_no_cause(stack, doctor):
    stack[1].extension("pandas", "2.3.0", numpy=2)
    assert doctor(stack[0])[0] == []


@pytest.mark.parametrize("release", RELEASES)
def test_an_extension_compiled_with_numpy_1_under_numpy_1_is_no_cause(tmp_path, doctor, release):
    python, site = broken(tmp_path, release, numpy="1.26.4")
    site.extension("pandas", "2.1.4", numpy=1)
    assert doctor(python)[0] == []


@needs_cc
@pytest.mark.parametrize(
    ("scenario", "variables", "cause"),
    [
        (driver.healthy(2), {"CUDA_VISIBLE_DEVICES": ""}, "devices-hidden"),
        (driver.healthy(2, driver="470.57.02"), {}, "driver-too-old"),
        (
            driver.but(driver.healthy(2), "gpu.*.name Tesla P100", "gpu.*.capability 6 0"),
            {},
            "gpu-arch-unsupported",
        ),
    ],
)
def test_what_the_machine_does_to_a_whole_environment_is_named(
    stack, doctor, scenario, variables, cause
):
    assert first(doctor(stack[0], scenario=scenario, **variables)[0]) == cause


def test_conda_and_pip_in_one_environment_are_named(stack, doctor):
    stack[1].conda("pytorch", "2.5.1", "py3.11_cuda12.1_cudnn9.1.0_0")
    assert first(doctor(stack[0])[0]) == "torch-install-damaged"


def test_what_conda_installed_alone_is_no_cause(stack, doctor):
    python, site, release = stack
    (site.folder / f"torch-{release}.dist-info" / "INSTALLER").write_text("conda\n")
    site.conda("pytorch", release)
    site.conda("cudatoolkit", "11.8.0")
    causes, answer = doctor(python)
    assert causes == []
    names = {entry["name"] for entry in answer["snapshot"]["python"]["distributions"]}
    assert {"pytorch", "cudatoolkit"} <= names


def test_a_torch_that_another_folder_puts_first_is_named(stack, doctor, tmp_path):
    """As ``pip install --target`` with PYTHONPATH does, and a user site beside a system's."""
    _, other = environment(tmp_path / "other")
    other.torch("2.6.0", cuda="12.4")
    causes, _ = doctor(stack[0], PYTHONPATH=other.folder)
    assert "torch-install-damaged" in causes


def test_one_torch_in_a_target_folder_is_no_cause(doctor, tmp_path):
    python, _ = environment(tmp_path / "venv")
    _, target = environment(tmp_path / "target")
    target.stack("2.8.0")
    assert doctor(python, PYTHONPATH=target.folder)[0] == []


def test_an_editable_torch_is_no_cause(doctor, tmp_path):
    """pip leaves metadata with a direct_url.json and a path file; the files lie elsewhere."""
    python, site = environment(tmp_path / "venv")
    _, source = environment(tmp_path / "source")
    source.torch("2.9.0", cuda="12.8")
    info = site.folder / "torch-2.9.0.dist-info"
    (source.folder / info.name).rename(info)
    (info / "RECORD").write_text("__editable__.torch.pth,,\n")
    (info / "direct_url.json").write_text('{"url": "file:///src", "dir_info": {"editable": true}}')
    (site.folder / "__editable__.torch.pth").write_text(f"{source.folder}\n")
    assert doctor(python)[0] == []
