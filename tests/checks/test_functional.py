"""What was seen to run."""

import dataclasses

import pytest

from gpubench.checks.outcome import Confidence, Status
from gpubench.env.snapshot import Proof, TorchRun
from tests.checks.healthy import (
    HEALTHY,
    NO_GPU,
    QUICK,
    change,
    judge,
    results,
    with_distribution,
    with_run,
    with_torch,
    without_distribution,
)


def died(ended, problem, *last_words, **fields):
    run = TorchRun(ended=ended, problem=problem, last_words=last_words, **fields)
    return change(NO_GPU, torch_run=run)


@pytest.mark.parametrize(
    ("said", "cause"),
    [
        ("undefined symbol: ncclCommWindowRegister", "nccl-mismatch"),
        ("libcudnn.so.9: cannot open shared object file: No such file", "cudnn-mismatch"),
        ("libnvJitLink.so.12: undefined symbol: __nvJitLinkAddData_12_1", "library-path-shadowing"),
        ("libcublas.so.12: cannot open shared object file", "torch-install-damaged"),
        ("something nobody has seen", "torch-install-damaged"),
    ],
)
def test_a_failed_import_points_to_what_it_said(said, cause):
    snapshot = died("exception", f"ImportError: {said}", phase="import")
    result = results(snapshot)["torch.import"]
    assert result.status is Status.FAIL
    assert result.cause == cause
    assert result.outcome.remedy


@pytest.mark.parametrize(
    ("ended", "problem"),
    [("signal", "was ended by SIGABRT"), ("timeout", "did not come back within 60 s")],
)
def test_an_import_that_ends_the_process_fails_with_its_last_words(ended, problem):
    snapshot = died(ended, problem, "terminate called", phase="import", seconds=60.1)
    outcome = judge("torch.import", snapshot)
    assert outcome.status is Status.FAIL
    assert problem in outcome.reason
    assert outcome.evidence["said"] == ["terminate called"]


def test_too_little_time_for_an_import_says_nothing():
    hurried = died("timeout", "did not come back within 1 s", phase="import", seconds=1.0)
    outcome = judge("torch.import", hurried)
    assert outcome.status is Status.UNKNOWN
    assert "within 1 s" in outcome.reason
    assert "--timeout" in outcome.reason


def test_an_import_that_hangs_is_not_called_damaged_files():
    hung = died("timeout", "did not come back within 75 s", phase="import", seconds=75.0)
    outcome = judge("torch.import", hung)
    assert outcome.status is Status.FAIL
    assert outcome.confidence is Confidence.POSSIBLE
    assert not any("pip" in line for line in outcome.remedy)


def test_proofs_that_did_not_finish_say_nothing():
    cut = with_run(
        HEALTHY, ended="timeout", phase="conv bf16 cuda:7", problem="did not ...", seconds=61.0
    )
    outcome = judge("fn.gemm", cut)
    assert outcome.status is Status.UNKNOWN
    assert "conv bf16 cuda:7" in outcome.reason


def test_a_cuda_that_hangs_while_it_starts_is_no_pass():
    hung = with_run(HEALTHY, ended="timeout", phase="cuda", problem="did not ...", proofs=())
    assert judge("fn.gemm", hung_for(hung, 90.0)).status is Status.FAIL
    assert judge("fn.gemm", hung_for(hung, 5.0)).status is Status.UNKNOWN


def hung_for(snapshot, seconds):
    return with_run(snapshot, seconds=seconds)


def test_a_wrong_result_before_the_time_ran_out_still_counts():
    wrong = Proof(what="gemm", device="cuda:5", dtype="fp16", error=0.7, limit=0.01)
    assert judge("fn.gemm", with_run(HEALTHY, ended="timeout", proofs=(wrong,))).status is (
        Status.FAIL
    )


def failing(said):
    proofs = [
        dataclasses.replace(proof, error=None, problem=said) if proof.device == "cuda:3" else proof
        for proof in HEALTHY.torch_run.proofs
    ]
    return with_run(HEALTHY, proofs=tuple(proofs))


