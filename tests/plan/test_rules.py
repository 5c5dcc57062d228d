"""What must hold of a stated stack, rule by rule."""

import pytest

from gpubench.knowledge.tables import torch_builds
from gpubench.plan.machine import Machine, with_flags
from gpubench.plan.rules.registry import RULES
from tests.plan.helpers import judge, mended, rules, the_problem

BASE = "FROM nvidia/cuda:12.4.1-cudnn-devel-ubuntu22.04\n"


def target(driver=None, gpu=None, python=None):
    return with_flags(Machine(), driver=driver, gpu=gpu, python=python)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_every_rule_says_what_must_hold(rule):
    assert rule.__doc__.strip().splitlines()[0].endswith(".")


@pytest.mark.parametrize(
    ("text", "name", "rule", "severity"),
    [
        ("torch==2.7.0\ntorchvision==0.18.0", "requirements.txt", "companion.pair", "error"),
        ("torch==2.7.0\ntorchaudio==2.6.0", "requirements.txt", "companion.pair", "error"),
        ("torch==2.6.0\ntriton==3.1.0", "requirements.txt", "companion.triton", "error"),
        ("torch==2.2.2\nnumpy==2.1.0", "requirements.txt", "companion.numpy", "error"),
        ("torch==2.2.2\nnumpy", "requirements.txt", "companion.numpy", "warning"),
        ("torch\ntorchvision==0.21.0", "requirements.txt", "companion.unpinned", "note"),
        ("torch>=2.0,<2.3\nnumpy>=1.2", "requirements.txt", "companion.numpy", "warning"),
        ("torch>=2.6,<2.8\ntorchvision==0.18.0", "requirements.txt", "companion.pair", "error"),
        (
            "torch==2.6.0\nnvidia-cudnn-cu12==9.10.2.21",
            "requirements.txt",
            "companion.library",
            "error",
        ),
        (
            "torch==2.6.0\nnvidia-cublas-cu11==11.1.1.1",
            "requirements.txt",
            "companion.families",
            "warning",
        ),
        (
            "torch==2.6.0+cu124\ntorchvision==0.21.0+cu118",
            "requirements.txt",
            "companion.tag",
            "error",
        ),
        ("torch==2.15.0\ntorchaudio==2.11.0", "requirements.txt", "companion.pair", "error"),
        ("--index-url https://download.pytorch.org/whl/cu122\nnumpy", "requirements.txt",
         "torch.index", "error"),
        ("--index-url https://download.pytorch.org/whl/cu199\nnumpy", "requirements.txt",
         "torch.index", "note"),
        ("--index-url https://download.pytorch.org/whl/cu121\ntorch", "requirements.txt",
         "torch.cuda", "note"),
        ("torch==99.0", "requirements.txt", "torch.record", "note"),
        ("FROM nvidia/cuda:latest", "Dockerfile", "image.tag", "error"),
        ("FROM nvidia/cuda:12.4-devel-ubuntu22.04", "Dockerfile", "image.tag", "error"),
        ("FROM nvidia/cuda:12.4.1-devel", "Dockerfile", "image.tag", "error"),
        ("FROM nvidia/cuda:12.4.9-devel-ubuntu22.04", "Dockerfile", "image.tag", "note"),
        ("FROM pytorch/pytorch:2.6.0-cuda12.1-cudnn9-devel", "Dockerfile", "torch.cuda", "error"),
        (BASE + "RUN pip install torch==2.8.0", "Dockerfile", "image.toolkit", "note"),
        (BASE + "RUN pip install torch==2.8.0 flash-attn", "Dockerfile", "image.toolkit",
         "warning"),
        ("FROM nvidia/cuda:11.8.0-devel-ubuntu22.04\nRUN pip install torch==2.8.0", "Dockerfile",
         "image.toolkit", "warning"),
        ("FROM nvidia/cuda:12.2.2-cudnn8-devel-ubuntu22.04\nRUN pip install torch==2.8.0",
         "Dockerfile", "image.cudnn", "note"),
        ("FROM nvidia/cuda:12.4.1-runtime-ubuntu22.04\nRUN pip install torch==2.6.0 flash-attn",
         "Dockerfile", "image.compiler", "note"),
        ("FROM nvcr.io/nvidia/pytorch:24.05-py3\nRUN pip install torch==2.6.0", "Dockerfile",
         "image.torch", "warning"),
        ("FROM ubuntu:20.04\nRUN apt-get install -y python3.10", "Dockerfile", "python.system",
         "error"),
        ("FROM ubuntu:20.04\nRUN apt install python3-pip && pip3 install torch==2.6.0",
         "Dockerfile", "python.torch", "error"),
        ("FROM python:3.14\nRUN pip install torch==2.6.0", "Dockerfile", "python.torch", "error"),
        ("dependencies:\n- python=3.8\n- pytorch=2.5.1", "e.yml", "python.torch", "error"),
        ("channels: [pytorch]\ndependencies:\n- pytorch=2.6.0", "e.yml", "conda.channel", "error"),
        ("FROM a\nARG HF_TOKEN", "Dockerfile", "image.secret", "warning"),
        ("FROM a\nENV HF_TOKEN=hf_12345678901234567890", "Dockerfile", "image.secret", "warning"),
        ('FROM a\nENV CUDA_VISIBLE_DEVICES=""', "Dockerfile", "image.devices", "warning"),
        ("FROM a\nENV NVIDIA_VISIBLE_DEVICES=void", "Dockerfile", "image.devices", "warning"),
        ("FROM a\nRUN pip install torch\nENV LD_LIBRARY_PATH=/usr/local/cuda/lib64", "Dockerfile",
         "image.library_path", "note"),
        ("FROM a\nRUN pip install torch\nENV LD_LIBRARY_PATH=/opt/cudnn/lib", "Dockerfile",
         "image.library_path", "warning"),
        ("FROM pytorch/pytorch:2.6.0-cuda12.4-cudnn8-devel", "Dockerfile", "image.tag", "error"),
        ("FROM a\nRUN pip install torch\nENV LD_LIBRARY_PATH=/usr/local/cuda/lib64/stubs",
         "Dockerfile", "image.library_path", "error"),
        ("pip install torch>=2.0", "install.sh", "shell.redirect", "error"),
        ("from transformers import AdamW", "train.py", "import.moved", "error"),
        (("FROM a\nRUN pip install transformers==4.40.0\n"
         "RUN python -c 'from transformers import AdamW'"), "Dockerfile", "import.moved",
         "warning"),
    ],
)  # fmt: skip
def test_a_fault_is_named_with_its_severity(text, name, rule, severity):
    assert the_problem(judge(text, name), rule).severity == severity


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("torch==2.7.1\ntorchvision==0.22.1\ntorchaudio==2.7.1", "requirements.txt"),
        ("torch==2.7.0\ntorchvision", "requirements.txt"),
        ("torch==2.7.0\ntriton==3.3.0", "requirements.txt"),
        ("torch>=2.6,<2.8\ntorchvision==0.21.0", "requirements.txt"),
        (("FROM a\nRUN pip install x --index-url https://download.pytorch.org/whl/cu126\n"
         "RUN pip install torch==2.5.1"), "Dockerfile"),
        ("--index-url https://download.pytorch.org/whl/nightly/cu126\ntorch==2.5.1",
         "requirements.txt"),
        ("torch>=2.4\ntorchvision>=0.19\nnumpy", "requirements.txt"),
        ("torch==2.3.1\nnumpy==2.0.0", "requirements.txt"),
        ("torch==2.2.2\nnumpy<2", "requirements.txt"),
        ("--index-url https://download.pytorch.org/whl/cpu\ntorch==2.6.0", "requirements.txt"),
        ("--index-url https://mirror.example/simple\ntorch==2.6.0", "requirements.txt"),
        ("torch==2.6.0+rocm6.2", "requirements.txt"),
        ("torch==2.14.0\ntorchvision==0.29.0", "requirements.txt"),
        (BASE + "RUN pip install torch==2.6.0", "Dockerfile"),
        ("FROM nvidia/cuda:${TAG}\nRUN pip install torch==2.6.0", "Dockerfile"),
        ("FROM python:3.11-slim\nRUN pip install torch==2.6.0", "Dockerfile"),
        (("FROM ubuntu:20.04\nRUN add-apt-repository ppa:deadsnakes/ppa && "
         "apt-get install -y python3.10"), "Dockerfile"),
        ("FROM ubuntu:22.04\nRUN apt-get install -y python3.10 python3.11", "Dockerfile"),
        ("FROM a\nRUN --mount=type=secret,id=HF_TOKEN true\nENV TOKENIZERS_PARALLELISM=false",
         "Dockerfile"),
        ("FROM a\nENV CUDA_VISIBLE_DEVICES=0,1 NVIDIA_VISIBLE_DEVICES=all", "Dockerfile"),
        ("pip install 'torch>=2.0' > log.txt 2>&1", "install.sh"),
        ("from torchvision.models import vit_b_16, swin_t\nfrom timm.models import deit_x",
         "train.py"),
        ("from transformers import AdamWeightDecay, BertModel", "train.py"),
        ("channels: [conda-forge]\ndependencies:\n- pytorch=2.6.0", "e.yml"),
        (("torch==2.7.0; sys_platform == 'darwin'\ntorch==2.6.0; sys_platform == 'linux'\n"
         "torchvision==0.21.0"), "requirements.txt"),
    ],
)  # fmt: skip
def test_what_holds_gives_no_finding(text, name):
    report = judge(text, name)
    assert rules(report) == []
    assert report.status == 0


