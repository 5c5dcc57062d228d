"""collect_env of several ages, vLLM's form, and the questions of an issue form."""

from tests.env.readers.reports import read

NEW = """Collecting environment information...
PyTorch version: 2.6.0+cu124
Is debug build: False
CUDA used to build PyTorch: 12.4
ROCM used to build PyTorch: N/A

OS: Ubuntu 22.04.4 LTS (x86_64)
GCC version: (Ubuntu 11.4.0-1ubuntu1~22.04) 11.4.0
Clang version: Could not collect
CMake version: version 3.31.4
Libc version: glibc-2.35

Python version: 3.12.9 | packaged by Anaconda, Inc. | (main) [GCC 11.2.0] (64-bit runtime)
Python platform: Linux-6.8.0-52-generic-x86_64-with-glibc2.35
Is CUDA available: True
CUDA runtime version: 12.4.131
CUDA_MODULE_LOADING set to: LAZY
GPU models and configuration:
GPU 0: NVIDIA A100-SXM4-80GB
  MIG 3g.40gb     Device  0:
GPU 1: NVIDIA A100-SXM4-80GB

Nvidia driver version: 550.144.03
cuDNN version: Probably one of the following:
/usr/lib/x86_64-linux-gnu/libcudnn.so.9.1.0
/usr/lib/x86_64-linux-gnu/libcudnn_adv.so.9.1.0
HIP runtime version: N/A
MIOpen runtime version: N/A
Is XNNPACK available: True

CPU:
Architecture:                         x86_64
CPU op-mode(s):                       32-bit, 64-bit
Model name:                           AMD EPYC 7763 64-Core Processor

Versions of relevant libraries:
[pip3] numpy==2.2.3
[pip3] nvidia-cudnn-cu12==9.1.0.70
[pip3] torch==2.6.0+cu124
[pip3] torchvision==0.21.0+cu124
[conda] numpy                     2.2.3                    pypi_0    pypi
"""
OLD = """PyTorch version: 1.0.1
Is debug build: No
CUDA used to build PyTorch: Could not collect

OS: Microsoft Windows 10 Pro
GCC version: Could not collect
CMake version: Could not collect

Python version: 3.6
Is CUDA available: No
CUDA runtime version: 9.2.148
GPU models and configuration: GPU 0: GeForce GTX 1060
Nvidia driver version: 398.11
cuDNN version: Could not collect
"""
VLLM = """==============================
        System Info
==============================
OS                           : Ubuntu 22.04.5 LTS (x86_64)
Libc version                 : glibc-2.35

==============================
       PyTorch Info
==============================
PyTorch version              : 2.7.0+cu126
CUDA used to build PyTorch   : 12.6

==============================
      Python Environment
==============================
Python version               : 3.12.10 (main) [GCC 11.4.0] (64-bit runtime)
Python platform              : Linux-5.15.0-microsoft-standard-WSL2-x86_64-with-glibc2.35

==============================
       CUDA / GPU Info
==============================
Is CUDA available            : True
CUDA runtime version         : 12.8.61
GPU models and configuration :
GPU 0: NVIDIA H100 80GB HBM3
Nvidia driver version        : 560.35.05

==============================
     Environment Variables
==============================
LD_LIBRARY_PATH=/usr/local/cuda/lib64
HF_TOKEN=hf_abcdefghijklmnopqrstuvwxyz
CUDA_VISIBLE_DEVICES=0
"""
FORM = """ - PyTorch Version (e.g., 1.0): 1.5.1
 - OS (e.g., Linux): Ubuntu 18.04
 - How you installed PyTorch (`conda`, `pip`, source): pip
 - Python version: 3.7.7
 - CUDA/cuDNN version: 10.1/7.6.5
 - GPU models and configuration: 2x RTX 2080 Ti
 - Any other relevant information:
"""


def test_a_report_of_today_gives_every_fact_it_holds():
    found = read(NEW)
    assert found.source == "mixed"  # the package list inside is a kind of its own
    assert found.paste.kinds == ("collect_env", "packages")
    assert (found.torch.version, found.torch.cuda) == ("2.6.0+cu124", "12.4")
    assert (found.python.version, found.python.kind) == ("3.12.9", "conda")
    assert [gpu.name for gpu in found.gpus] == ["NVIDIA A100-SXM4-80GB"] * 2
    assert found.driver.version == "550.144.03"
    assert (found.host.system, found.host.machine) == ("Ubuntu 22.04.4 LTS", "x86_64")
    assert (found.host.kernel, found.host.libc) == ("6.8.0-52-generic", "glibc 2.35")
    assert found.toolchain.nvcc == "12.4.131"
    assert found.paste.cuda_available is True
    assert len(found.paste.cudnn_files) == 2
    assert found.paste.unread_line_count == 0
    assert found.paste.missing == ()


def test_could_not_collect_is_a_build_without_cuda_in_old_reports():
    found = read(OLD)
    assert found.torch.version == "1.0.1"
    assert found.torch.cuda is None
    assert "torch.cuda" not in found.unread
    assert found.paste.cuda_available is False


def test_a_driver_that_could_not_be_collected_is_unread_and_a_missing_line_is_not():
    sought = read("PyTorch version: 1.9.0\nNvidia driver version: Could not collect\n")
    cut = read("PyTorch version: 1.9.0\nIs CUDA available: False\n")
    assert "driver.version" in sought.unread
    assert "driver.version" not in cut.unread


def test_na_is_a_torch_that_could_not_be_imported():
    found = read("PyTorch version: N/A\nIs debug build: N/A\nCUDA used to build PyTorch: N/A\n")
    assert found.torch is None
    assert found.paste.torch_import_failed


def test_vllms_longer_form_is_read_and_its_secrets_are_not():
    found = read(VLLM)
    assert (found.torch.version, found.torch.cuda) == ("2.7.0+cu126", "12.6")
    assert found.driver.version == "560.35.05"
    assert found.host.is_wsl
    assert found.environment["LD_LIBRARY_PATH"] == "/usr/local/cuda/lib64"
    assert found.environment["CUDA_VISIBLE_DEVICES"] == "0"
    assert "hf_abc" not in repr(found)


def test_an_issue_form_filled_in_by_hand_is_read():
    found = read(FORM)
    assert found.torch.version == "1.5.1"
    assert [gpu.name for gpu in found.gpus] == ["RTX 2080 Ti"] * 2
    assert found.python.version == "3.7.7"
    assert "torch.cuda" in found.unread  # nobody said


def test_a_rocm_build_is_no_build_without_anything():
    found = read(
        "PyTorch version: 2.4.0+rocm6.1\nCUDA used to build PyTorch: N/A\n"
        "ROCM used to build PyTorch: 6.1.40091-a8dbc0c19\nIs CUDA available: True\n"
    )
    assert found.torch.hip == "6.1"
    assert found.torch.cuda is None


def test_a_gpu_index_without_end_makes_no_list_without_end():
    found = read("PyTorch version: 2.0\nGPU models and configuration:\nGPU 99999999999: Tesla T4\n")
    assert found.gpus == ()


def test_cards_of_other_makers_are_no_nvidia_gpus():
    found = read(
        "PyTorch version: 2.2.2+rocm5.7\nGPU models and configuration: GPU 0: AMD Instinct MI210\n"
    )
    assert found.gpus == ()
