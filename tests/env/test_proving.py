"""Children that prove: what they say, how they die, and how a fresh one goes on."""

import ast
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from gpubench.env.places import Interpreter
from gpubench.env.proving import MOST_HANGS, SHARED, Prover, bundle, listen
from gpubench.env.python_env import script
from gpubench.env.sources import Completed, Sources
from tests.env.sitepackages import Site
from tests.env.test_python_env import bare_python

ENTRIES = ("prove_torch", "prove_compile", "prove_links", "prove_collectives", "stress")
TORCH = """
__version__ = "2.8.0"
class version: cuda = None; hip = None
class backends:
    class cuda:
        class matmul: allow_tf32 = False
    class cudnn: allow_tf32 = False
class _C: pass
float16 = bfloat16 = float32 = float64 = int64 = None
def device(name): return name
"""
WISH = {"device": "cpu", "describe": True, "companions": False, "deep": False}


@pytest.mark.parametrize("entry", ENTRIES)
def test_what_is_sent_is_one_script_that_old_pythons_read(entry):
    ast.parse(bundle(entry), feature_version=(3, 8))
    for name in (*SHARED, entry):
        ast.parse(script(f"{name}.py"), feature_version=(3, 8))


def asked(tmp_path, init, *, timeout=20.0, starts=4):
    site = Site(tmp_path / "site")
    site.torch("2.8.0", cuda=None, init=TORCH + init)
    sources = Sources(variables={**os.environ, "PYTHONPATH": str(site.folder)})
    prover = Prover(place=Interpreter(bare_python()), sources=sources, timeout=timeout)
    return prover.ask("prove_torch", WISH, starts=starts)


def ending(answer):
    return {proof.name: proof.ended for proof in answer.proofs if proof.ended}


@pytest.mark.parametrize(
    ("deed", "ended", "problem"),
    [
        ("os.abort()", "signal", "was ended by SIGABRT"),
        ("os.kill(os.getpid(), 7)", "signal", "was ended by SIGBUS"),
        ("os._exit(3)", "exit", "ended with exit status 3"),
        ("sys.exit(5)", "exit", "ended with exit status 5"),
    ],
)
def test_a_proof_that_ends_the_process_is_named_and_the_others_are_done(
    tmp_path, deed, ended, problem
):
    torch = (
        f"import os, sys\ndef empty(*_, **__):\n    print('the end', file=sys.stderr)\n    {deed}"
    )
    answer = asked(tmp_path, torch)
    assert ending(answer) == {"alloc on cpu": ended}
    assert answer.proofs[0].problem == problem
    assert answer.proofs[0].last_words[0] == "the end"  # and where a Python that crashed stood
    assert {"gemm", "conv", "linalg_fft", "train_step"} <= {p.what for p in answer.proofs}
    assert answer.ended == "done"
    assert len({(p.what, p.dtype, p.variant) for p in answer.proofs}) == len(answer.proofs)


def test_a_proof_that_hangs_is_named_and_the_others_are_done(tmp_path, monkeypatch):
    monkeypatch.setattr("gpubench.env.proving.PATIENCE_SECONDS", 0.5)
    torch = "import time\ndef empty(*_, **__): time.sleep(600)"
    answer = asked(tmp_path, torch, timeout=2.0)
    assert ending(answer) == {"alloc on cpu": "timeout"}
    assert answer.proofs[0].seconds > 1.0
    assert "train_step" in {p.what for p in answer.proofs}


def test_a_proof_that_had_little_time_is_tried_again(tmp_path):
    mark = tmp_path / "tried"
    torch = (
        f"import os, time\ndef empty(*_, **__):\n    if not os.path.exists({str(mark)!r}):\n"
        f"        open({str(mark)!r}, 'w').close(); time.sleep(600)\n    raise RuntimeError('2nd')"
    )
    answer = asked(tmp_path, torch, timeout=2.0)
    assert [proof.problem for proof in answer.proofs if proof.what == "alloc"] == [
        "RuntimeError: 2nd"
    ]


def test_what_hangs_again_and_again_is_given_up(tmp_path, monkeypatch):
    monkeypatch.setattr("gpubench.env.proving.PATIENCE_SECONDS", 0.5)
    torch = "import time\ndef __getattr__(name): time.sleep(600)"
    began = time.monotonic()
    answer = asked(tmp_path, torch, timeout=2.0)
    assert len(ending(answer)) == MOST_HANGS
    assert answer.ended == "timeout"
    assert time.monotonic() - began < 30


def test_an_exception_leaves_the_other_proofs_to_the_same_process(tmp_path):
    answer = asked(tmp_path, "def empty(*_, **__): raise RuntimeError('no')", starts=1)
    assert answer.proofs[0].problem == "RuntimeError: no"
    assert answer.ended == "done"


