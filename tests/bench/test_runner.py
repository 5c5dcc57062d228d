"""A child may do what it wants; the parent always comes back with a state and a reason."""

import dataclasses
import json
import os
import sys
import threading
import time
from pathlib import Path

import pytest

from gpubench.bench import runner
from gpubench.bench.job import Job, Workload
from gpubench.bench.modes import REFERENCE
from gpubench.bench.protocol import SMOKE
from gpubench.bench.runner import run_job
from gpubench.env.places import Interpreter
from gpubench.errors import BadData, MissingPackage

JOB = Job(
    kind="measure",
    suite_module="none",
    workload=Workload(preset="smoke"),
    mode=REFERENCE,
    protocol=dataclasses.replace(SMOKE, process_limit_seconds=20.0),
    device="cpu",
    scratch="/nowhere",
)


def answer(tmp_path, program, **changes):
    progress = []
    result = run_job(
        dataclasses.replace(JOB, **changes),
        cache=tmp_path,
        progress=lambda *stage: progress.append(stage),
        program="import json, os, signal, sys, time\n" + program,
    )
    return result, progress


def says(**event):
    return f"print({json.dumps(json.dumps(event))}, flush=True)\n"


def test_a_result_comes_back_without_its_envelope(tmp_path):
    result, _ = answer(tmp_path, says(event="result", state="ok", reason=None))
    assert result.result == {"state": "ok", "reason": None}


def test_the_child_reads_the_job_on_stdin(tmp_path):
    program = (
        "job = json.load(sys.stdin)\n"
        "print(json.dumps({'event': 'result', 'mode': job['mode']['name']}), flush=True)\n"
    )
    assert answer(tmp_path, program)[0].result == {"mode": "fp32"}


def test_progress_is_passed_on(tmp_path):
    program = says(event="progress", stage="warm-up", done=3, of=30) + says(event="result")
    assert answer(tmp_path, program)[1] == [("warm-up", 3, 30)]


def test_noise_between_answers_is_passed_over(tmp_path):
    program = "print('hello')\nprint('[1, 2]')\n" + says(event="result", state="ok")
    assert answer(tmp_path, program)[0].result == {"state": "ok"}


def test_numbers_that_are_not_finite_come_back_as_absent(tmp_path):
    program = 'print(\'{"event": "result", "losses": [1.0, NaN, Infinity]}\', flush=True)\n'
    assert answer(tmp_path, program)[0].result["losses"] == [1.0, None, None]


def test_a_killed_child_is_a_failure_that_names_the_signal(tmp_path):
    result, _ = answer(tmp_path, "os.kill(os.getpid(), signal.SIGKILL)\n")
    assert result.result["state"] == "failed"
    assert "killed by SIGKILL" in result.result["reason"]
    assert "out-of-memory killer" in result.result["reason"]


def test_a_child_that_the_kernel_ended_for_memory_is_out_of_memory(tmp_path, monkeypatch):
    counts = iter([3, 4])
    monkeypatch.setattr(runner, "killed_for_memory", lambda: next(counts))
    result, _ = answer(tmp_path, "os.kill(os.getpid(), signal.SIGKILL)\n")
    assert result.result["state"] == "out-of-memory"
    assert "for want of memory" in result.result["reason"]


def test_another_s_end_does_not_explain_a_child_that_died_otherwise(tmp_path, monkeypatch):
    counts = iter([3, 4])
    monkeypatch.setattr(runner, "killed_for_memory", lambda: next(counts, 4))
    result, _ = answer(tmp_path, "os.kill(os.getpid(), signal.SIGSEGV)\n")
    assert result.result["state"] == "failed"


def test_figures_of_a_shortage_are_handed_on(tmp_path):
    said = says(
        event="error", kind="out-of-memory", reason="CUDA out of memory",
        memory={"peak_bytes": 3}, shortage={"device": "cuda", "requested_bytes": 7},
    )  # fmt: skip
    result = answer(tmp_path, said)[0].result
    assert result["shortage"] == {"device": "cuda", "requested_bytes": 7}


def test_an_aborting_child_is_a_failure_with_its_last_words(tmp_path):
    program = (
        "sys.stderr.write('torch: undefined symbol: foo\\n')\nsys.stderr.flush()\nos.abort()\n"
    )
    result, _ = answer(tmp_path, program)
    assert "SIGABRT" in result.result["reason"]
    assert result.result["reason"].endswith("torch: undefined symbol: foo")


