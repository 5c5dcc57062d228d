"""What transformers, accelerate, mmcv, detectron2 and DeepSpeed print."""

import pytest

from tests.env.readers.reports import read

TRANSFORMERS = """- `transformers` version: 4.41.2
- Platform: Linux-5.4.0-193-generic-x86_64-with-glibc2.29
- Python version: 3.8.10
- Huggingface_hub version: 0.23.3
- Safetensors version: 0.4.3
- Accelerate version: not installed
- PyTorch version (GPU?): 2.3.1+cu121 ({state})
- Tensorflow version (GPU?): not installed (NA)
"""
ACCELERATE = """- `Accelerate` version: 0.34.2
- Platform: Linux-5.15.0-1068-aws-x86_64-with-glibc2.31
- `accelerate` bash location: /home/alice/venv/bin/accelerate
- Python version: 3.10.14
- Numpy version: 1.26.4
- PyTorch version (GPU?): 2.4.0 (True)
- System RAM: 186.70 GB
- GPU type: NVIDIA A10G
- `Accelerate` default config:
        - compute_environment: LOCAL_MACHINE
        - use_cpu: True
        - num_processes: 1
"""
MMCV = """sys.platform: linux
Python: 3.8.10 (default, Nov 22 2023, 10:22:35) [GCC 9.4.0]
CUDA available: True
numpy_random_seed: 2147483648
GPU 0,1,2,3: NVIDIA GeForce RTX 3090
CUDA_HOME: /usr/local/cuda
NVCC: Cuda compilation tools, release 11.1, V11.1.74
PyTorch: 1.8.1+cu111
PyTorch compiling details: PyTorch built with:
  - GCC 7.3
  - CUDA Runtime 11.1
  - NVCC architecture flags: -gencode;arch=compute_70,code=sm_70;-gencode;arch=compute_86,code=sm_86
  - CuDNN 8.0.5

TorchVision: 0.9.1+cu111
OpenCV: 4.9.0
MMCV: 1.7.1
MMCV Compiler: GCC 9.3
"""
DETECTRON = """-------------------------------  ------------------------------
sys.platform                     linux
Python                           3.9.16 (main) [GCC 11.2.0]
detectron2                       0.6 @/home/bob/detectron2
Compiler                         GCC 9.4
CUDA compiler                    CUDA 11.3
PyTorch                          1.10.0 @/opt/conda/lib/python3.9/site-packages/torch
GPU available                    Yes
GPU 0                            Tesla V100-SXM2-32GB (arch=7.0)
CUDA_HOME                        /usr/local/cuda-11.3
torchvision                      0.11.1 @/opt/conda/lib/python3.9/site-packages/torchvision
-------------------------------  ------------------------------
"""
DEEPSPEED = """--------------------------------------------------
DeepSpeed C++/CUDA extension op report
--------------------------------------------------
ninja .................. [OKAY]
async_io ............... [NO] ....... [NO]
DeepSpeed general environment info:
torch install path ............... ['/opt/conda/lib/python3.10/site-packages/torch']
torch version .................... 2.1.2+cu118
deepspeed info ................... 0.13.1, unknown, unknown
torch cuda version ............... 11.8
torch hip version ................ None
nvcc version ..................... 12.1
deepspeed wheel compiled w. ...... torch 2.1, cuda 11.8
shared memory (/dev/shm) size .... 64.00 MB
"""


@pytest.mark.parametrize(
    ("state", "available"), [("True", True), ("False", False), ("CUDA", True), ("NA", None)]
)
def test_transformers_says_what_torch_could_use(state, available):
    found = read(TRANSFORMERS.format(state=state))
    assert (found.torch.version, found.torch.cuda) == ("2.3.1+cu121", "12.1")
    assert found.paste.cuda_available is available
    assert found.python.distribution("transformers").version == "4.41.2"
    assert found.python.distribution("accelerate") is None
    assert found.paste.unread_line_count == 0


def test_accelerates_saved_settings_are_kept():
    found = read(ACCELERATE)
    assert found.paste.settings["use_cpu"] == "True"
    assert [gpu.name for gpu in found.gpus] == ["NVIDIA A10G"]
    assert "torch.cuda" in found.unread  # 2.4.0 without a tag
    assert "alice" not in repr(found)


def test_mmcvs_report_tells_gpus_and_what_torch_was_compiled_for():
    found = read(MMCV)
    assert [gpu.name for gpu in found.gpus] == ["NVIDIA GeForce RTX 3090"] * 4
    assert found.torch.architectures == ("sm_70", "sm_86")
    assert (found.torch.version, found.torch.cuda) == ("1.8.1+cu111", "11.1")
    assert found.toolchain.nvcc == "11.1"
    assert found.python.distribution("torchvision").version == "0.9.1+cu111"


def test_detectrons_table_is_read():
    found = read(DETECTRON)
    assert found.torch.version == "1.10.0"
    assert found.gpus[0].name == "Tesla V100-SXM2-32GB"
    assert found.paste.cuda_available is True
    assert "bob" not in repr(found)


def test_deepspeeds_report_is_read_with_its_shared_memory():
    found = read(DEEPSPEED)
    assert (found.torch.version, found.torch.cuda) == ("2.1.2+cu118", "11.8")
    assert found.toolchain.nvcc == "12.1"
    assert found.host.shm_bytes == 64 * 2**20
    assert found.python.distribution("deepspeed").version == "0.13.1"
