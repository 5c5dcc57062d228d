"""Whatever a file states, the corrections lead to a file that the same judge passes."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gpubench.knowledge.tables import torch_builds
from tests.plan.helpers import judge, mended, rules

RELEASES = sorted(
    {str(build.torch) for build in torch_builds()} | {"2.7.0", "2.5.0", "2.6", "9.9.0"}
)
VARIANTS = ["cu117", "cu118", "cu121", "cu122", "cu124", "cu126", "cu128", "cu129", "cu130", "cpu"]
BASES = [
    "nvidia/cuda:11.8-devel",
    "nvidia/cuda:12.1-cudnn8-runtime",
    "nvidia/cuda:12.4.1-cudnn-devel-ubuntu22.04",
    "nvidia/cuda:11.8.0-cudnn8-devel-ubuntu20.04",
    "nvidia/cuda:13.0.1-base-ubuntu24.04",
    "nvidia/cuda",
    "python:3.10-slim",
    "python:3.8",
    "ubuntu:20.04",
    "ubuntu:focal",
    "debian:bookworm-slim",
]
torch_pin = st.sampled_from(
    ["", *(f"=={text}" for text in RELEASES), ">=2.4", "~=2.6.0", "==2.8.*"]
)
vision_pin = st.sampled_from([None, "", "==0.18.0", "==0.21.0", "==0.22.*", ">=0.23", "==0.28.0"])
index = st.sampled_from([None, *VARIANTS])
numpy_pin = st.sampled_from([None, "", "==2.1.0", "==1.26.4", ">=1.24", "<2"])


@st.composite
def packages(draw):
    """A list of requirements that someone may have written."""
    found = ["torch" + draw(torch_pin)]
    vision, numpy = draw(vision_pin), draw(numpy_pin)
    found += [f"torchvision{vision}"] if vision is not None else []
    found += [f"numpy{numpy}"] if numpy is not None else []
    found += draw(st.sampled_from([[], ["triton==3.1.0"], ["nvidia-cudnn-cu12==9.1.0.70"]]))
    found += draw(st.sampled_from([[], ["torchaudio==2.6.0"], ["flash-attn"]]))
    return found


def quoted(words):
    return " ".join(f"'{word}'" if set("<>*") & set(word) else word for word in words)


@st.composite
def dockerfiles(draw):
    lines = [f"FROM {draw(st.sampled_from(BASES))}"]
    lines += draw(
        st.sampled_from([[], ["ENV CUDA_VERSION=11.8 CUDNN_VERSION=8.9"], ["LABEL cuda=12.2"]])
    )
    lines += draw(
        st.sampled_from(
            [[], ["RUN apt-get install -y python3.10"], ["RUN apt install python3-pip"]]
        )
    )
    variant = draw(index)
    flag = f" --index-url https://download.pytorch.org/whl/{variant}" if variant else ""
    lines += [f"RUN pip install {quoted(draw(packages()))}{flag}"]
    lines += draw(
        st.sampled_from(
            [
                [],
                ["RUN python -c 'from transformers import AdamW, BertModel'"],
                ["ENV HF_TOKEN=hf_0123456789abcdefgh"],
                ["ENV LD_LIBRARY_PATH=/usr/local/cuda/lib64:/opt/x"],
                ["ENV A=1 CUDA_VISIBLE_DEVICES=-1"],
            ]
        )
    )
    return "\n".join(lines) + "\n"


def assert_mended(text, name):
    final, report = mended(text, name)
    left = [p for p in report.problems if p.severity == "error" and not p.remedy]
    assert left == [], f"{text}\n{final}"


@settings(deadline=None, max_examples=80)
@given(dockerfiles())
def test_a_corrected_dockerfile_holds(text):
    assert_mended(text, "Dockerfile")


@settings(deadline=None, max_examples=80)
@given(packages(), index, st.sampled_from(["--index-url", "--extra-index-url"]))
def test_corrected_requirements_hold(words, variant, flag):
    head = [f"{flag} https://download.pytorch.org/whl/{variant}"] if variant else []
    assert_mended("\n".join([*head, *words]) + "\n", "requirements.txt")


@settings(deadline=None, max_examples=60)
@given(
    st.sampled_from(["2.6.0", "2.5.1", "2.7", "2.8.0"]),
    st.sampled_from([None, "0.18", "0.21.0"]),
    st.sampled_from([None, "pytorch-cuda=12.1", "pytorch-cuda=11.8", "pytorch-cuda=12.6"]),
    st.sampled_from(["3.8", "3.10", "3.14"]),
    st.sampled_from([["pytorch", "nvidia"], ["conda-forge"]]),
)
def test_a_corrected_environment_holds(torch, vision, cuda, python, channels):
    entries = [f"python={python}", f"pytorch={torch}"]
    entries += [f"torchvision={vision}"] if vision else []
    entries += [cuda] if cuda else []
    lines = [f"channels: [{', '.join(channels)}]", "dependencies:", *(f"  - {e}" for e in entries)]
    assert_mended("\n".join(lines), "environment.yml")


@pytest.mark.parametrize("torch", RELEASES)
def test_the_pair_that_is_proposed_is_a_pair(torch):
    text, report = mended(
        f"torch=={torch}\ntorchvision==0.1.0\ntorchaudio==0.1.0\n", "requirements.txt"
    )
    assert rules(report, "error") == []
    assert rules(judge(text, "requirements.txt"), "error") == []


@pytest.mark.parametrize(
    "text",
    [
        "FROM nvidia/cuda:11.8-devel-ubuntu20.04\nRUN apt-get install -y python3.10\n",
        'FROM a\nLABEL cuda="11.8" cudnn="8.9"\nRUN pip install torch==2.7.0\n',
    ],
)
def test_corrections_of_one_line_agree(text):
    report = judge(text, "Dockerfile")
    line = next(p.line for p in report.problems if p.severity == "error")
    fixed = {
        p.correction.text for p in report.problems if p.correction and p.correction.line == line
    }
    assert len(fixed) == 1
    lines = text.split("\n")
    lines[line - 1] = fixed.pop()
    assert rules(judge("\n".join(lines), "Dockerfile"), "error") == []