def test_last_words_come_without_secrets_homes_and_terminal_codes(tmp_path):
    words = r"\x1b[31mcannot open /home/alice/x?token=hf_abcdefghijklmnopqrst"
    result, _ = answer(tmp_path, f"sys.stderr.write('{words}')\nsys.stderr.flush()\nos.abort()\n")
    said = result.result["reason"]
    assert "cannot open ~/x" in said
    assert not any(secret in said for secret in ("alice", "hf_abc", "\x1b"))


def test_a_silent_end_is_a_failure(tmp_path):
    result, _ = answer(tmp_path, "sys.exit(0)\n")
    assert result.result["state"] == "failed"
    assert "no answer" in result.result["reason"]


def test_a_child_that_hangs_is_ended_with_all_it_started(tmp_path):
    marker = tmp_path / "grandchild"
    program = (
        "import subprocess\n"
        f"child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])\n"
        f"open({str(marker)!r}, 'w').write(str(child.pid))\n"
        "time.sleep(60)\n"
    )
    began = time.monotonic()
    limit = dataclasses.replace(SMOKE, process_limit_seconds=3.0)
    result, _ = answer(tmp_path, program, protocol=limit)
    assert result.result == {"state": "timed-out", "reason": "no answer within 3 s"}
    assert time.monotonic() - began < 20
    assert _is_gone(int(marker.read_text()))


def _is_gone(pid):
    """True once the process is dead; it may stay a zombie where nobody reaps orphans."""
    for _ in range(50):
        status = Path(f"/proc/{pid}/stat")
        if not status.exists() or status.read_text().rpartition(")")[2].split()[0] in "ZX":
            return True
        time.sleep(0.1)
    return False


def test_running_out_of_memory_is_a_state_with_the_figures(tmp_path):
    program = says(
        event="error", kind="out-of-memory", reason="CUDA out of memory\nmore", memory={"a": 1}
    )
    assert answer(tmp_path, program)[0].result == {
        "state": "out-of-memory",
        "reason": "CUDA out of memory",
        "memory": {"a": 1},
    }


def test_an_error_that_only_announces_another_keeps_it(tmp_path):
    reason = "backend='inductor' raised:\nno compiler\n\nmore"
    result, _ = answer(tmp_path, says(event="error", kind="failed", reason=reason))
    assert result.result["reason"] == "backend='inductor' raised: no compiler"


def test_a_file_name_that_is_not_utf8_reaches_the_child(tmp_path):
    workload = Workload(preset="smoke", excluded=("b\udcff.jpg",))
    program = (
        "job = json.load(sys.stdin)\n"
        "name = os.fsencode(job['workload']['excluded'][0]).hex()\n"
        "print(json.dumps({'event': 'result', 'name': name}), flush=True)\n"
    )
    assert answer(tmp_path, program, workload=workload)[0].result["name"] == b"b\xff.jpg".hex()


@pytest.mark.parametrize("safe", ["1", ""])
def test_a_child_finds_gpubench_whatever_safe_path_says(tmp_path, monkeypatch, safe):
    monkeypatch.setenv("PYTHONSAFEPATH", safe)
    with pytest.raises(MissingPackage, match=r"this needs (none|torch)"):
        run_job(JOB, cache=tmp_path)


@pytest.fixture
def another(tmp_path):
    """Another interpreter: this one under another name, without its packages."""
    interpreter = tmp_path / "another-python"
    interpreter.write_text(f'#!/bin/sh\nexec {sys.executable} -S "$@"\n')
    interpreter.chmod(0o755)
    return str(interpreter)


def test_another_interpreter_finds_gpubench_and_nothing_that_lies_beside_it(
    tmp_path, monkeypatch, another
):
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "packages-of-this-interpreter"))
    program = (
        "import gpubench.bench.job\n"
        "path = [p for p in os.environ['PYTHONPATH'].split(os.pathsep)]\n"
        "event = {'event': 'result', 'path': path, 'beside': os.listdir(path[0])}\n"
        "print(json.dumps(event), flush=True)\n"
    )
    found = run_job(
        JOB, cache=tmp_path, program=f"import json, os\n{program}", place=Interpreter(another)
    ).result
    assert len(found["path"]) == 1
    assert found["beside"] == ["gpubench"]


