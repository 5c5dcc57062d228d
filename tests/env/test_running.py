"""cuInit and torch in children, with a fake driver and a fake torch."""

import os
import sys

import pytest

from gpubench.env.python_env import script
from gpubench.env.running import run_torch, start_cuda, torch_budget
from gpubench.env.sources import Sources
from tests.env.sitepackages import Site
from tests.env.test_python_env import bare_python
from tests.fakedriver import build
from tests.fakedriver.build import but, healthy

FAKE_TORCH = """
import types
__version__ = "2.8.0+cu128"
class version: cuda = "12.8"; hip = None
class backends:
    class cudnn: version = staticmethod(lambda: 91002)
class _C: _cuda_getArchFlags = staticmethod(lambda: "sm_80 sm_90")
class cuda:
    @staticmethod
    def init(): raise RuntimeError("Found no NVIDIA driver on your system")
"""


@build.needs_cc
@pytest.mark.parametrize(("code", "count"), [(0, 8), (100, None), (999, None)])
def test_what_cuinit_answers_is_kept(tmp_path, code, count):
    scenario = but(healthy(), f"cuda.init error {code}") if code else healthy()
    sources = Sources(variables=build.variables(tmp_path, scenario))
    answer = start_cuda(sys.executable, sources, timeout=20)
    assert (answer.code, answer.device_count, answer.driver_cuda) == (code, count, "13.0")
    assert answer.library.endswith("libcuda.so.1")
    assert answer.problem is None


@build.needs_cc
def test_a_cuinit_that_hangs_ends_at_the_time_limit(tmp_path):
    sources = Sources(variables=build.variables(tmp_path, but(healthy(), "cuda.init hang")))
    answer = start_cuda(sys.executable, sources, timeout=1.5)
    assert answer.code is None
    assert answer.problem == "cuInit did not come back within 2 s"


def test_a_missing_libcuda_is_an_answer(tmp_path):
    broken = tmp_path / "libcuda.so.1"
    broken.write_text("no library")
    sources = Sources(variables={**os.environ, "LD_LIBRARY_PATH": str(tmp_path)})
    answer = start_cuda(sys.executable, sources, timeout=20)
    assert "libcuda.so.1" in answer.problem


def torch_run(tmp_path, init, timeout=20.0):
    site = Site(tmp_path / "site")
    site.torch("2.8.0", init=init)
    variables = {**os.environ, "PYTHONPATH": str(site.folder)}
    sources = Sources(root=tmp_path, variables=variables)
    return run_torch(bare_python(), sources, timeout=timeout)


@pytest.mark.parametrize(
    ("init", "ended", "problem"),
    [
        ("import os; os.abort()", "signal", "was ended by SIGABRT"),
        ("import os; os.kill(os.getpid(), 11)", "signal", "was ended by SIGSEGV"),
        ("import time; time.sleep(600)", "timeout", "did not come back within 2 s"),
        ("import os; os._exit(3)", "exit", "ended with exit status 3"),
        (
            "raise ImportError('libcudnn.so.9: cannot open')",
            "exception",
            "ImportError: libcudnn.so.9: cannot open",
        ),
        ("raise SystemExit(5)", "exit", "ended with exit status 5"),
        ("while True: pass", "timeout", "did not come back within 2 s"),
    ],
)
def test_an_import_that_goes_wrong_is_told_by_how_it_ended(tmp_path, init, ended, problem):
    run = torch_run(tmp_path, init, timeout=2.0)
    assert (run.ended, run.problem, run.phase) == (ended, problem, "import")
    assert not run.imported


def test_what_torch_prints_while_it_is_imported_does_not_disturb_the_answer(tmp_path):
    run = torch_run(tmp_path, 'print(\'{"version": "forged"}\')\nimport os; os.abort()')
    assert run.version is None
    assert any("forged" in words for words in run.last_words)