@pytest.mark.parametrize(
    ("machine", "cause", "remedy"),
    [
        (target(gpu="RTX 5090"), "gpu-arch-unsupported", "pip install torch=="),
        (target(driver="470.57.02"), "driver-too-old", "/cu118"),
        (target(gpu="H100", driver="535.104.05"), None, None),
    ],
)
def test_a_file_is_held_against_the_machine_it_is_for(machine, cause, remedy):
    report = judge("torch==2.6.0", "requirements.txt", machine)
    if cause is None:
        assert rules(report) == []
    else:
        found = the_problem(report, "target")
        assert (found.severity, found.cause) == ("error", cause)
        assert remedy in found.remedy[0]


@pytest.mark.parametrize("package", ["numpy", "torch"])
def test_an_index_that_never_was_is_replaced_by_its_neighbour(package):
    text = f"--index-url https://download.pytorch.org/whl/cu122\n{package}"
    report = judge(text, "requirements.txt")
    found = [p for p in report.problems if p.correction]
    assert [p.correction.text.rpartition("/")[2] for p in found] == ["cu121"]


def test_a_python_named_by_a_flag_is_the_one_judged():
    report = judge("torch==2.6.0", "requirements.txt", target(python="3.14"))
    assert the_problem(report, "python.torch").severity == "error"


