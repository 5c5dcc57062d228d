"""Memory, cuDNN, attention, compiling, workers: what was proved, judged."""

import dataclasses

import pytest

from gpubench.checks.outcome import Confidence, Status
from gpubench.env.snapshot import Proof
from tests.checks.healthy import HEALTHY, NO_GPU, QUICK, change, judge, results, with_gpu, with_run
from tests.checks.proved import GIB, PROOFS, but

PROVED = (
    "fn.alloc",
    "fn.conv",
    "fn.sdpa",
    "fn.linalg_fft",
    "fn.train_step",
    "fn.graph",
    "fn.compile",
    "fn.dataloader",
    "fn.repeat",
    "fn.copy",
    "fn.p2p",
    "fn.nccl",
)


def what(check_id):
    return check_id.partition(".")[2]


def proved(*arguments, **fields):
    """Eight healthy H100 with one kind of proof changed."""
    return with_run(HEALTHY, proofs=but(PROOFS, *arguments, **fields))


@pytest.mark.parametrize("check_id", PROVED)
def test_what_was_not_tried_is_no_pass(check_id):
    assert judge(check_id, QUICK).status is Status.SKIP
    kept = tuple(proof for proof in PROOFS if proof.what != what(check_id))
    assert judge(check_id, with_run(HEALTHY, proofs=kept)).status is Status.SKIP


def test_what_a_gpu_alone_can_do_is_no_question_without_one():
    run = dataclasses.replace(HEALTHY.torch_run, proofs=(), devices=())
    assert "no GPU" in judge("fn.graph", change(NO_GPU, torch_run=run)).reason


@pytest.mark.parametrize("check_id", PROVED)
def test_what_this_torch_cannot_do_is_no_fault_and_no_pass(check_id):
    said = "this torch has no such thing"
    snapshot = proved(what(check_id), problem=said, error=None, is_supported=False)
    outcome = judge(check_id, snapshot)
    assert outcome.status is Status.SKIP
    assert said in outcome.reason


@pytest.mark.parametrize("check_id", PROVED)
def test_a_wrong_value_is_a_failure(check_id):
    outcome = judge(check_id, proved(what(check_id), error=3.0))
    assert outcome.status is Status.FAIL
    assert outcome.remedy
    assert outcome.evidence["failed"]


GPU_ALONE = [name for name in PROVED if name not in ("fn.compile", "fn.dataloader", "fn.nccl")]


@pytest.mark.parametrize("check_id", GPU_ALONE)
def test_a_gpu_that_does_not_come_back_never_passes(check_id):
    hung = {"error": None, "problem": "did not come back within 75 s", "ended": "timeout"}
    device = "cuda:3->cuda:5" if check_id == "fn.p2p" else "cuda:3"
    outcome = judge(check_id, proved(what(check_id), device, seconds=60.0, **hung))
    assert outcome.cause in ("p2p-broken", "gpu-hardware-fault")
    assert outcome.confidence is Confidence.POSSIBLE
    assert device in outcome.reason
    assert outcome.status is (Status.WARN if check_id == "fn.graph" else Status.FAIL)
    hurried = judge(check_id, proved(what(check_id), device, seconds=5.0, **hung))
    assert hurried.status is Status.UNKNOWN
    assert "--timeout" in hurried.reason


@pytest.mark.parametrize("check_id", ["fn.gemm", "fn.conv", "fn.train_step"])
def test_a_slow_cpu_is_no_fault(check_id):
    proofs = tuple(
        Proof(what=name, device="cpu", error=0.0, limit=1.0) for name in ("gemm", "train_step")
    )
    slow = Proof(what=what(check_id), device="cpu", ended="timeout", problem="...", seconds=60.0)
    run = dataclasses.replace(HEALTHY.torch_run, proofs=(slow, *proofs), devices=())
    assert judge(check_id, change(NO_GPU, torch_run=run)).status is Status.UNKNOWN


@pytest.mark.parametrize("check_id", GPU_ALONE)
def test_memory_that_others_hold_says_nothing(check_id):
    said = "OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB."
    outcome = judge(check_id, proved(what(check_id), error=None, problem=said))
    assert outcome.status is Status.UNKNOWN


def test_a_crash_is_a_finding_with_its_last_words():
    crash = {"error": None, "problem": "was ended by SIGSEGV", "ended": "signal"}
    outcome = judge("fn.conv", proved("conv", "cuda:3", last_words=("Fatal: x",), **crash))
    assert outcome.status is Status.FAIL
    assert "conv fp32 on cuda:3" in outcome.reason
    assert "SIGSEGV" in outcome.reason
    assert outcome.evidence["said"] == ["Fatal: x"]


def test_a_process_that_the_kernel_ended_points_to_the_hosts_memory():
    killed = {"error": None, "problem": "was ended by SIGKILL", "ended": "signal"}
    assert judge("fn.conv", proved("conv", "cuda:0", **killed)).cause == "host-resources"


def test_one_gpu_that_is_wrong_is_sick_and_all_that_are_wrong_alike_are_not():
    assert judge("fn.conv", proved("conv", "cuda:6", error=0.9)).cause == "gpu-hardware-fault"
    assert judge("fn.conv", proved("conv", error=0.9)).cause == "cudnn-mismatch"
    assert judge("fn.gemm", proved("gemm", error=0.9)).cause == "torch-install-damaged"


