"""torchvision, torchaudio and triton."""

import pytest

from gpubench.checks.outcome import Status
from tests.checks.healthy import (
    HEALTHY,
    NO_GPU,
    QUICK,
    change,
    judge,
    results,
    with_distribution,
    with_torch,
    with_torch_release,
    without_distribution,
)


def beside(torch, cuda, **companion):
    snapshot = with_torch_release(QUICK, torch, cuda, None)
    return with_distribution(snapshot, companion.pop("name", "torchvision"), **companion)


@pytest.mark.parametrize(
    ("torch", "name", "version", "requires", "status"),
    [
        ("2.7.0", "torchvision", "0.18.0", ("torch==2.3.0",), Status.FAIL),
        ("2.7.0", "torchvision", "0.18.0", (), Status.FAIL),  # by the table
        ("2.7.1", "torchvision", "0.22.1", (), Status.PASS),
        ("2.0.1", "torchvision", "0.15.1", (), Status.FAIL),  # patch releases count here
        ("2.11.0", "torchaudio", "2.11.0", (), Status.PASS),
        ("2.13.0", "torchaudio", "2.11.0", (), Status.PASS),  # no longer tied to one torch
        ("2.15.0", "torchvision", "0.29.2", ("torch>=2.14.0",), Status.PASS),
        ("2.16.0", "torchvision", "0.29.2", ("torch>=2.14.0",), Status.PASS),
        ("2.13.0", "torchvision", "0.29.2", ("torch>=2.14.0",), Status.FAIL),
    ],
)
def test_pairs_are_judged_by_their_metadata_and_then_by_the_table(
    torch, name, version, requires, status
):
    snapshot = beside(torch, "12.8", name=name, version=version, requires=requires)
    assert judge("comp.vision_audio", snapshot).status is status


def test_the_remedy_names_the_release_that_goes_with_torch():
    broken = beside("2.7.0", "12.8", version="0.18.0", requires=("torch==2.3.0",))
    (line,) = judge("comp.vision_audio", broken).remedy
    assert '"torchvision==0.22.0"' in line
    assert line.endswith("/cu128")


def test_a_torchvision_for_another_cuda_fails():
    broken = with_distribution(QUICK, "torchvision", build="0.23.0+cu118")
    assert judge("comp.vision_audio", broken).status is Status.FAIL


def test_a_torchvision_for_another_release_of_the_same_cuda_loads_and_is_a_warning():
    odd = with_distribution(QUICK, "torchvision", build="0.23.0+cu126")
    assert judge("comp.vision_audio", odd).status is Status.WARN


def test_a_torchaudio_for_another_release_of_the_same_cuda_refuses_to_load():
    broken = with_distribution(QUICK, "torchaudio", build="2.8.0+cu126")
    assert judge("comp.vision_audio", broken).status is Status.FAIL


def test_a_cuda_torchvision_beside_a_cpu_torch_fails():
    broken = beside(
        "2.8.0", None, version="0.23.0", build="0.23.0+cu128", requires=("torch==2.8.0",)
    )
    assert judge("comp.vision_audio", broken).status is Status.FAIL


def test_an_operator_that_was_seen_to_run_goes_before_the_table():
    odd = change(
        beside("2.7.0", "12.8", version="0.18.0", requires=("torch==2.3.0",)),
        torch_run=HEALTHY.torch_run,
    )
    assert judge("comp.vision_audio", odd).status is Status.NOTE


def test_no_companion_is_no_question():
    alone = without_distribution(QUICK, "torchvision", "torchaudio")
    assert judge("comp.vision_audio", alone).status is Status.SKIP


@pytest.mark.parametrize("version", ["3.3.1", "3.5.0"])
def test_a_triton_of_another_release_fails(version):
    broken = with_distribution(QUICK, "triton", version=version)
    outcome = judge("comp.triton", broken)
    assert outcome.status is Status.FAIL
    assert outcome.remedy == ('pip install "triton==3.4.0"',)
    failed = [k for k, r in results(broken).items() if r.status is Status.FAIL]
    assert failed == ["comp.triton"]


def test_a_triton_that_is_gone_fails():
    assert judge("comp.triton", without_distribution(QUICK, "triton")).status is Status.FAIL


def test_both_tritons_at_once_fail():
    both = with_distribution(QUICK, "pytorch-triton", version="3.4.0")
    assert judge("comp.triton", both).remedy[0] == "pip uninstall -y pytorch-triton"


def test_a_torch_that_requires_no_triton_is_skipped():
    snapshot = with_distribution(with_torch(QUICK, cuda=None), "torch", requires=("sympy",))
    assert judge("comp.triton", snapshot).status is Status.SKIP


def test_a_cpu_torchvision_beside_a_cuda_torch_fails_where_there_is_a_gpu():
    odd = with_distribution(QUICK, "torchvision", build="0.23.0+cpu")
    assert judge("comp.vision_audio", odd).status is Status.FAIL
    nowhere = with_distribution(NO_GPU, "torchvision", build="0.23.0+cpu")
    assert judge("comp.vision_audio", nowhere).status is Status.PASS


def test_a_torchvision_that_is_linked_with_cuda_does_not_load_beside_a_cpu_torch():
    """Source builds and those of conda have no tag; what the file is linked with tells."""
    cpu = with_torch(NO_GPU, version="2.8.0+cpu", cuda=None)
    cpu = with_distribution(cpu, "torchaudio", build="2.8.0+cpu")
    linked = with_distribution(cpu, "torchvision", build="0.23.0", needs_cuda=True)
    assert judge("comp.vision_audio", linked).status is Status.FAIL
    free = with_distribution(cpu, "torchvision", build="0.23.0", needs_cuda=False)
    assert judge("comp.vision_audio", free).status is Status.PASS


def test_a_torchaudio_no_torch_release_goes_with_is_to_be_uninstalled():
    new = with_torch(QUICK, version="2.15.0+cu132", cuda="13.2")
    new = without_distribution(new, "torchvision")
    new = with_distribution(new, "torchaudio", version="2.11.0", build="2.11.0+cu130", requires=())
    outcome = judge("comp.vision_audio", new)
    assert outcome.status is Status.FAIL
    assert outcome.remedy[0].startswith("pip uninstall -y torchaudio")