@pytest.mark.parametrize(
    "said",
    [
        "OutOfMemoryError: CUDA out of memory. Tried to allocate 20.00 MiB. GPU 3 has ...",
        "RuntimeError: CUDA error: out of memory",
        "RuntimeError: CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`",
    ],
)
def test_memory_in_use_by_others_is_no_fault(said):
    outcome = judge("fn.gemm", failing(said))
    assert outcome.status is Status.UNKNOWN
    assert "in use by others" in outcome.reason


def test_a_wrong_result_beside_full_memory_is_still_a_fault():
    full = failing("CUDA out of memory").torch_run.proofs
    wrong = Proof(what="gemm", device="cuda:5", dtype="fp16", error=0.7, limit=0.01)
    outcome = judge("fn.gemm", with_run(HEALTHY, proofs=(*full, wrong)))
    assert outcome.evidence["failed"] == ["gemm fp16 on cuda:5"]


@pytest.mark.parametrize(
    ("said", "cause"),
    [
        ("CUDA error: CUDA-capable device(s) is/are busy or unavailable", "device-access"),
        ("CUDA error: uncorrectable ECC error encountered", "gpu-hardware-fault"),
        (
            "CUDA error: the provided PTX was compiled with an unsupported toolchain.",
            "driver-too-old",
        ),
        ("CUDA error: an illegal memory access was encountered", "gpu-hardware-fault"),
        ("CUDA error: unspecified launch failure", "gpu-hardware-fault"),
    ],
)
def test_a_computation_that_fails_points_to_what_cuda_said(said, cause):
    outcome = judge("fn.gemm", failing(f"RuntimeError: {said}"))
    assert outcome.status is Status.FAIL
    assert outcome.cause == cause
    assert ("dcgmi" in outcome.remedy[0]) == (cause == "gpu-hardware-fault" and "ECC" not in said)


def test_an_infinite_error_that_was_stored_as_null_is_a_wrong_result():
    wrong = Proof(what="gemm", device="cuda:0", dtype="fp32", error=None, limit=1e-4)
    outcome = judge("fn.gemm", with_run(HEALTHY, proofs=(wrong,)))
    assert outcome.status is Status.FAIL
    assert "no number" in outcome.reason


def test_nothing_but_unsupported_dtypes_is_no_pass():
    proofs = tuple(
        dataclasses.replace(proof, error=None, problem="no", is_supported=False)
        for proof in HEALTHY.torch_run.proofs
    )
    assert judge("fn.gemm", with_run(HEALTHY, proofs=proofs)).status is Status.UNKNOWN


def test_a_failed_import_explains_the_rest():
    found = results(died("signal", "was ended by SIGSEGV", phase="import"))
    assert [k for k, r in found.items() if r.status is Status.FAIL] == ["torch.import"]


def test_a_wrong_pin_explains_a_failed_import():
    broken = with_distribution(
        died("exception", "ImportError: undefined symbol: cudnnGetVersion", phase="import"),
        "nvidia-cudnn-cu12",
        version="8.9.2.26",
    )
    assert results(broken)["torch.import"].blocked_by == "torch.cudnn"


def test_an_unset_library_path_is_the_first_thing_to_try():
    broken = change(
        died("exception", "ImportError: libfoo", phase="import"),
        environment={"LD_LIBRARY_PATH": "/opt/cuda/lib64"},
    )
    assert judge("torch.import", broken).remedy[0].startswith("unset LD_LIBRARY_PATH")


def test_a_wrong_result_on_one_gpu_fails_and_names_it():
    wrong = Proof(what="gemm", device="cuda:5", dtype="fp16", error=0.7, limit=0.01)
    outcome = judge("fn.gemm", with_run(HEALTHY, proofs=(*HEALTHY.torch_run.proofs, wrong)))
    assert outcome.status is Status.FAIL
    assert outcome.evidence["failed"] == ["gemm fp16 on cuda:5"]
    assert outcome.cause == "gpu-hardware-fault"


def test_a_nan_is_a_wrong_result():
    wrong = Proof(what="gemm", device="cuda:0", dtype="fp32", error=1e30, limit=1e-4)
    assert judge("fn.gemm", with_run(HEALTHY, proofs=(wrong,))).status is Status.FAIL


