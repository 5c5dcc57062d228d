"""The libcuda that programs load."""

import dataclasses

import pytest

from gpubench.checks.outcome import Status
from gpubench.env.snapshot import CudaInit
from tests.checks.healthy import (
    HEALTHY,
    NO_GPU,
    QUICK,
    change,
    judge,
    results,
    with_gpus,
)

COMPAT = "/usr/local/cuda-13.0/compat/libcuda.so.580.82.07"
STUB = "/usr/local/cuda/lib64/stubs/libcuda.so.1"


def tools(snapshot=QUICK, **fields):
    return change(snapshot, toolchain=dataclasses.replace(snapshot.toolchain, **fields))


def test_a_stub_before_the_drivers_library_fails_unless_cuda_starts():
    outcome = judge("cuda.stub", tools(libcuda_on_path=(STUB,)))
    assert outcome.status is Status.FAIL
    assert STUB in outcome.reason
    loaded = change(HEALTHY, cuda_init=CudaInit(code=34, library=STUB), torch_run=None)
    assert judge("cuda.stub", loaded).status is Status.FAIL
    assert judge("cuda.stub", tools(HEALTHY, libcuda_on_path=(STUB,))).status is Status.NOTE
    assert judge("cuda.stub", tools(libcuda_in_cache=(), libcuda_on_path=())).status is Status.SKIP
    assert judge("cuda.stub", NO_GPU).status is Status.SKIP


def test_a_loaded_stub_explains_what_cuda_answers():
    loaded = change(HEALTHY, cuda_init=CudaInit(code=34, library=STUB), torch_run=None)
    found = results(loaded)
    assert found["cuda.stub"].status is Status.FAIL
    assert found["cuda.init"].blocked_by == "cuda.stub"


def test_a_library_that_the_path_alone_leads_to_is_a_note():
    alone = tools(libcuda_in_cache=(), libcuda_on_path=("/opt/driver/libcuda.so.1",))
    assert judge("cuda.ldconfig", alone).status is Status.NOTE
    assert judge("cuda.ldconfig", QUICK).status is Status.PASS
    assert judge("cuda.ldconfig", tools(libcuda_in_cache=None)).status is Status.SKIP
    neither = tools(libcuda_in_cache=(), libcuda_on_path=())
    assert judge("cuda.ldconfig", neither).status is Status.SKIP


@pytest.mark.parametrize(
    ("code", "cause"), [(803, "driver-library-mismatch"), (804, "driver-too-old")]
)
def test_a_compatibility_library_that_cuda_refuses_fails_with_both_ways_out(code, cause):
    refused = change(HEALTHY, cuda_init=CudaInit(code=code, library=COMPAT), torch_run=None)
    found = results(refused)
    outcome = found["cuda.forward_compat"].outcome
    assert (outcome.status, outcome.cause) == (Status.FAIL, cause)
    assert "take the cuda-compat folder out of" in outcome.remedy[0]
    assert "update the driver" in outcome.remedy[1]
    assert found["cuda.init"].blocked_by == "cuda.forward_compat"


def test_a_compatibility_library_that_works_is_a_note():
    works = dataclasses.replace(HEALTHY.cuda_init, library=COMPAT)
    assert judge("cuda.forward_compat", change(HEALTHY, cuda_init=works)).status is Status.NOTE


def test_before_cuda_was_started_a_compatibility_library_warns_on_geforce_alone():
    first = tools(libcuda_on_path=(COMPAT,))
    assert judge("cuda.forward_compat", first).status is Status.NOTE
    gaming = with_gpus(first, name="NVIDIA GeForce RTX 4090")
    assert judge("cuda.forward_compat", gaming).status is Status.WARN
