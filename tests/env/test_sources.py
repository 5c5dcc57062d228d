"""Files below a root, and child processes."""

import os
import signal
import sys
import tempfile
import time
from pathlib import Path

import pytest

from gpubench.env import sources
from gpubench.env.sources import Sources, run_child

PYTHON = [sys.executable, "-"]


def child(script, timeout=20.0, **variables):
    return run_child(PYTHON, script=script, timeout=timeout, variables={**os.environ, **variables})


def test_what_a_child_says_comes_back():
    done = child("import sys; print('out'); print('err', file=sys.stderr)")
    assert (done.output, done.errors, done.code) == ("out\n", "err\n", 0)
    assert done.ending is None


def test_a_child_that_aborts_is_an_answer_with_its_last_words():
    done = child(
        "import os, sys; print('terminate called', file=sys.stderr, flush=True); os.abort()"
    )
    assert done.signal_name == "SIGABRT"
    assert done.ending == "was ended by SIGABRT"
    assert done.last_words[-1] == "terminate called"


def test_of_much_output_the_start_and_the_end_are_kept(monkeypatch):
    monkeypatch.setattr(sources, "HALF_OUTPUT_BYTES", 1000)
    done = child("import sys; sys.stdout.write('first' + 10**6 * 'x' + 'last')")
    assert done.output.startswith("first")
    assert done.output.endswith("last")
    assert len(done.output) == 2000


def test_a_crash_tells_the_innermost_calls_after_what_was_said(tmp_path):
    (tmp_path / "broken.py").write_text(
        "def inner():\n    import os; os.abort()\ndef outer():\n    inner()\n"
    )
    script = "import sys; print('said', file=sys.stderr, flush=True); import broken; broken.outer()"
    words = child(script, PYTHONPATH=str(tmp_path)).last_words
    assert words[0] == "said"
    assert [line.rpartition(" in ")[2] for line in words[1:]] == ["inner", "outer"]


def test_a_child_that_exits_with_a_status_says_so():
    assert child("raise SystemExit(7)").ending == "ended with exit status 7"


def test_a_child_that_hangs_is_ended_with_everything_it_started(tmp_path):
    mark = tmp_path / "pid"
    script = f"""
import subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
open({str(mark)!r}, "w").write(str(child.pid))
time.sleep(600)
"""
    started = time.monotonic()
    done = child(script, timeout=2.0)
    assert done.timed_out
    assert time.monotonic() - started < 10
    assert done.ending == "did not come back within 2 s"
    assert ended(int(mark.read_text()))


def ended(pid):
    """True once the process is gone, or is nothing but an entry that waits to be collected."""
    for _ in range(50):
        try:
            os.kill(pid, 0)
            if Path(f"/proc/{pid}/stat").read_text().split()[2] == "Z":
                return True
        except (ProcessLookupError, FileNotFoundError):
            return True
        time.sleep(0.1)
    return False


def test_a_child_that_ignores_signals_is_ended_all_the_same():
    script = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(600)"
    assert child(script, timeout=1.0).timed_out


def test_a_child_that_floods_its_output_does_not_fill_the_memory():
    done = child("import sys\nfor _ in range(400): sys.stderr.write('x' * 100000 + chr(10))")
    assert done.code == 0
    assert len(done.errors) <= 64 * 2**10


def test_a_child_with_a_secret_in_its_last_words_does_not_tell_it():
    done = child("import sys; sys.exit('HF_TOKEN=hf_abcdefghijklmnopqrstuv in /home/alice/x')")
    assert done.last_words == ("HF_TOKEN=<removed> in ~/x",)


@pytest.mark.parametrize("program", ["/no/such/program", "/dev/null", ""])
def test_a_program_that_cannot_be_started_is_an_answer(program):
    done = run_child([program], script="", timeout=5, variables={})
    assert done.problem.startswith("cannot start")


def test_a_child_works_in_an_empty_folder_that_is_gone_after():
    done = child("import os, tempfile; print(os.getcwd(), os.listdir(), tempfile.gettempdir())")
    folder, listing, temporary = done.output.split()
    assert listing == "[]"
    assert temporary == folder
    assert not Path(folder).exists()


def test_a_child_stuck_in_a_session_of_its_own_does_not_hold_us():
    script = """
import subprocess, sys
subprocess.Popen([sys.executable, "-c", "import time; time.sleep(30)"], start_new_session=True)
"""
    started = time.monotonic()
    assert child(script).code == 0
    assert time.monotonic() - started < 10


def test_without_a_temporary_folder_shared_memory_will_do(monkeypatch):
    real = tempfile.TemporaryDirectory

    def full(**options):
        if "dir" not in options:
            raise FileNotFoundError(2, "No usable temporary directory found")
        return real(**options)

    monkeypatch.setattr(tempfile, "TemporaryDirectory", full)
    assert child("print('here')").output == "here\n"


def test_no_writable_folder_at_all_is_an_answer(monkeypatch):
    def full(**options):
        raise FileNotFoundError(2, "No usable temporary directory found")

    monkeypatch.setattr(tempfile, "TemporaryDirectory", full)
    done = child("print('here')")
    assert done.code is None
    assert "no writable temporary folder" in done.ending


def test_files_are_read_below_the_root(tmp_path):
    (tmp_path / "proc").mkdir()
    (tmp_path / "proc" / "modules").write_text("nvidia 1 0\n")
    sources = Sources(root=tmp_path)
    assert sources.text("/proc/modules") == "nvidia 1 0\n"
    assert sources.text("/proc/version") is None
    assert sources.names("/proc") == ["modules"]
    assert sources.names("/sys") is None


def test_signals_have_names():
    done = child(f"import os; os.kill(os.getpid(), {int(signal.SIGSEGV)})")
    assert done.signal_name == "SIGSEGV"
