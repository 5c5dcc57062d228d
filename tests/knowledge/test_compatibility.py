"""The rules between driver, CUDA, code and GPU."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gpubench.knowledge.compatibility import (
    Code,
    best_build,
    code_for,
    driver_compiles_ptx,
    driver_starts,
    install_line,
    runs_here,
)
from gpubench.knowledge.tables import torch_builds
from gpubench.versions import Version

V = Version.parse


def test_words_that_are_no_architecture_are_passed_over():
    assert code_for(["sm_", "banana", "compute_x"], V("9.0")) is Code.NONE


@settings(deadline=None)
@given(st.sampled_from(["7.5", "8.0", "8.6", "8.9", "9.0", "12.0"]), st.sampled_from("afx"))
def test_a_build_for_the_very_gpu_always_runs(gpu, letter):
    text = f"sm_{gpu.replace('.', '')}{letter if letter != 'x' else ''}"
    assert code_for([text], V(gpu)) is Code.NATIVE


def test_more_architectures_never_run_on_less():
    for build in torch_builds():
        for gpu in ("7.0", "8.6", "9.0", "12.0"):
            fewer = code_for(build.architectures[:-1], V(gpu))
            assert fewer is not Code.NATIVE or code_for(build.architectures, V(gpu)) is Code.NATIVE


@pytest.mark.parametrize(
    ("driver", "cuda", "starts", "ptx"),
    [
        ("535.54.03", "12.8", True, False),
        ("580.65.06", "13.0", True, True),
        ("470.57", "12.0", False, False),
        ("600.1", "14.0", None, None),
    ],
)
def test_starting_and_compiling_are_two_questions(driver, cuda, starts, ptx):
    assert driver_starts(V(driver), V(cuda)) is starts
    assert driver_compiles_ptx(V(driver), V(cuda)) is ptx


@pytest.mark.parametrize(
    ("driver", "gpu", "line"),
    [
        ("470.57.02", "8.0", "pip install torch==2.7.1 --index-url"),
        ("580.82.07", "7.0", "/cu126"),  # CUDA 13 has no code for Volta
        ("595.58.03", "9.0", "pip install torch==2.15.0"),
        ("570.26", "12.0", "/cu128"),  # cu126 has no Blackwell code
    ],
)
def test_the_newest_build_that_runs_is_offered(driver, gpu, line):
    build = best_build(driver=V(driver), capabilities=[V(gpu)], python=V("3.11"))
    assert line in install_line(build)


@pytest.mark.parametrize(
    ("driver", "gpu", "python", "line"),
    [
        ("440.33.01", "7.0", "3.9", "pip install torch==1.12.1 'torchvision==0.13.*'"),
        ("470.57.02", "8.6", "3.7", "pip install torch==1.13.1 'torchvision==0.14.*'"),
        (
            "418.87",
            "7.5",
            "3.8",
            "pip install torch==1.8.1+cu101 torchvision==0.9.1+cu101 -f https",
        ),
        ("390.87", "6.1", "3.7", "pip install torch==1.1.0 'torchvision==0.3.*'"),
        ("450.80.02", "3.7", "3.10", "pip install torch==2.7.1 "),  # cu118 still has Kepler
    ],
)
def test_a_torch_before_2_is_offered_where_nothing_newer_runs(driver, gpu, python, line):
    build = best_build(driver=V(driver), capabilities=[V(gpu)], python=V(python))
    assert install_line(build, ["torchvision"]).startswith(line)


@settings(deadline=None)
@given(
    st.sampled_from(["384.81", "410.48", "440.33", "450.80.02", "535.54.03", "580.65.06"]),
    st.sampled_from(["3.5", "6.1", "7.0", "8.6", "9.0", "12.0"]),
    st.sampled_from(["3.6", "3.8", "3.10", "3.12", "3.14"]),
)
def test_an_old_torch_is_never_offered_where_a_newer_one_runs(driver, gpu, python):
    facts = {"driver": V(driver), "capabilities": [V(gpu)], "python": V(python)}
    build = best_build(**facts)
    newer = [b for b in torch_builds() if build is None or b.torch > build.torch]
    assert not any(runs_here(b, **facts) for b in newer if b.is_default)


def test_torchaudio_is_named_without_a_cuda_release_before_0_10():
    build = best_build(driver=V("418.87"), capabilities=[V("7.5")], python=V("3.8"))
    assert " torchaudio==0.8.1 -f" in install_line(build, ["torchaudio"])


def test_an_arm_machine_is_offered_its_own_builds():
    facts = {"capabilities": [V("9.0")], "python": V("3.12"), "machine": "aarch64"}
    assert best_build(driver=V("570.26"), **facts) is None  # only CUDA 13 is on record there
    assert install_line(best_build(driver=V("580.65.06"), **facts)) == "pip install torch==2.15.0"


def test_no_build_is_offered_where_none_runs():
    assert best_build(driver=V("375.26"), capabilities=[], python=None) is None
    assert best_build(driver=V("450.80.02"), capabilities=[V("12.0")], python=None) is None


def test_what_is_offered_runs():
    for driver in ("450.80.02", "525.60.13", "580.65.06"):
        for gpu in ("6.0", "8.9", "10.0", "12.1"):
            facts = {"driver": V(driver), "capabilities": [V(gpu)], "python": V("3.11")}
            build = best_build(**facts)
            assert build is None or runs_here(build, **facts)


def test_companions_come_with_the_line():
    build = next(b for b in torch_builds() if str(b.torch) == "2.8.0" and b.is_default)
    line = install_line(build, ["torchvision", "torchaudio"])
    assert line == "pip install torch==2.8.0 torchvision==0.23.0 torchaudio==2.8.0"


def test_a_companion_that_is_not_on_record_is_left_to_pip():
    newest = torch_builds()[0]
    assert install_line(newest, ["torchvision"]).split()[3] == "torchvision"


def test_an_experimental_build_is_not_offered():
    facts = {"driver": V("595.45.04"), "capabilities": [V("9.0")], "python": V("3.11")}
    assert str(best_build(**facts, torch=V("2.13")).cuda) == "13.0"
