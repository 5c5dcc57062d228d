"""Libraries above torch: what they ask of it, and what they were built for."""

import dataclasses

import pytest
from packaging.requirements import Requirement

from gpubench.checks.outcome import Status
from gpubench.env.redact import clean
from tests.checks.healthy import (
    HEALTHY,
    QUICK,
    change,
    judge,
    results,
    with_distribution,
    with_torch,
    with_torch_release,
)


def beside(torch, name, version, cuda="12.1", requires=(), base=QUICK):
    return with_distribution(
        with_torch_release(base, torch, cuda, None), name, version=version, requires=requires
    )


@pytest.mark.parametrize(
    ("torch", "name", "version", "requires", "status"),
    [
        ("2.8.0", "vllm", "0.9.2", ("torch==2.7.0",), Status.WARN),
        ("2.7.0", "vllm", "0.9.2", ("torch==2.7.0",), Status.PASS),
        ("2.8.0", "vllm", "0.9.2", (), Status.WARN),  # by the table
        ("2.7.0", "vllm", "0.9.2", (), Status.PASS),
        ("1.9.0", "accelerate", "0.21.0", ("torch>=1.10.0",), Status.WARN),
        ("2.13.0", "accelerate", "1.12.0", ("torch>=2.0.0", "numpy<3"), Status.PASS),
        ("2.5.1", "xformers", "0.0.28.post1", (), Status.WARN),
        ("2.5.1", "xformers", "0.0.28.post3", (), Status.PASS),
        ("2.3.1", "transformers", "5.1.0", (), Status.FAIL),
        ("2.4.0", "transformers", "5.1.0", (), Status.PASS),
        ("1.11.0", "transformers", "4.38.2", (), Status.PASS),  # seen to work
        ("1.13.1", "transformers", "4.49.0", (), Status.FAIL),
        ("2.0.1", "transformers", "4.50.3", (), Status.FAIL),
        ("2.8.0", "transformers", "99.0", (), Status.PASS),
        ("1.13.1", "transformers", "3.9.dev-strange", (), Status.SKIP),
        ("2.8.0", "numpy", "1.26.4", (), Status.SKIP),
    ],
)
def test_a_library_is_judged_by_its_metadata_and_then_by_the_table(
    torch, name, version, requires, status
):
    assert (
        judge("comp.frameworks", beside(torch, name, version, requires=requires)).status is status
    )


def test_a_library_that_breaks_says_how():
    outcome = judge("comp.frameworks", beside("2.0.1", "transformers", "4.53.3"))
    assert outcome.status is Status.FAIL
    assert "disables PyTorch" in outcome.reason


def test_both_ways_out_are_offered():
    outcome = judge("comp.frameworks", beside("2.7.1", "vllm", "0.9.2", requires=("torch==2.7.0",)))
    assert outcome.remedy == (
        'pip install "vllm>=0.10.0,<=0.10.1.1"',
        'or: pip install "vllm==0.9.2" "torch==2.7.0"',
    )


@pytest.mark.parametrize("torch", ["1.13.1", "2.0.1", "2.1.2", "2.5.1", "2.8.0"])
@pytest.mark.parametrize("name", ["transformers", "vllm", "xformers", "accelerate", "lightning"])
def test_the_release_that_is_offered_takes_this_torch(torch, name):
    broken = judge("comp.frameworks", beside(torch, name, "0.0.1", requires=("torch==9.9",)))
    for line in broken.remedy[:-1]:
        specifier = Requirement(line.split('"')[1]).specifier
        version = next(iter(specifier)).version
        lowest = next((s.version for s in specifier if s.operator in (">=", "==")), version)
        assert judge("comp.frameworks", beside(torch, name, lowest)).status is Status.PASS


def test_what_is_judged_elsewhere_is_not_judged_twice():
    broken = beside("2.8.0", "torchvision", "0.18.0", requires=("torch==2.3.0",))
    assert judge("comp.frameworks", broken).status is Status.SKIP


def test_several_libraries_are_all_named():
    snapshot = with_distribution(
        beside("2.8.0", "vllm", "0.9.2"), "xformers", version="0.0.30", requires=("torch==2.7.0",)
    )
    outcome = judge("comp.frameworks", snapshot)
    assert set(outcome.evidence["wanted"]) == {"vllm", "xformers"}