def test_a_kernel_that_is_not_there_points_to_the_build():
    said = "RuntimeError: CUDA error: no kernel image is available for execution on the device"
    wrong = Proof(what="gemm", device="cuda:0", dtype="fp32", problem=said)
    assert judge("fn.gemm", with_run(HEALTHY, proofs=(wrong,))).cause == "gpu-arch-unsupported"


def test_a_dtype_the_device_cannot_do_is_no_fault():
    unsupported = Proof(
        what="gemm", device="cuda:0", dtype="bf16", problem="not supported", is_supported=False
    )
    proofs = (*HEALTHY.torch_run.proofs, unsupported)
    assert judge("fn.gemm", with_run(HEALTHY, proofs=proofs)).status is Status.PASS


def test_nothing_computed_is_no_pass():
    assert judge("fn.gemm", with_run(HEALTHY, proofs=())).status is Status.UNKNOWN


def test_a_process_that_dies_while_computing_fails_with_what_it_did():
    dead = with_run(
        HEALTHY, ended="signal", phase="gemm fp16 cuda:3", problem="was ended by SIGSEGV"
    )
    outcome = judge("fn.gemm", dead)
    assert outcome.status is Status.FAIL
    assert "gemm fp16 cuda:3" in outcome.reason


@pytest.mark.parametrize(
    ("said", "cause"),
    [
        (
            "Unexpected error from cudaGetDeviceCount(). Error 802: system not yet initialized",
            "fabric-manager",
        ),
        ("The NVIDIA driver on your system is too old (found version 11040)", "driver-too-old"),
        ("No CUDA GPUs are available", "device-access"),
    ],
)
def test_computing_on_the_cpu_beside_a_gpu_fails_with_what_torch_said(said, cause):
    proofs = (Proof(what="gemm", device="cpu", dtype="fp32", error=1e-7, limit=1e-4),)
    blind = with_run(HEALTHY, proofs=proofs, devices=(), cuda_available=False, cuda_problem=said)
    outcome = judge("fn.gemm", blind)
    assert outcome.status is Status.FAIL
    assert outcome.cause == cause
    assert outcome.remedy


def test_computing_on_the_cpu_without_a_gpu_passes():
    proofs = (Proof(what="gemm", device="cpu", dtype="fp32", error=1e-7, limit=1e-4),)
    run = dataclasses.replace(HEALTHY.torch_run, proofs=proofs, devices=())
    assert judge("fn.gemm", change(NO_GPU, torch_run=run)).status is Status.PASS


def test_a_torchvision_that_does_not_work_fails():
    broken = with_run(
        HEALTHY,
        torchvision_ops=False,
        torchvision_problem="RuntimeError: operator torchvision::nms does not exist",
    )
    outcome = judge("comp.ops", broken)
    assert outcome.status is Status.FAIL
    assert "nms does not exist" in outcome.reason


def test_no_torchvision_is_no_question():
    assert judge("comp.ops", with_run(HEALTHY, torchvision_ops=None)).status is Status.SKIP


def test_a_numpy_bridge_that_was_seen_broken_fails():
    broken = with_run(
        HEALTHY, numpy_bridge=False, numpy_problem="RuntimeError: Numpy is not available"
    )
    outcome = judge("comp.numpy", broken)
    assert outcome.status is Status.FAIL
    assert outcome.remedy == ('pip install "numpy<2"',)


def test_an_old_torch_beside_numpy_2_warns_by_its_release():
    old = with_torch(QUICK, version="2.2.2+cu121", cuda="12.1")
    assert judge("comp.numpy", old).status is Status.WARN
    assert judge("comp.numpy", without_distribution(QUICK, "numpy")).status is Status.SKIP


@pytest.mark.parametrize("check", ["torch.import", "fn.gemm", "comp.ops"])
def test_quick_runs_nothing_and_says_so(check):
    outcome = judge(check, QUICK)
    assert outcome.status is Status.SKIP
    assert "--level standard" in outcome.reason