def test_a_secret_is_never_shown():
    text = "FROM a\nARG HF_TOKEN=tr0ub4dor\nENV API_KEY=tr0ub4dor X_PASSWORD=tr0ub4dor\n"
    report = judge(text)
    assert "tr0ub4dor" not in repr(report)
    assert len([p for p in report.problems if p.rule == "image.secret"]) == 3


def test_a_secret_beside_a_fault_is_not_shown_with_its_correction():
    text = "FROM a\nRUN pip install torch==2.8.0\nENV CUDA_VERSION=11.8 PRIVATE_KEY=tr0ub4dor\n"
    report = judge(text)
    assert the_problem(report, "torch.declared_cuda").correction.text == (
        "ENV CUDA_VERSION=12.8 PRIVATE_KEY=<removed>"
    )
    assert "tr0ub4dor" not in repr(report)


def test_a_base_image_s_release_is_no_statement_about_torch():
    text = (
        "ARG CUDA_VERSION=12.1.1\nFROM nvidia/cuda:${CUDA_VERSION}-devel-ubuntu22.04\n"
        "RUN pip install torch==2.6.0\n"
    )
    assert rules(judge(text), "error", "warning") == []


def test_a_locked_file_is_not_to_be_edited():
    text = '[[package]]\nname = "torch"\nversion = "2.7.0"\n\n[[package]]\n'
    text += 'name = "torchvision"\nversion = "0.18.0"\n'
    found = the_problem(judge(text, "poetry.lock"), "companion.pair")
    assert found.correction is None
    assert found.line == 6
    assert "lock again" in found.remedy[0]


def test_each_extra_of_a_project_is_a_stack_of_its_own():
    text = (
        '[project]\nname = "x"\ndependencies = ["torch==2.6.0"]\n'
        '[project.optional-dependencies]\ngood = ["torchvision==0.21.0"]\n'
        'bad = ["torchvision==0.22.0"]\n'
    )
    report = judge(text, "pyproject.toml")
    assert [(p.rule, p.line) for p in report.problems] == [("companion.pair", 6)]