def test_the_second_of_two_metadata_folders_does_not_count():
    snapshot = beside("2.7.0", "vllm", "0.9.2")
    twice = dataclasses.replace(snapshot.python.distribution("vllm"), version="0.10.2")
    python = dataclasses.replace(
        snapshot.python, distributions=(*snapshot.python.distributions, twice)
    )
    assert judge("comp.frameworks", change(snapshot, python=python)).status is Status.PASS


@pytest.mark.parametrize("check", ["comp.frameworks", "comp.extensions"])
def test_without_torch_there_is_no_question(check):
    assert judge(check, change(QUICK, torch=None)).status is Status.SKIP


@pytest.mark.parametrize("check", ["comp.frameworks", "comp.extensions"])
def test_an_interpreter_that_could_not_be_read_is_unknown(check):
    mute = change(QUICK, python=None, torch=None, unread={"python": "it died"})
    assert judge(check, mute).status is Status.UNKNOWN


def test_distributions_that_could_not_be_read_are_unknown():
    mute = change(QUICK, unread={"python.distributions": "permission denied"})
    assert judge("comp.frameworks", mute).status is Status.UNKNOWN


@pytest.mark.parametrize(
    ("torch", "cuda", "version", "status"),
    [
        ("2.3.1", "12.1", "2.5.8+cu122torch2.3cxx11abiFALSE", Status.PASS),
        ("2.4.1", "12.1", "2.5.8+cu122torch2.3cxx11abiFALSE", Status.FAIL),
        ("2.3.1", "11.8", "2.5.8+cu122torch2.3cxx11abiFALSE", Status.FAIL),
        ("2.3.1", "12.1", "2.5.8+cu122torch2.3cxx11abiTRUE", Status.FAIL),
        ("2.6.0", "12.4", "2.7.4+cu12torch2.6cxx11abiTRUE", Status.PASS),  # some have it
        ("2.8.0", "12.8", "2.8.3+cu12torch2.8cxx11abiFALSE", Status.FAIL),
        ("2.4.0", "12.1", "2.1.2+pt24cu121", Status.PASS),
        ("2.10.0", "12.8", "2.1.2+pt210cu128", Status.PASS),
        ("2.1.0", "12.1", "2.1.2+pt210cu121", Status.PASS),  # 2.1.0 as well as 2.10
        ("1.13.1", "11.7", "2.1.2+pt113cu117", Status.PASS),
        ("2.5.0", "12.1", "2.1.2+pt24cu121", Status.FAIL),
        ("2.5.0", "12.4", "0.0.28+cu118", Status.FAIL),
        ("2.5.0", "12.4", "0.0.28+cu121", Status.PASS),  # CUDA 12 is CUDA 12
        ("1.7.1", "9.2", "1.0+cu92", Status.PASS),
        ("2.5.0", None, "0.0.28+cu121", Status.FAIL),
        ("2.5.0", "12.4", "2.7.4", Status.SKIP),
        ("2.5.0", "12.4", "2.7.4+local", Status.SKIP),
    ],
)
def test_an_extension_is_judged_by_what_its_name_says(torch, cuda, version, status):
    snapshot = beside(torch, "flash-attn", version, cuda=cuda)
    assert judge("comp.extensions", snapshot).status is status


def test_the_abi_of_a_conda_build_is_not_known():
    snapshot = beside("2.3.1", "flash-attn", "2.5.8+cu122torch2.3cxx11abiTRUE")
    conda = change(snapshot, python=dataclasses.replace(snapshot.python, kind="conda"))
    assert judge("comp.extensions", conda).status is Status.PASS


def test_a_cuda_that_could_not_be_read_is_not_held_against_an_extension():
    snapshot = with_torch(beside("2.5.0", "xformers", "0.0.28+cu121"), cuda=None)
    unread = change(snapshot, unread={"torch.cuda": "no version.py"})
    assert judge("comp.extensions", unread).status is Status.PASS


def test_a_foreign_extension_is_a_cause_of_its_own():
    snapshot = with_distribution(HEALTHY, "flash-attn", version="2.5.8+cu122torch2.3cxx11abiFALSE")
    found = results(snapshot)["comp.extensions"]
    assert (found.status, found.cause) == (Status.FAIL, "framework-incompatible")
    assert "torch 2.3" in clean(found.outcome.reason)
