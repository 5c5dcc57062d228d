"""The constraints: each stack is sound, exact and sorted; each slip of the documents is caught."""

import os
import subprocess
import sys

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from gpubench.checks.outcome import Status
from gpubench.env.snapshot import Stack
from gpubench.env.stack import pins_of
from gpubench.knowledge.messages import messages_in
from gpubench.plan.judging import judge_file
from gpubench.plan.machine import Machine
from tests.checks.healthy import QUICK, change, judge
from tests.docker.resolve import files, pins_in
from tests.docker.stacks import (
    ASKED,
    HERE,
    PYTHON,
    ROOT,
    STACKS,
    reached,
    resolved,
    wanted,
)
from tests.plan.helpers import rules

DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8")


def pinned(name):
    lines = pins_in((STACKS / name).read_text(encoding="utf-8"))
    return dict(line.split("==") for line in lines)


def judged(tmp_path, name, text):
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    return judge_file(str(path), Machine())


@pytest.mark.parametrize("stack", ASKED)
def test_plan_has_nothing_against_a_stack(stack):
    report = judge_file(str(STACKS / f"{stack}.txt"), Machine())
    assert (report.status, rules(report)) == (0, [])
    assert {fact.name for fact in report.facts} >= {"torch", "torchvision", "timm"}


def test_plan_has_nothing_against_the_dockerfile():
    report = judge_file(str(ROOT / "Dockerfile"), Machine())
    assert (report.status, rules(report)) == (0, [])


@pytest.mark.parametrize("stack", [*ASKED, *(f"{stack}-dev" for stack in ASKED)])
def test_a_stack_is_exact_sorted_and_says_where_it_is_from(stack):
    text = (STACKS / f"{stack}.txt").read_text(encoding="utf-8")
    pins = pinned(f"{stack}.txt")
    assert list(pins) == sorted(pins)
    assert all(Version(version) for version in pins.values())
    assert "python -m tests.docker.resolve" in text
    assert f"Python {PYTHON}" in text


@pytest.mark.parametrize("stack", ASKED)
def test_dev_adds_to_a_stack_and_moves_nothing_of_it(stack):
    base, dev = pinned(f"{stack}.txt"), pinned(f"{stack}-dev.txt")
    assert not set(base) & set(dev)
    assert "jupyterlab" in dev


@pytest.mark.parametrize("stack", [name for name in ASKED if name != "current"])
def test_a_stack_is_of_the_torch_it_is_named_for(stack):
    pins = pinned(f"{stack}.txt")
    assert pins["torch"].startswith(f"{stack}.")
    assert pins["torchaudio"] == pins["torch"]


def test_the_current_stack_is_the_newest():
    torches = [Version(pinned(f"{stack}.txt")["torch"]) for stack in ASKED]
    assert Version(pinned("current.txt")["torch"]) == max(torches)


SLIPS = [
    pytest.param("2.7", {"torch": "2.7.0", "torchvision": "0.18.0"}, "companion.pair", id="pair"),
    pytest.param("2.7", {"torchvision": "0.18.0"}, "companion.pair", id="newer-patch"),
    pytest.param("2.8", {"torchvision": "0.21.0"}, "companion.pair", id="older-pair"),
    pytest.param("2.6", {"torch": "2.6.0+cu121"}, "torch.cuda", id="torch-2.6-cu121"),
    pytest.param(
        "2.6", {"nvidia-cuda-runtime-cu12": "12.1.105"}, "companion.toolkit", id="runtime-12.1"
    ),
    pytest.param("2.8", {"torch": "2.8.0+cu118"}, "torch.cuda", id="torch-2.8-cu118"),
    pytest.param("2.8", {"nvidia-cudnn-cu12": "8.9.7.29"}, "companion.library", id="cudnn-8"),
]
"""The slips of A12 that a constraints file can hold. Where deit_small and AdamW are imported from,
the tag of a base image and the system's Python stand in no such file."""


def slipped(stack, changes):
    lines = pins_in((STACKS / f"{stack}.txt").read_text(encoding="utf-8"))
    names = [line.partition("==")[0] for line in lines]
    assert set(changes) <= set(names)
    return "".join(
        f"{name}=={changes[name]}\n" if name in changes else f"{line}\n"
        for name, line in zip(names, lines, strict=True)
    )


@pytest.mark.parametrize(("stack", "changes", "rule"), SLIPS)
def test_a_slip_in_a_constraints_file_is_rejected(tmp_path, stack, changes, rule):
    report = judged(tmp_path, f"{stack}.txt", slipped(stack, changes))
    assert report.status == 1
    assert rule in rules(report, "error")


def test_an_index_of_another_cuda_in_a_constraints_file_is_rejected(tmp_path):
    text = "--index-url https://download.pytorch.org/whl/cu121\n" + slipped("2.6", {})
    report = judged(tmp_path, "2.6.txt", text)
    assert report.status == 1
    assert "torch.cuda" in rules(report, "error")


@pytest.mark.parametrize(("stack", "changes", "rule"), SLIPS)
def test_the_doctor_sees_that_a_slip_was_stated_and_not_installed(stack, changes, rule):
    """As in an image whose constraints say one thing and whose packages are the sound stack's."""
    stated = pins_of(slipped(stack, changes))
    image = Stack(name=stack, path="constraints.txt", pins=stated, installed=pinned(f"{stack}.txt"))
    outcome = judge("comp.stack", change(QUICK, stack=image))
    assert outcome.status is Status.FAIL
    assert all(f"{name} is " in outcome.reason for name in changes)