def test_a_file_for_an_arm_host_is_held_to_builds_for_it():
    grace = target("595.45", "GH200")
    assert judge("torch==2.12.1", "requirements.txt", grace).answer == "yes"
    assert rules(judge("torch==2.6.0", "requirements.txt", grace)) == ["target"]
    assert judge("torch==2.6.0", "requirements.txt", grace).count("note") == 1
    old = judge("torch==2.12.1", "requirements.txt", target("470.57.02", "GH200"))
    assert the_problem(old, "target").remedy == ("no build on record runs there",)


def test_a_file_for_a_jetson_is_not_decided():
    report = judge("torch==2.6.0", "requirements.txt", target("540.4.0", "Orin"))
    assert report.answer == "unknown"
    assert any("JetPack" in note for note in report.notes)


@pytest.mark.parametrize(
    ("text", "severity"),
    [
        ("vllm==0.8.5\ntorch==2.8.0", "error"),
        ("transformers==4.57.0\ntorch==1.13.1", "error"),
        ("transformers==4.40.0\ntorch==1.10.2", "warning"),
        ("xformers==0.0.27\ntorch==2.6.0", "error"),
        ("xformers==0.0.32.post2\ntorch==2.6.0", "error"),
        ("vllm[audio]==0.8.5\ntorch>=2.7", "error"),
    ],
)
def test_a_library_that_does_not_take_the_torch_beside_it_is_named(text, severity):
    found = the_problem(judge(text, "requirements.txt"), "framework.torch")
    assert found.severity == severity
    assert "takes torch" in found.summary


@pytest.mark.parametrize(
    "text",
    [
        "vllm==0.8.5\ntorch==2.6.0",
        "vllm==0.8.5\ntorch>=2.4",
        "vllm==0.8.5.post1\ntorch",
        "vllm\ntorch==2.8.0",
        "transformers==4.57.0\ntorch==2.2",
        "xformers==0.0.27+cu118\ntorch==2.3.1",
        "vllm==99.0\ntorch==2.8.0",
    ],
)
def test_a_library_beside_a_torch_it_takes_gives_no_finding(text):
    assert "framework.torch" not in rules(judge(text, "requirements.txt"))


def test_a_library_is_corrected_to_the_releases_that_take_the_torch():
    found = the_problem(
        judge("vllm[audio]==0.8.5\ntorch==2.8.0", "requirements.txt"), "framework.torch"
    )
    assert found.correction.text == "vllm[audio]>=0.10.2,<=0.11.0"
    shell = the_problem(judge("pip install torch==2.8.0 vllm==0.8.5", "a.sh"), "framework.torch")
    assert shell.correction.text == "pip install torch==2.8.0 'vllm>=0.10.2,<=0.11.0'"


WHEELS = "https://download.pytorch.org/whl"


@pytest.mark.parametrize(
    ("text", "name"),
    [
        (f"CUDA=cu121\npip install torch==2.6.0 --index-url {WHEELS}/$CUDA\n", "a.sh"),
        (f"export A=1 CUDA='cu121'\npip install torch==2.6.0 --index-url {WHEELS}/$CUDA\n", "a.sh"),
        (f"V=2.6.0; W=$V\npip install torch==$W -i {WHEELS}/cu121\n", "a.sh"),
        (f"FROM a\nRUN C=cu121 && pip install torch==2.6.0 -i {WHEELS}/${{C}}\n", "Dockerfile"),
    ],
)
def test_a_variable_that_the_shell_sets_is_put_in(text, name):
    assert the_problem(judge(text, name), "torch.cuda").severity == "error"


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("C=$(cat x)\n", "a.sh"),
        ("C=cu124\nC=`cat x`\n", "a.sh"),
        ("if x; then C=cu121; else C=cu124; fi\n", "a.sh"),
        ("[ -n x ] && C=cu121\n", "a.sh"),
        ("C=cu121 make\n", "a.sh"),
    ],
)
def test_a_variable_that_may_be_anything_is_not_put_in(text, name):
    text += f"pip install torch==2.6.0 -i {WHEELS}/$C\n"
    assert "torch.cuda" not in rules(judge(text, name))


