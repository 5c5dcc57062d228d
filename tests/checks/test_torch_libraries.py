"""The libraries below torch."""

import dataclasses

import pytest

from gpubench.checks.outcome import Status
from tests.checks.healthy import (
    HEALTHY,
    QUICK,
    change,
    distribution,
    judge,
    results,
    with_distribution,
    with_distributions,
    with_run,
    with_torch,
    without_distribution,
)


def failed(snapshot):
    return [key for key, result in results(snapshot).items() if result.status is Status.FAIL]


def with_file(snapshot, name, version):
    files = tuple(
        dataclasses.replace(entry, version=version) if entry.name == name else entry
        for entry in snapshot.torch.libraries
    )
    return with_torch(snapshot, libraries=files)


@pytest.mark.parametrize(
    ("check", "name", "installed", "pin"),
    [
        ("torch.cudnn", "nvidia-cudnn-cu12", "9.1.0.70", "9.10.2.21"),
        ("torch.cudnn", "nvidia-cudnn-cu12", "9.13.0.50", "9.10.2.21"),
        ("torch.nccl", "nvidia-nccl-cu12", "2.21.5", "2.27.3"),
    ],
)
def test_another_release_over_the_pin_fails_with_the_line_that_puts_it_right(
    check, name, installed, pin
):
    broken = with_distribution(QUICK, name, version=installed)
    outcome = judge(check, broken)
    assert outcome.status is Status.FAIL
    assert outcome.remedy == (f'pip install "{name}=={pin}"',)
    assert failed(broken) == [check]


def test_files_of_another_release_fail_although_the_metadata_is_right():
    broken = with_file(QUICK, "cudnn", "9.1.0")
    outcome = judge("torch.cudnn", broken)
    assert outcome.status is Status.FAIL
    assert "unpacked over it" in outcome.reason


def test_a_file_that_does_not_tell_its_release_is_said():
    outcome = judge("torch.cudnn", with_file(QUICK, "cudnn", None))
    assert outcome.status is Status.PASS
    assert "do not tell" in outcome.reason


def test_cudnn_9_beside_cuda_11_is_right_where_torch_pins_it():
    """torch 2.4 to 2.7 for CUDA 11.8 ship exactly that."""
    requires = ("nvidia-cudnn-cu11==9.1.0.70",)
    snapshot = with_distribution(QUICK, "torch", version="2.6.0", requires=requires)
    snapshot = without_distribution(snapshot, "nvidia-cudnn-cu12")
    snapshot = with_distribution(snapshot, "nvidia-cudnn-cu11", version="9.1.0.70")
    snapshot = with_torch(with_file(snapshot, "cudnn", "9.1.0"), cuda="11.8")
    assert judge("torch.cudnn", snapshot).status is Status.PASS


def test_a_pinned_library_that_is_gone_fails_unless_torch_was_seen_to_import():
    gone = with_torch(without_distribution(QUICK, "nvidia-cudnn-cu12"), libraries=())
    assert judge("torch.cudnn", gone).status is Status.FAIL
    seen = change(gone, torch_run=HEALTHY.torch_run)
    assert judge("torch.cudnn", seen).status is Status.NOTE


def test_a_torch_that_names_no_cudnn_is_skipped():
    conda = without_distribution(QUICK, "torch", "nvidia-cudnn-cu12")
    assert judge("torch.cudnn", conda).status is Status.SKIP


def test_a_cpu_build_has_no_cudnn_to_judge():
    assert judge("torch.cudnn", with_torch(QUICK, cuda=None)).status is Status.SKIP


def test_the_cudnn_that_was_loaded_counts_and_its_file_is_named():
    loaded = ("/usr/local/cudnn/lib/libcudnn.so.9",)
    shadowed = with_run(HEALTHY, cudnn="9.1.0", loaded=loaded)
    outcome = judge("torch.cudnn", shadowed)
    assert outcome.status is Status.WARN  # it was seen to work
    assert outcome.cause == "library-path-shadowing"
    assert loaded[0] in outcome.reason
    dead = with_run(shadowed, ended="signal")
    assert judge("torch.cudnn", dead).status is Status.FAIL


def test_two_whole_families_side_by_side_warn():
    mixed = QUICK
    for name, version in (("cublas", "11.11.3.6"), ("cuda-runtime", "11.8.89"), ("cufft", "10.9")):
        mixed = with_distribution(mixed, f"nvidia-{name}-cu11", version=version)
    outcome = judge("torch.cuda_mix", mixed)
    assert outcome.status is Status.WARN
    assert results(mixed)["torch.cuda_mix"].cause == "cuda-mixed"


@pytest.mark.parametrize(
    ("suffix", "cause"),
    [
        ("cu13", "cudnn-mismatch"),  # the families for 12 and 13 share cuDNN and NCCL alone
        ("cu11", "cuda-mixed"),  # those for 11 and 12 share every folder
    ],
)
def test_families_that_share_files_fail(suffix, cause):
    mixed = QUICK
    for name in ("cudnn", "nccl", "cusolver", "cufft"):
        mixed = with_distribution(mixed, f"nvidia-{name}-{suffix}", version="9.0.1")
    found = results(mixed)["torch.cuda_mix"]
    assert found.status is Status.FAIL
    assert found.cause == cause


def test_two_owners_of_one_folder_are_named_where_torch_is_not_described():
    listed = [distribution(f"nvidia-nccl-cu{n}", f"2.29.{n}") for n in (12, 13)]
    found = results(change(with_distributions(QUICK, listed), torch=None))["torch.cuda_mix"]
    assert (found.status, found.cause) == (Status.FAIL, "nccl-mismatch")