def test_what_a_torch_lacks_is_not_supported_and_no_fault(tmp_path):
    answer = asked(tmp_path, "class nn:\n    class functional: pass", starts=1)
    missing = {proof.what: proof for proof in answer.proofs if not proof.is_supported}
    assert "this torch has no torch.nn.functional.scaled_dot_product_attention" in (
        missing["sdpa"].problem
    )
    assert "torch.autocast" in missing["train_step"].problem


def test_a_device_that_takes_no_more_work_is_left_to_a_fresh_process(tmp_path):
    """A CUDA error stays until its process ends."""
    torch = """
cuda_works = True
class Props: name, major, minor, total_memory, uuid = "H100", 9, 0, 80, None
class cuda:
    init = staticmethod(lambda: None)
    is_available = staticmethod(lambda: True)
    device_count = staticmethod(lambda: 1)
    get_device_properties = staticmethod(lambda n: Props)
    @staticmethod
    def mem_get_info(device): raise RuntimeError("CUDA error: an illegal memory access")
version.cuda = "12.8"
def ones(*_, **__): raise RuntimeError("CUDA error: an illegal memory access")
"""
    site = Site(tmp_path / "site")
    site.torch("2.8.0", init=TORCH + torch)
    sources = Sources(variables={**os.environ, "PYTHONPATH": str(site.folder)})
    prover = Prover(place=Interpreter(bare_python()), sources=sources, timeout=20.0)
    answer = prover.ask("prove_torch", {**WISH, "device": "cuda:0"}, starts=3)
    assert [proof.name for proof in answer.proofs] == [
        "alloc on cuda:0",
        "gemm fp32 on cuda:0",
        "gemm tf32 on cuda:0",
    ]


def completed(*lines, **fields):
    return Completed(output="\n".join(lines), errors="", **{"code": 0, **fields})


def test_a_line_that_was_cut_short_is_passed_over():
    heard = listen(completed('{"version": "2.8.0"}', "noise", "[1]", '{"pha'))
    assert heard.facts == {"version": "2.8.0"}


def test_what_a_child_makes_up_does_not_become_a_field():
    heard = listen(completed('{"proof": {"what": "gemm", "device": "cpu", "surprise": 1}}'))
    assert heard.proofs[0].what == "gemm"


def test_the_time_of_a_proof_that_died_is_its_own():
    line = '{"begin": {"what": "gemm", "device": "cpu"}, "key": "k", "after": 50.0}'
    heard = listen(completed(line, code=None, timed_out=True, seconds=60.0))
    assert heard.died.seconds == 10.0
    assert heard.is_hurried


def test_what_begins_is_told_as_it_begins(tmp_path):
    site = Site(tmp_path / "site")
    site.torch("2.8.0", cuda=None, init=TORCH)
    sources = Sources(variables={**os.environ, "PYTHONPATH": str(site.folder)})
    told = []
    prover = Prover(
        place=Interpreter(bare_python()), sources=sources, timeout=20.0, tell=told.append
    )
    prover.ask("prove_torch", WISH)
    assert told[:2] == ["import", "cuda"]
    assert told[-1] == "done"


def test_a_child_does_not_outlive_the_process_that_asked(tmp_path):
    """Even where that one had no time to end it."""
    site = Site(tmp_path / "site")
    mark = tmp_path / "pid"
    torch = f"import os, time\nopen({str(mark)!r}, 'w').write(str(os.getpid()))\ntime.sleep(600)"
    site.torch("2.8.0", cuda=None, init=torch)
    program = f"""
from gpubench.env.places import Interpreter
from gpubench.env.proving import Prover
from gpubench.env.sources import Sources
place = Interpreter({bare_python()!r})
Prover(place=place, sources=Sources(), timeout=600).ask("prove_torch", {WISH!r})
"""
    parent = subprocess.Popen(
        [sys.executable, "-c", program],
        env={
            **os.environ,
            "PYTHONPATH": os.pathsep.join([str(Path.cwd()), str(site.folder)]),
            "TMPDIR": str(tmp_path),  # it has no time to clear up either
        },
    )
    child = _written(mark)
    parent.kill()
    parent.wait()
    for _ in range(100):
        if not _runs(child):
            return
        time.sleep(0.1)
    os.kill(child, 9)
    pytest.fail("the child went on alone")


def _written(mark):
    for _ in range(200):
        if mark.exists() and mark.read_text():
            return int(mark.read_text())
        time.sleep(0.1)
    raise AssertionError("the child did not start")


def _runs(pid):
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
    return stat.rsplit(")", 1)[1].split()[0] != "Z"