def test_what_one_run_sets_is_gone_in_the_next():
    text = f"FROM a\nRUN C=cu121\nRUN pip install torch==2.6.0 -i {WHEELS}/$C\n"
    assert "torch.cuda" not in rules(judge(text))


CONDA_SLIP = "conda install -c pytorch -c nvidia pytorch=2.6 pytorch-cuda=12.1\n"


def test_a_later_torch_of_pip_does_not_hide_that_of_conda():
    report = judge(CONDA_SLIP + "pip install torch==2.6.0\n", "a.sh")
    assert the_problem(report, "torch.cuda").line == 1
    environment = (
        "channels: [pytorch, nvidia]\ndependencies:\n- pytorch=2.6\n- pytorch-cuda=12.1\n"
        "- pip:\n  - torch==2.6.0\n"
    )
    assert the_problem(judge(environment, "e.yml"), "torch.cuda").severity == "error"


def test_a_later_torch_of_pip_does_not_hide_an_earlier_one():
    text = f"pip install torch==2.6.0 -i {WHEELS}/cu121\npip install torch==2.7.0\n"
    assert the_problem(judge(text, "a.sh"), "torch.cuda").line == 1
    fine = f"pip install torch==2.6.0 -i {WHEELS}/cu124\npip install torch==2.7.0\n"
    assert rules(judge(fine, "a.sh")) == []


DEIT = "deit_small_patch16_224"


@pytest.mark.parametrize(
    ("text", "name", "lines"),
    [
        (f"from torchvision.models import {DEIT}; from transformers import AdamW", "a.py", [1, 1]),
        ((f'FROM a\nRUN python -c "from torchvision.models import {DEIT}; '
         'from transformers import AdamW"'), "Dockerfile", [2, 2]),
        (f"import torchvision.models as models\nm = models.{DEIT}()", "a.py", [2]),
        (f"from torchvision import models as M\nm = M.{DEIT}()", "a.py", [2]),
        (f"from torchvision import models\nm = models.{DEIT}()", "a.py", [2]),
        ("import transformers as t; t.AdamW(x)", "a.py", [1]),
        (f'FROM a\nRUN echo "from torchvision.models import {DEIT}" > x.py', "Dockerfile", [2]),
        ('printf "import torch\\nfrom transformers import AdamW\\n" > x.py', "a.sh", [1]),
    ],
)  # fmt: skip
def test_a_name_that_is_not_there_is_found_in_every_spelling(text, name, lines):
    found = [p for p in judge(text, name).problems if p.rule == "import.moved"]
    assert [p.line for p in found] == lines


@pytest.mark.parametrize(
    "text",
    [
        f"import timm.models as models\nm = models.{DEIT}()",
        f"import torchvision.models as models\nx.models.{DEIT}()  # models.{DEIT}",
        "import transformers.AdamWeights",
    ],
)
def test_a_name_of_another_module_gives_no_finding(text):
    assert rules(judge(text, "a.py")) == []


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        (
            "registry.local/nvidia/cuda:11.8-devel",
            "registry.local/nvidia/cuda:11.8.0-devel-ubuntu22.04",
        ),
        (
            "nvidia/cuda:12.4.1-cudnn8-devel-ubuntu22.04",
            "nvidia/cuda:12.4.1-cudnn-devel-ubuntu22.04",
        ),
        (
            "nvidia/cuda:12.1.1-cudnn-devel-ubuntu22.04",
            "nvidia/cuda:12.1.1-cudnn8-devel-ubuntu22.04",
        ),
        ("nvidia/cuda:12.4.1-ubuntu22.04", "nvidia/cuda:12.4.1-base-ubuntu22.04"),
        ("nvidia/cuda:12.4.1-cudnn-ubuntu22.04", "nvidia/cuda:12.4.1-cudnn-runtime-ubuntu22.04"),
    ],
)
def test_a_tag_that_does_not_exist_is_replaced_by_one_that_does(written, expected):
    found = the_problem(judge(f"FROM {written}\n"), "image.tag")
    assert (found.severity, found.correction.text) == ("error", f"FROM {expected}")


@pytest.mark.parametrize(
    "pin",
    [
        "nvidia-cublas-cu12==12.1.3.1",
        "nvidia-cuda-runtime-cu12==12.1.105",
        "nvidia-nvtx-cu12==12.1.*",
    ],
)
def test_a_library_of_another_cuda_release_is_named(pin):
    found = the_problem(judge(f"torch==2.6.0\n{pin}", "requirements.txt"), "companion.toolkit")
    assert found.severity == "error"
    assert found.correction.text == pin.partition("==")[0] + "==12.4.*"


