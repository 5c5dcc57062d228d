"""What torch.compile and extension builds call."""

import dataclasses

import pytest

from gpubench.checks.outcome import Status
from gpubench.env.snapshot import CudaInit, Toolchain, Toolkit
from tests.checks.healthy import HEALTHY, NO_GPU, QUICK, change, judge, with_gpus, with_torch


def tools(**fields):
    return change(QUICK, toolchain=dataclasses.replace(QUICK.toolchain, **fields))


def test_no_compiler_warns_and_names_the_package():
    outcome = judge("tc.cc", tools(cc=None, cxx=None))
    assert outcome.status is Status.WARN
    assert "build-essential" in outcome.remedy[0]


def test_a_cxx_compiler_is_missed_where_the_cpu_computes():
    assert judge("tc.cc", tools(cxx=None)).status is Status.NOTE
    on_cpu = change(NO_GPU, toolchain=Toolchain(cc="/usr/bin/gcc"))
    assert judge("tc.cc", on_cpu).status is Status.WARN


def test_no_header_warns_with_the_package_of_this_python():
    assert judge("tc.python_h", tools(python_h=None)).remedy == (
        "apt-get install -y python3.11-dev",
    )


def test_torch_before_2_compiles_nothing():
    old = with_torch(tools(cc=None, cxx=None), version="1.13.1")
    assert judge("tc.cc", old).status is Status.SKIP


def test_a_variable_that_names_no_compiler_is_named():
    outcome = judge("tc.cc", tools(cc=None, wanted_cc="/opt/gone/gcc"))
    assert outcome.status is Status.WARN
    assert "CC=/opt/gone/gcc names no program" in outcome.reason
    assert "CXX=g++-99" in judge("tc.cc", tools(cxx=None, wanted_cxx="g++-99")).reason


def test_a_compiler_that_builds_nothing_warns_with_its_own_words():
    said = "ended with exit status 1: fatal error: stdlib.h: No such file or directory"
    outcome = judge("tc.cc", tools(cc_compiles=False, cc_problem=said))
    assert outcome.status is Status.WARN
    assert "stdlib.h" in outcome.reason
    assert "build-essential" in outcome.remedy[0]
    named = tools(cc_compiles=False, cc_problem=said, wanted_cc="/opt/cc")
    assert judge("tc.cc", named).remedy == ("unset CC",)


def test_a_compiler_that_was_not_tried_is_believed():
    assert judge("tc.cc", tools(cc_compiles=None)).status is Status.PASS


def nowhere(snapshot, **fields):
    tools = dataclasses.replace(
        snapshot.toolchain, libcuda_in_cache=(), libcuda_on_path=(), **fields
    )
    return change(snapshot, toolchain=tools)


def test_triton_does_not_find_a_libcuda_that_the_linker_does_not_list():
    outcome = judge("tc.libcuda_link", nowhere(HEALTHY))
    assert outcome.status is Status.WARN
    assert outcome.remedy[0] == "sudo ldconfig"


@pytest.mark.parametrize(
    ("snapshot", "status"),
    [
        (nowhere(QUICK), Status.SKIP),
        (change(nowhere(HEALTHY), environment={"TRITON_LIBCUDA_PATH": "/x"}), Status.PASS),
        (change(nowhere(HEALTHY), cuda_init=CudaInit(code=100)), Status.SKIP),
        (tools(libcuda_in_cache=None), Status.SKIP),
        (tools(libcuda_in_cache=(), libcuda_on_path=("/x/libcuda.so.1",)), Status.PASS),
        (NO_GPU, Status.SKIP),
    ],
)
def test_where_libcuda_is_asked_for(snapshot, status):
    assert judge("tc.libcuda_link", snapshot).status is status


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({"ptxas_release": "12.8"}, Status.PASS),
        ({"ptxas_release": None}, Status.SKIP),
        ({"ptxas_release": "11.7"}, Status.WARN),
        ({"ptxas_problem": "ended with exit status 126"}, Status.WARN),
        ({"ptxas": None}, Status.SKIP),
    ],
)
def test_the_assembler_of_triton_knows_the_gpus(fields, status):
    assert judge("tc.ptxas", tools(**fields)).status is status


def test_an_assembler_older_than_the_gpu_says_which_release_knows_it():
    old = with_gpus(tools(ptxas_release="12.6"), compute_capability="12.0")
    assert "does not know sm_120, which came with CUDA 12.8" in judge("tc.ptxas", old).reason


def building(**fields):
    return change(tools(**fields), environment={"TORCH_CUDA_ARCH_LIST": "9.0"})


@pytest.mark.parametrize(
    ("fields", "status", "words"),
    [
        ({}, Status.PASS, "nvcc 12.8"),
        ({"cc_release": "15.1.0"}, Status.NOTE, "below 15"),
        ({"ninja": None}, Status.NOTE, "no ninja"),
        ({"toolkits": ()}, Status.NOTE, "cuda-nvcc-12-8"),
        ({"toolkits": (Toolkit(named_by="CUDA_HOME", path="/gone"),)}, Status.NOTE, "no nvcc"),
        ({"toolkits": None}, Status.SKIP, "not described"),
    ],
)
def test_what_extensions_are_built_with_is_a_note_at_most(fields, status, words):
    outcome = judge("tc.ext_build", building(**fields))
    assert outcome.status is status
    assert words in outcome.reason


@pytest.mark.parametrize("check", ["tc.cc", "tc.python_h", "tc.libcuda_link", "tc.ptxas"])
def test_a_tool_chain_that_could_not_be_read_is_unknown(check):
    unread = change(QUICK, toolchain=None, unread={"toolchain": "OSError"})
    assert judge(check, unread).status is Status.UNKNOWN
    assert judge(check, change(QUICK, toolchain=None)).status is Status.SKIP
