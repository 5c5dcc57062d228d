"""cuInit and torch in children, with a fake driver and a fake torch."""

import os
import sys

import pytest

from gpubench.env import loading
from gpubench.env.places import HERE, Interpreter
from gpubench.env.proving import Prover
from gpubench.env.running import run_torch, start_cuda, torch_budget
from gpubench.env.scripts.exactness import difference, is_fault
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
    answer = start_cuda(HERE, sources, timeout=20)
    assert (answer.code, answer.device_count, answer.driver_cuda) == (code, count, "13.0")
    assert answer.library.endswith("libcuda.so.1")
    assert answer.problem is None


@build.needs_cc
def test_a_cuinit_that_hangs_ends_at_the_time_limit(tmp_path):
    sources = Sources(variables=build.variables(tmp_path, but(healthy(), "cuda.init hang")))
    answer = start_cuda(HERE, sources, timeout=1.5)
    assert answer.code is None
    assert answer.problem == "cuInit did not come back within 2 s"


def test_a_missing_libcuda_is_an_answer(tmp_path):
    broken = tmp_path / "libcuda.so.1"
    broken.write_text("no library")
    sources = Sources(variables={**os.environ, "LD_LIBRARY_PATH": str(tmp_path)})
    answer = start_cuda(HERE, sources, timeout=20)
    assert "libcuda.so.1" in answer.problem


def torch_run(tmp_path, init, timeout=20.0):
    site = Site(tmp_path / "site")
    site.torch("2.8.0", init=init)
    variables = {**os.environ, "PYTHONPATH": str(site.folder)}
    sources = Sources(root=tmp_path, variables=variables)
    return run_torch(Interpreter(bare_python()), sources, timeout=timeout)


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
    assert is_fault(said, dtype, capability) is supported


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

    assert difference(Number(value), Number(1.0)) == 1e30


CPU_PROOFS = {
    "alloc",
    "gemm",
    "conv",
    "sdpa",
    "linalg_fft",
    "train_step",
    "dataloader",
    "nccl",
    "compile",
    "repeat",
    "soak",
}


@pytest.mark.torch
def test_a_real_torch_proves_everything_that_a_cpu_can_show(monkeypatch):
    pytest.importorskip("torch")
    monkeypatch.setitem(loading.SOAK_SECONDS, "cpu", 1.0)
    told = []
    options = {"level": "deep", "has_compiler": False, "tell": told.append}
    run = run_torch(HERE, Sources(), timeout=120, **options)
    assert (run.ended, run.problem) == ("done", None)
    assert {proof.what for proof in run.proofs} == CPU_PROOFS
    assert [p.name for p in run.proofs if p.is_supported and not p.agrees] == []
    assert [p.problem for p in run.of("compile")] == ["there is no C++ compiler"]
    assert any(proof.figures.get("bus_gb_s") for proof in run.of("nccl"))
    assert run.soaks[0].tflops > 0
    assert run.numpy_bridge is not False
    assert {"import", "conv bf16 cpu"} <= set(told)


@pytest.mark.torch
def test_a_real_torch_compiles_on_the_cpu():
    pytest.importorskip("torch")
    if build.CC is None:
        pytest.skip("no compiler here")
    prover = Prover(place=Interpreter(sys.executable), sources=Sources(), timeout=240)
    answer = prover.ask("prove_compile", {"device": "cpu", "mode": "default"})
    assert [proof.agrees for proof in answer.proofs] == [True], answer


# -- a torch with two GPUs that computes nothing ---------------------------------------------------

TWO_GPUS = FAKE_TORCH.replace(
    'def init(): raise RuntimeError("Found no NVIDIA driver on your system")',
    """def init(): pass
    @staticmethod
    def is_available(): return True
    @staticmethod
    def device_count(): return 2
    @staticmethod
    def get_device_properties(index):
        return types.SimpleNamespace(
            name="NVIDIA H100", major=9, minor=0, total_memory=80, uuid=f"0-{index}"
        )
""",
)
TWO_GPUS += "ones = lambda *_, **__: types.SimpleNamespace(add=lambda _: 2.0)\n"
ON_THE_SECOND = """
import sys
if '"device": "cuda:1"' in sys.argv[1]:
"""


def test_every_gpu_is_proved_and_so_are_the_links_between_them(tmp_path):
    run = torch_run(tmp_path, TWO_GPUS)
    assert [device.capability for device in run.devices] == ["9.0", "9.0"]
    assert len({device.uuid for device in run.devices}) == 2
    for what in ("alloc", "gemm", "graph", "copy"):
        assert {p.device for p in run.of(what)} == {"cuda:0", "cuda:1"}
    assert {p.device for p in run.of("p2p")} == {"cuda:0->cuda:1", "cuda:1->cuda:0"}
    assert {p.device for p in run.of("nccl")} == {"cuda:0-1"}
    assert {p.device for p in run.of("compile")} == {"cuda:0"}
    assert run.ended == "done"


def test_a_gpu_that_takes_its_process_down_leaves_the_other(tmp_path):
    run = torch_run(tmp_path, TWO_GPUS + ON_THE_SECOND + "    import os; os.abort()")
    assert {p.device for p in run.of("gemm")} == {"cuda:0"}
    assert [(p.device, p.ended) for p in run.of("start")] == [("cuda:1", "signal")]
    assert run.ended == "done"


def test_a_device_that_is_gone_in_the_next_process_says_so(tmp_path):
    gone = TWO_GPUS + ON_THE_SECOND + "    cuda.device_count = lambda: 1"
    start = torch_run(tmp_path, gone).of("start")[0]
    assert start.device == "cuda:1"
    assert "no longer there" in start.problem


def test_a_torchvision_that_ends_the_process_is_told_apart_from_torch(tmp_path):
    (tmp_path / "site" / "torchvision").mkdir(parents=True)
    (tmp_path / "site" / "torchvision" / "__init__.py").write_text("import os; os.abort()")
    run = torch_run(tmp_path, FAKE_TORCH)
    assert run.torchvision_ops is False
    assert "SIGABRT" in run.torchvision_problem
    assert run.of("dataloader")
    assert run.ended == "done"