@pytest.mark.parametrize(
    "text",
    [
        "torch==2.6.0\nnvidia-cublas-cu12==12.4.5.8\nnvidia-cuda-nvrtc-cu12==12.4.127",
        "torch==2.6.0\nnvidia-cublas-cu12>=12.1",
        "torch==2.0.1\nnvidia-cublas-cu11==11.10.3.66\nnvidia-cuda-runtime-cu11==11.7.99",
    ],
)
def test_libraries_of_the_cuda_of_torch_give_no_finding(text):
    assert "companion.toolkit" not in rules(judge(text, "requirements.txt"))


def test_a_patch_that_a_closed_release_never_had_is_an_error():
    found = the_problem(judge("torch==2.6.3", "requirements.txt"), "torch.record")
    assert (found.severity, found.correction.text) == ("error", "torch==2.6.0")
    image = judge("FROM pytorch/pytorch:2.6.3-cuda12.4-cudnn9-devel")
    fixed = the_problem(image, "torch.record").correction.text
    assert fixed == "FROM pytorch/pytorch:2.6.0-cuda12.4-cudnn9-devel"


def test_a_patch_of_the_newest_release_may_have_come_since():
    newest = torch_builds()[0].torch
    text = f"torch=={newest.major}.{newest.minor}.99"
    assert the_problem(judge(text, "requirements.txt"), "torch.record").severity == "note"


def test_both_names_of_a_variant_in_the_address_of_a_wheel_are_corrected():
    wheel = WHEELS + "/{0}/{1}%2B{0}-cp311-cp311-linux_x86_64.whl"
    text = "\n".join(
        [wheel.format("cu118", "torch-2.8.0"), wheel.format("cu118", "torchvision-0.23.0")]
    )
    final, report = mended(text, "requirements.txt")
    assert final == text.replace("cu118", "cu128")
    assert rules(report) == []


@pytest.mark.parametrize(
    ("torch", "companion", "wanted"),
    [
        ("2.7.1", "torchvision==0.22.0", "torchvision==0.22.1"),
        ("2.7.0", "torchvision==0.22.1", "torchvision==0.22.0"),
        ("2.5.1", "torchaudio==2.5.0", "torchaudio==2.5.1"),
    ],
)
def test_a_companion_is_of_the_patch_of_torch(torch, companion, wanted):
    found = the_problem(judge(f"torch=={torch}\n{companion}", "requirements.txt"), "companion.pair")
    assert (found.severity, found.correction.text) == ("error", wanted)


def test_conda_builds_pairs_of_its_own():
    text = "channels: [conda-forge]\ndependencies:\n- pytorch=2.7.1\n- torchvision=0.22.0\n"
    assert rules(judge(text, "e.yml")) == []


def test_the_torch_a_companion_is_for_is_named_in_full():
    report = judge("torch==2.0.0\ntorchvision==0.15.2", "requirements.txt")
    assert (
        "is not for torch 2.0.0 but for torch 2.0.1"
        in the_problem(report, "companion.pair").summary
    )


@pytest.mark.parametrize("vision", ["0.15.1", "0.15.2"])
def test_any_patch_of_a_range_may_have_the_companion(vision):
    text = f"torch>=2.0,<2.1\ntorchvision=={vision}"
    assert rules(judge(text, "requirements.txt")) == []


@pytest.mark.parametrize("line", ['CUDA_VISIBLE_DEVICES: ""', "- CUDA_VISIBLE_DEVICES="])
def test_both_forms_of_variables_of_compose_are_read(line):
    text = f"services:\n  a:\n    image: x\n    environment:\n      {line}\n"
    assert the_problem(judge(text, "compose.yml"), "image.devices").line == 5


@pytest.mark.parametrize(("python", "expected"), [("3.9", []), ("3.11", ["companion.pair"])])
def test_markers_are_held_to_the_python_that_is_named(python, expected):
    text = "torch==2.6.0\ntorchvision==0.18.0; python_version >= '3.10'"
    assert rules(judge(text, "requirements.txt", target(python=python))) == expected