def test_a_second_job_of_another_interpreter_shares_its_cache_folder(tmp_path, another):
    program = "import gpubench\n" + says(event="result", state="ok")
    for _ in range(2):
        answered = run_job(JOB, cache=tmp_path, program=program, place=Interpreter(another))
        assert answered.result == {"state": "ok"}


def test_data_that_cannot_be_used_ends_the_run(tmp_path):
    with pytest.raises(BadData, match="line 3: one column"):
        answer(tmp_path, says(event="error", kind="user", reason="line 3: one column"))


def test_a_missing_package_ends_the_run_with_the_install_line(tmp_path):
    with pytest.raises(MissingPackage, match="this needs timm"):
        answer(tmp_path, says(event="error", kind="missing-package", reason="timm"))


def test_a_module_in_the_working_folder_is_not_imported(tmp_path, monkeypatch):
    (tmp_path / "json.py").write_text("raise SystemExit('imported from the working folder')")
    monkeypatch.delenv("PYTHONPATH", raising=False)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(
        MissingPackage, match=r"this needs (none|torch)"
    ):  # the job's suite is called so
        run_job(JOB, cache=tmp_path)


def test_every_process_has_its_own_caches_and_writes_no_bytecode(tmp_path):
    program = (
        "keys = ('TORCHINDUCTOR_CACHE_DIR', 'TRITON_CACHE_DIR', 'PYTHONDONTWRITEBYTECODE')\n"
        "print(json.dumps({'event': 'result', **{k: os.environ[k] for k in keys}}), flush=True)\n"
    )
    result = answer(tmp_path, program)[0].result
    assert result["TORCHINDUCTOR_CACHE_DIR"].startswith(str(tmp_path))
    assert result["TRITON_CACHE_DIR"].startswith(str(tmp_path))
    assert result["PYTHONDONTWRITEBYTECODE"] == "1"


@pytest.mark.parametrize(("outer", "seen"), [(None, "passive"), ("active", "active")])
def test_openmp_waits_passively_unless_the_user_says_otherwise(tmp_path, monkeypatch, outer, seen):
    monkeypatch.delenv("OMP_WAIT_POLICY", raising=False)
    if outer:
        monkeypatch.setenv("OMP_WAIT_POLICY", outer)
    program = (
        "policy = os.environ['OMP_WAIT_POLICY']\n"
        "print(json.dumps({'event': 'result', 'policy': policy}), flush=True)\n"
    )
    assert answer(tmp_path, program)[0].result == {"policy": seen}
    assert os.environ.get("OMP_WAIT_POLICY") == outer


def spoken(of_silence, pause, limit):
    """What is heard of four lines with pauses between; None stands for the end of patience."""
    read, write = os.pipe()

    def speak():
        for number in range(4):
            os.write(write, f"{number}\n".encode())
            time.sleep(pause)
        os.close(write)

    speaker = threading.Thread(target=speak)
    speaker.start()
    with os.fdopen(read, "rb", buffering=0) as stream:
        heard = list(runner._lines(stream, limit, of_silence=of_silence))
        speaker.join()
    return heard


def test_a_limit_of_silence_begins_anew_with_every_line():
    assert spoken(True, pause=0.4, limit=1.2) == [b"0", b"1", b"2", b"3"]


def test_a_limit_of_time_does_not():
    assert spoken(False, pause=0.4, limit=0.6)[-1] is None


def test_silence_ends_it():
    assert spoken(True, pause=0.5, limit=0.1) == [b"0", None]


def test_what_is_to_be_kept_is_told_as_it_comes(tmp_path):
    program = says(event="told", kind="loss", step=3) + says(event="result", state="ok")
    told = []
    result = run_job(JOB, cache=tmp_path, program=f"import json\n{program}", heard=told.append)
    assert told == [{"kind": "loss", "step": 3}]
    assert result.result == {"state": "ok"}


@pytest.mark.parametrize("more", ["", "@test", ":default", ":default@test"])
def test_a_folder_in_a_hub_s_layout_is_shown_to_its_child(tmp_path, more):
    data = tmp_path / "data"
    data.mkdir()
    workload = dataclasses.replace(JOB.workload, data=f"hf:{data}{more}")
    found = runner.folders_of(dataclasses.replace(JOB, workload=workload), tmp_path / "cache")
    assert found.readable == (data,)
