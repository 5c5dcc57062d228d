"""Short outputs beside a report."""

import pytest

from tests.env.readers.reports import read


@pytest.mark.parametrize(
    "text",
    [
        ">>> torch.cuda.is_available()\nFalse\n",
        "In [2]: torch.cuda.is_available()\nOut[2]: False\n",
        "print(torch.cuda.is_available())  # False\n",
        "torch.cuda.is_available() -> False",
        "torch.cuda.is_available() returns False",
    ],
)
def test_a_question_asked_of_torch_is_answered(text):
    assert read(f"torch==2.1.0\n{text}").paste.cuda_available is False


def test_code_that_only_asks_says_nothing():
    found = read("torch==2.1.0\nif torch.cuda.is_available():\n    x = x.cuda()\n")
    assert found.paste.cuda_available is None


def test_nvcc_the_module_and_variables_are_facts():
    found = read(
        "Cuda compilation tools, release 11.8, V11.8.89\n"
        "NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  570.86.15  Release Build\n"
        "$ CUDA_VISIBLE_DEVICES=3 NCCL_P2P_DISABLE=1 python train.py\n"
        "export LD_LIBRARY_PATH=/usr/local/cuda/lib64:/home/dan/lib\n"
        "export WANDB_API_KEY=0123456789abcdef\n"
    )
    assert found.toolchain.nvcc == "11.8"
    assert (found.driver.version, found.driver.flavour) == ("570.86.15", "open")
    assert found.environment["CUDA_VISIBLE_DEVICES"] == "3"
    assert found.environment["NCCL_P2P_DISABLE"] == "1"
    assert found.environment["LD_LIBRARY_PATH"] == "/usr/local/cuda/lib64:~/lib"
    assert "0123456789abcdef" not in repr(found)


def test_kernel_lines_become_events():
    found = read("[ 1234.5] NVRM: Xid (PCI:0000:17:00): 79, pid=1, GPU has fallen off the bus.\n")
    assert [event.code for event in found.kernel_events] == [79]


def test_a_container_is_known_by_its_command():
    assert read("docker run --rm torch:2 python x.py\ntorch==2.1.0\n").container.runtime == "docker"


def test_what_is_printed_in_one_line_answers_every_question():
    found = read("print(torch.__version__, torch.cuda.is_available())\n2.1.2+cu118 False\n")
    assert (found.torch.version, found.torch.cuda) == ("2.1.2+cu118", "11.8")
    assert found.paste.cuda_available is False


def test_an_interpreter_that_prints_nothing_says_none():
    found = read(">>> torch.__version__\n'1.9.0'\n>>> torch.version.cuda\n>>> exit()\n")
    assert found.torch.cuda is None
    assert "torch.cuda" not in found.unread


def test_packages_of_the_driver_tell_its_releases():
    found = read(
        "ii  libnvidia-compute-535:amd64  535.161.07-0ubuntu0.22.04.1  amd64  NVIDIA library\n"
        "nvidia-fabricmanager-570 570.124.06-0ubuntu0.22.04.1\n"
    )
    assert found.driver.nvml.driver_version == "535.161.07"
    assert found.driver.fabric_manager_version == "570.124.06"


def test_a_variable_that_was_echoed_is_known():
    found = read("$ echo $CUDA_VISIBLE_DEVICES\n0,1\ntorch==2.1.0\n")
    assert found.environment["CUDA_VISIBLE_DEVICES"] == "0,1"