def test_a_part_of_cudnn_of_another_release_is_named():
    said = "RuntimeError: CUDNN_STATUS_SUBLIBRARY_VERSION_MISMATCH"
    assert judge("fn.conv", proved("conv", error=None, problem=said)).cause == "cudnn-mismatch"


def test_a_wrong_product_explains_the_rest():
    sick = with_run(HEALTHY, proofs=but(but(PROOFS, "gemm", error=0.9), "conv", error=0.9))
    found = results(sick)
    assert found["fn.gemm"].status is Status.FAIL
    assert found["fn.conv"].blocked_by == "fn.gemm"


# -- memory ---------------------------------------------------------------------------------------


SHORT = {
    "free_bytes": 78.0 * GIB,
    "held_bytes": 40.0 * GIB,
    "wanted_bytes": 70.2 * GIB,
    "total_bytes": 80.0 * GIB,
}


def test_less_memory_than_was_free_is_a_fault_of_a_gpu_that_nobody_uses():
    outcome = judge("fn.alloc", proved("alloc", "cuda:2", figures=SHORT))
    assert outcome.status is Status.FAIL
    assert outcome.confidence is Confidence.POSSIBLE
    assert "cuda:2" in outcome.reason


def test_less_memory_than_was_free_says_nothing_where_others_use_the_gpu():
    busy = with_gpu(proved("alloc", "cuda:2", figures=SHORT), 2, process_count=1)
    assert judge("fn.alloc", busy).status is Status.UNKNOWN


def test_values_that_changed_in_memory_are_counted():
    outcome = judge("fn.alloc", proved("alloc", "cuda:1", error=12.0))
    assert outcome.cause == "gpu-hardware-fault"
    assert "12 values came out wrong" in outcome.reason


# -- attention -------------------------------------------------------------------------------------


def test_an_attention_kernel_that_is_not_to_be_had_is_a_note_with_the_reason():
    gone = {"error": None, "problem": "Flash needs sm80", "is_supported": False}
    outcome = judge("fn.sdpa", proved("sdpa", variant="flash", **gone))
    assert outcome.status is Status.NOTE
    assert "flash: Flash needs sm80" in outcome.reason


# -- torch.compile ---------------------------------------------------------------------------------


def compiled(problem, **fields):
    return proved("compile", error=None, problem=problem, **fields)


@pytest.mark.parametrize(
    ("said", "cause"),
    [
        ("InvalidCxxCompiler: No working C++ compiler found in ...", "compiler-missing"),
        ("RuntimeError: Failed to find C compiler. Please specify via CC", "compiler-missing"),
        ("CalledProcessError: fatal error: Python.h: No such file", "compiler-missing"),
        ("TritonMissing: Cannot find a working triton installation", "torch-companion-mismatch"),
        ("ImportError: cannot import name 'x' from 'triton.compiler'", "torch-companion-mismatch"),
        ("BackendCompilerFailed: something else", "torch-install-damaged"),
    ],
)
def test_a_compilation_that_fails_warns_and_points_to_what_it_lacks(said, cause):
    outcome = judge("fn.compile", compiled(said))
    assert outcome.status is Status.WARN
    assert outcome.cause == cause


def test_a_compilation_that_takes_too_long_says_nothing():
    late = compiled("did not come back within 75 s", ended="timeout", seconds=70.0)
    assert judge("fn.compile", late).status is Status.UNKNOWN


def test_no_compiler_is_no_second_finding():
    missing = compiled("there is no C++ compiler", is_supported=False)
    assert judge("fn.compile", missing).status is Status.SKIP


# -- workers ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "said",
    [
        "RuntimeError: DataLoader worker (pid 12) is killed by signal: Bus error. It is possible",
        "RuntimeError: unable to write to file </torch_12_34_0>: No space left on device (28)",
    ],
)
def test_a_bus_error_of_a_worker_is_too_little_shared_memory(said):
    outcome = judge("fn.dataloader", proved("dataloader", error=None, problem=said))
    assert outcome.status is Status.FAIL
    assert outcome.cause == "shm-too-small"
    assert "--shm-size" in outcome.remedy[0]


def test_workers_that_are_slow_say_nothing():
    said = "RuntimeError: DataLoader timed out after 30 seconds"
    assert judge("fn.dataloader", proved("dataloader", error=None, problem=said)).status is (
        Status.UNKNOWN
    )


# -- repetition ------------------------------------------------------------------------------------


def test_a_product_that_is_not_the_same_again_is_a_fault_of_the_gpu():
    outcome = judge("fn.repeat", proved("repeat", "cuda:4", error=1.0))
    assert outcome.cause == "gpu-hardware-fault"
    assert "dcgmi diag -r 4" in outcome.remedy


def test_a_cpu_may_add_in_another_order():
    other = Proof(what="repeat", device="cpu", error=2.0, limit=0.0)
    run = dataclasses.replace(HEALTHY.torch_run, proofs=(other,), devices=())
    assert judge("fn.repeat", change(NO_GPU, torch_run=run)).status is Status.NOTE