@pytest.mark.parametrize(
    "line",
    [
        "ImportError: cannot import name 'deit_small_patch16_224' from 'torchvision.models' (/x)",
        "ImportError: cannot import name 'AdamW' from 'transformers' (/x/__init__.py)",
    ],
)
def test_the_doctor_knows_a_slip_by_what_it_raises(line):
    found, *_ = messages_in(f"Traceback (most recent call last):\n{line}\n")
    assert found.message.cause == "framework-incompatible"
    assert found.message.remedy


@pytest.mark.torch
@pytest.mark.parametrize("name", ["torch", "torchvision"])
def test_doctor_refuses_an_environment_that_is_not_what_its_constraints_slipped_to(tmp_path, name):
    stated = tmp_path / "constraints.txt"
    stated.write_text(f"{name}==0.18.0\n", encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "gpubench", "doctor", "--level", "quick", "--only", "comp.stack"],
        env={**os.environ, "GPUBENCH_CONSTRAINTS": str(stated)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1
    assert "stated is 0.18.0" in done.stdout


BASE_LINE = next(line for line in DOCKERFILE.splitlines() if line.startswith("ARG BASE="))


@pytest.mark.parametrize(
    ("line", "rule"),
    [
        ("RUN pip install torch==2.7.0 torchvision==0.18.0", "companion.pair"),
        (
            "RUN pip install torch==2.6.0 --index-url https://download.pytorch.org/whl/cu121",
            "torch.cuda",
        ),
        (
            "RUN pip install torch==2.8.0 --index-url https://download.pytorch.org/whl/cu118",
            "torch.cuda",
        ),
        (
            'RUN python -c "from torchvision.models import deit_small_patch16_224"',
            "import.moved",
        ),
        ('RUN python -c "from transformers import AdamW"', "import.moved"),
        (
            'RUN pip install torch==2.8.0\nLABEL org.example.cuda="11.8"',
            "torch.declared_cuda",
        ),
        ("RUN pip install torch==2.8.0\nENV CUDNN_VERSION=8.9", "torch.declared_cudnn"),
    ],
)
def test_a_slip_in_the_dockerfile_is_rejected(tmp_path, line, rule):
    slipped = DOCKERFILE.replace("FROM runtime AS dev\n", f"{line}\n\nFROM runtime AS dev\n", 1)
    report = judged(tmp_path, "Dockerfile", slipped)
    assert report.status == 1
    assert rule in rules(report, "error")


@pytest.mark.parametrize(
    ("base", "rule"),
    [
        ("nvidia/cuda:11.8-devel-ubuntu22.04", "image.tag"),
        ("ubuntu:20.04\nRUN apt-get install python3.10", "python.system"),
    ],
)
def test_a_slip_in_the_base_is_rejected(tmp_path, base, rule):
    slipped = DOCKERFILE.replace("FROM ${BASE} AS system", f"FROM {base}", 1)
    if "\nRUN" in base:
        slipped = slipped.replace("python3 python3-dev", "python3.10 python3.10-dev")
    report = judged(tmp_path, "Dockerfile", slipped)
    assert report.status == 1
    assert rule in rules(report, "error")


def test_the_base_is_pinned_by_its_digest():
    digest = BASE_LINE.rpartition("@sha256:")[2]
    assert len(digest) == 64
    assert set(digest) <= set("0123456789abcdef")


REPORT = {
    "install": [
        {"metadata": {"name": "Torch", "version": "2.8.0", "requires_dist": [
            "sympy>=1", "cuda-toolkit[cublas]; sys_platform == 'linux'",
            "colorama; sys_platform == 'win32'", "opt-einsum; extra == 'opt-einsum'"]}},
        {"metadata": {"name": "sympy", "version": "1.14.0"}},
        {"metadata": {"name": "cuda-toolkit", "version": "12.8", "requires_dist": [
            "nvidia-cublas==1; extra == 'cublas'", "nvidia-cufft==1; extra == 'cufft'"]}},
        {"metadata": {"name": "nvidia_cublas", "version": "1"}},
        {"metadata": {"name": "nvidia-cufft", "version": "1"}},
        {"metadata": {"name": "jupyterlab", "version": "4.0", "requires_dist": ["sympy"]}},
    ]
}  # fmt: skip


def test_what_is_reached_follows_extras_and_leaves_other_systems_out():
    found = resolved(REPORT)
    assert reached(found, ["torch"]) == {"torch", "sympy", "cuda-toolkit", "nvidia-cublas"}


def test_what_dev_alone_brings_stands_in_its_own_file():
    texts = files("2.8", REPORT)
    assert pins_in(texts["2.8.txt"])[-1] == "torch==2.8.0"
    assert pins_in(texts["2.8-dev.txt"]) == ["jupyterlab==4.0", "nvidia-cufft==1"]


@pytest.mark.parametrize("stack", ASKED)
def test_a_stack_has_what_gpubench_requires(stack):
    """A requirement that pyproject gained since the stacks were resolved fails here."""
    pins = pinned(f"{stack}.txt")
    needed = [Requirement(text) for text in wanted()]
    assert {"torch", "pandas", "pydantic"} <= {need.name for need in needed}
    for need in needed:
        if need.marker is None or need.marker.evaluate(HERE):
            name = canonicalize_name(need.name)
            assert name in pins
            assert need.specifier.contains(pins[name])