def test_facts_told_before_the_end_are_kept(tmp_path):
    run = torch_run(tmp_path, FAKE_TORCH)
    assert run.imported
    assert (run.version, run.cudnn, run.architectures) == (
        "2.8.0+cu128",
        "9.10.2",
        ("sm_80", "sm_90"),
    )
    assert run.cuda_available is False
    assert "no NVIDIA driver" in run.cuda_problem
    assert all(proof.problem for proof in run.proofs)  # this torch cannot compute


def test_last_words_are_kept_without_secrets(tmp_path):
    init = "import os, sys; print('HF_TOKEN=hf_0123456789abcdefghij', file=sys.stderr); os.abort()"
    assert "HF_TOKEN=<removed>" in torch_run(tmp_path, init).last_words


def test_every_gpu_adds_to_the_time_torch_gets(tmp_path):
    assert torch_budget(60.0, Sources(root=tmp_path)) == 60.0
    (tmp_path / "dev").mkdir()
    for name in ("nvidia0", "nvidia1", "nvidiactl", "nvidia-uvm"):
        (tmp_path / "dev" / name).touch()
    assert torch_budget(60.0, Sources(root=tmp_path)) == 90.0


def test_a_cudnn_that_does_not_tell_its_version_leaves_the_other_facts(tmp_path):
    refusing = 'def version(): raise RuntimeError("cuDNN version incompatibility")'
    init = FAKE_TORCH.replace("class cudnn: version = staticmethod(lambda: 91002)", "cudnn = Cudnn")
    init = f"class Cudnn:\n    @staticmethod\n    {refusing}\n{init}"
    run = torch_run(tmp_path, init)
    assert (run.version, run.cudnn, run.architectures) == (
        "2.8.0+cu128",
        None,
        ("sm_80", "sm_90"),
    )
    assert run.proofs


def proving():
    """The functions of the script, without running it."""
    text = script("prove_torch.py").replace("os.dup2(2, 1)", "")
    text = text.replace('answers = os.fdopen(os.dup(1), "w")', "")
    text = text.replace('answers = os.fdopen(os.dup(1), "w")', "")
    names = {}
    exec(text[: text.index("\n\ntry:\n    main()")], names)
    return names


@pytest.mark.parametrize(
    ("said", "dtype", "capability", "supported"),
    [
        ("GET was unable to find an engine to execute this computation", "bf16", (8, 0), False),
        ("FIND was unable to find an engine to execute this computation", "bf16", None, False),
        ("No valid engine configs for Matmul", "fp16", (9, 0), False),
        ("GET was unable to find an engine to execute this computation", "fp32", (7, 0), True),
        ("CUDNN_STATUS_EXECUTION_FAILED", "bf16", (7, 5), False),
        ("CUDNN_STATUS_EXECUTION_FAILED", "tf32", (7, 0), False),
        ("CUDNN_STATUS_EXECUTION_FAILED", "bf16", (8, 0), True),
        ("CUDNN_STATUS_EXECUTION_FAILED", "fp16", (7, 5), True),
    ],
)
def test_a_dtype_that_a_device_never_had_is_told_from_a_fault(said, dtype, capability, supported):
    assert proving()["is_supported"](said, dtype, capability) is supported


@pytest.mark.parametrize("value", [float("inf"), float("nan")])
def test_a_result_that_is_no_number_is_everything_wrong(value):
    class Number(float):
        def __sub__(self, other):
            return Number(float(self) - other)

        def __truediv__(self, other):
            return Number(float(self) / other)

        def itself(self):
            return self

        double = cpu = abs = max = itself

    assert proving()["difference"](Number(value), Number(1.0)) == 1e30


@pytest.mark.torch
def test_a_real_torch_computes_the_right_thing():
    pytest.importorskip("torch")
    run = run_torch(sys.executable, Sources(), timeout=120)
    assert run.ended == "done"
    assert run.proofs
    assert all(proof.agrees for proof in run.proofs if proof.is_supported)
    assert run.numpy_bridge is not False
