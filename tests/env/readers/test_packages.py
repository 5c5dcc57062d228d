"""pip list, pip freeze, conda list."""

from tests.env.readers.reports import read

PIP_LIST = """Package           Version
----------------- ----------------------
certifi           2021.5.30
numpy             1.21.0
torch             1.10.0.dev20210618+cpu
torchvision       0.3.0
"""
FREEZE = """certifi==2024.2.2
nvidia-cudnn-cu12==8.9.2.26
torch==2.2.0
torchaudio @ https://example.org/whl/torchaudio-2.2.0-cp310-cp310-linux_x86_64.whl
"""
CONDA = """# packages in environment at /home/carol/miniconda3/envs/x:
#
# Name                    Version                   Build  Channel
_libgcc_mutex             0.1                 conda_forge    conda-forge
cudatoolkit               11.3.1               h2bc3f7f_2
numpy                     1.24.3                   pypi_0    pypi
pytorch                   1.12.1          py3.9_cuda11.3_cudnn8.3.2_0    pytorch
torchvision               0.13.1               py39_cu113    pytorch
"""


def test_a_pip_list_names_the_build_by_its_tag():
    found = read(PIP_LIST)
    assert found.source == "packages"
    assert found.torch.version == "1.10.0.dev20210618+cpu"
    assert found.torch.cuda is None
    assert "torch.cuda" not in found.unread
    assert found.python.distribution("torchvision").version == "0.3.0"
    assert found.python.distribution("certifi") is None
    assert found.paste.unread_line_count == 0


def test_a_wheel_without_a_tag_is_the_default_one_where_its_cuda_is_listed():
    found = read(FREEZE)
    assert (found.torch.version, found.torch.cuda) == ("2.2.0", "12.1")
    bare = read("torch==2.2.0\n")
    assert bare.torch.cuda is None
    assert "torch.cuda" in bare.unread
    assert read("torch==1.9.0\nnumpy==1.20.1\n").torch.cuda == "10.2"
    assert found.python.distribution("torchaudio").version == "2.2.0"


def test_a_conda_list_names_cuda_in_the_build_string():
    found = read(CONDA)
    assert (found.torch.version, found.torch.cuda) == ("1.12.1", "11.3")
    assert found.python.kind == "conda"
    assert found.python.distribution("numpy").version == "1.24.3"
    assert "carol" not in repr(found)


def test_prose_that_looks_like_a_row_is_no_package():
    found = read(PIP_LIST + "\ntorch 2 is what I wanted\nnumpy 1.21.0 works for me\n")
    assert [d.version for d in found.python.distributions if d.name == "numpy"] == ["1.21.0"]


def test_what_pip_and_conda_both_list_is_one_installation():
    found = read(
        "[pip3] torch==1.13.1\n[pip3] numpy==1.24.3\n"
        "[conda] numpy 1.24.3 py39h14f4228_0\n"
        "[conda] pytorch 1.13.1 py3.9_cuda11.7_cudnn8.5.0_0 pytorch\n"
    )
    torches = [d for d in found.python.distributions if d.name == "torch"]
    assert [(d.version, d.build) for d in torches] == [("1.13.1", "py3.9_cuda11.7_cudnn8.5.0_0")]
    assert found.torch.cuda == "11.7"


def test_what_pip_says_of_a_conflict_tells_both_packages():
    found = read(
        'torch 2.2.0 requires nvidia-nccl-cu12==2.19.3; platform_system == "Linux", '
        "but you have nvidia-nccl-cu12 2.20.5 which is incompatible.\n"
    )
    assert found.python.distribution("torch").requires == ("nvidia-nccl-cu12==2.19.3",)
    assert found.python.distribution("nvidia-nccl-cu12").version == "2.20.5"
    assert found.torch.cuda == "12.1"