def test_one_library_of_another_family_is_named_by_its_own_cause():
    mixed = with_distribution(QUICK, "nvidia-cudnn-cu13", version="9.13.0.50")
    found = results(mixed)["torch.cuda_mix"]
    assert found.status is Status.FAIL
    assert found.cause == "cudnn-mismatch"


@pytest.mark.parametrize("requires", [("nvidia-cublas-cu11",), ()], ids=["told", "not told"])
def test_what_a_stray_cudnn_brought_along_makes_no_family_of_it(requires):
    mixed = with_distribution(QUICK, "nvidia-cudnn-cu11", version="8.9.6.50", requires=requires)
    mixed = with_distribution(mixed, "nvidia-cublas-cu11", version="11.11.3.6")
    assert results(mixed)["torch.cuda_mix"].cause == "cudnn-mismatch"


def test_a_single_helper_of_another_major_is_a_note():
    helper = with_distribution(QUICK, "nvidia-cuda-nvrtc-cu11", version="11.8.89")
    assert judge("torch.cuda_mix", helper).status is Status.NOTE


def test_tools_that_only_sound_like_cuda_libraries_do_not_count():
    tools = with_distribution(QUICK, "nvidia-ml-py", version="13.580.82")
    tools = with_distribution(tools, "nvidia-nvcomp-cu11", version="4.0")
    assert judge("torch.cuda_mix", tools).status is Status.PASS


def test_a_pin_on_another_library_that_does_not_hold_fails():
    broken = with_distribution(QUICK, "nvidia-cublas-cu12", version="12.4.5.8")
    outcome = judge("torch.requires", broken)
    assert outcome.status is Status.FAIL
    assert outcome.cause == "cuda-mixed"
    assert '"nvidia-cublas-cu12==12.8.4.1"' in outcome.remedy[0]


def test_a_cuda_library_that_is_gone_is_a_damaged_installation():
    outcome = judge("torch.requires", without_distribution(QUICK, "nvidia-cublas-cu12"))
    assert outcome.status is Status.FAIL
    assert outcome.cause == "torch-install-damaged"


def test_a_python_package_out_of_range_only_warns():
    outcome = judge("torch.requires", with_distribution(QUICK, "sympy", version="1.12"))
    assert outcome.status is Status.WARN


def test_what_runs_all_the_same_is_a_note():
    assert judge("torch.requires", without_distribution(HEALTHY, "nvidia-cublas-cu12")).status is (
        Status.NOTE
    )


def test_requirements_of_the_toolkit_package_count_too():
    """From torch 2.11 on the libraries are required through cuda-toolkit[...]."""
    snapshot = with_distribution(
        QUICK, "cuda-toolkit", version="13.0.2", requires=("nvidia-cublas==13.1.0.3.*",)
    )
    snapshot = with_distribution(snapshot, "nvidia-cublas", version="13.0.0.1")
    assert judge("torch.requires", snapshot).status is Status.FAIL


def test_a_newer_cudnn_that_was_seen_to_work_only_warns():
    newer = with_distribution(HEALTHY, "nvidia-cudnn-cu12", version="9.13.0.50")
    newer = with_run(with_file(newer, "cudnn", "9.13.0"), cudnn="9.13.0")
    assert judge("torch.cudnn", newer).status is Status.WARN
    assert failed(newer) == []


def test_another_cudnn_beside_wrong_results_or_of_another_major_fails():
    newer = with_distribution(HEALTHY, "nvidia-cudnn-cu12", version="9.13.0.50")
    assert judge("torch.cudnn", with_run(newer, ended="signal")).status is Status.FAIL
    older = with_distribution(HEALTHY, "nvidia-cudnn-cu12", version="8.9.2.26")
    assert judge("torch.cudnn", older).status is Status.FAIL


def test_another_patch_level_of_nccl_is_a_note_where_torch_works_and_else_a_warning():
    patched = with_file(
        with_distribution(HEALTHY, "nvidia-nccl-cu12", version="2.27.7"), "nccl", "2.27.7"
    )
    assert judge("torch.nccl", patched).status is Status.NOTE
    assert judge("torch.nccl", change(patched, torch_run=None)).status is Status.WARN
    other = with_distribution(HEALTHY, "nvidia-nccl-cu12", version="2.28.9")
    assert judge("torch.nccl", other).status is Status.FAIL


def test_a_whole_library_that_is_not_the_wheels_is_another_build():
    altered = with_distribution(
        with_file(QUICK, "cudnn", None),
        "nvidia-cudnn-cu12",
        damaged=("nvidia/cudnn/lib/libcudnn_ops.so.9 has 8 bytes, not 9",),
        damaged_count=1,
        record_read=True,
        overlaps=("nvidia-cudnn-cu13 9.13.0.50",),
    )
    outcome = judge("torch.cudnn", altered)
    assert outcome.status is Status.FAIL
    assert "nvidia-cudnn-cu13 9.13.0.50" in outcome.reason
    assert results(altered)["torch.record"].status is not Status.FAIL


def test_families_that_were_seen_to_compute_right_on_a_gpu_only_warn():
    mixed = with_distribution(HEALTHY, "nvidia-cudnn-cu13", version="9.13.0.50")
    mixed = with_distribution(mixed, "nvidia-nccl-cu13", version="2.28.9")
    assert judge("torch.cuda_mix", mixed).status is Status.WARN
    assert judge("torch.cuda_mix", with_run(mixed, ended="signal")).status is Status.FAIL


def test_libraries_of_cuda_13_without_a_suffix_are_known_by_their_version():
    names = ("nvidia-cublas", "nvidia-cuda-runtime", "nvidia-cuda-nvrtc")
    mixed = QUICK
    for name in names:
        mixed = with_distribution(mixed, name, version="13.0.1")
    assert judge("torch.cuda_mix", mixed).status is Status.WARN
