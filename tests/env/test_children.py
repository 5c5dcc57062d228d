"""Children that run side by side, and how all of them end."""

import subprocess
import sys
import threading
import time

import pytest

from gpubench.env.children import Pool, concurrently
from gpubench.env.sources import run_child

SLEEP = [sys.executable, "-c", "import time; time.sleep(600)"]


def sleeping():
    return run_child(SLEEP, timeout=600, variables={})


def interrupted(*jobs):
    """The main thread is interrupted while the jobs wait for their children."""
    with Pool(2) as pool:
        for job in jobs:
            pool.submit(job)
        time.sleep(0.5)
        raise KeyboardInterrupt


def test_answers_come_in_the_order_of_the_questions():
    def job(number):
        def answer():
            time.sleep(0.2 - number / 20)
            return number

        return answer

    assert concurrently([job(n) for n in range(4)], at_once=4) == [0, 1, 2, 3]


def test_no_more_run_at_once_than_is_allowed():
    running, most, lock = [0], [0], threading.Lock()

    def job():
        with lock:
            running[0] += 1
            most[0] = max(most[0], running[0])
        time.sleep(0.05)
        with lock:
            running[0] -= 1

    concurrently([job] * 6, at_once=2)
    assert most[0] == 2


def test_nothing_asked_is_nothing_answered():
    assert concurrently([], at_once=4) == []


def test_an_interrupt_ends_every_child_at_once():
    began = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        interrupted(sleeping, lambda: concurrently([sleeping, sleeping], at_once=2))
    assert time.monotonic() - began < 10


def test_after_an_interrupt_no_child_starts_any_more():
    began, answers = time.monotonic(), []
    with pytest.raises(KeyboardInterrupt):
        interrupted(lambda: answers.extend([sleeping(), sleeping()]))
    assert time.monotonic() - began < 10
    assert [answer.signal_name for answer in answers] == ["SIGKILL", "SIGKILL"]


def test_a_child_says_its_lines_while_it_runs():
    told = []
    program = "print('one', flush=True); print('two', end='', flush=True); print('!')"
    run_child([sys.executable, "-c", program], timeout=20, variables={}, watch=told.append)
    assert told == ["one", "two!"]


def test_an_interrupted_quick_probe_does_not_wait_for_its_children(tmp_path):
    """The main thread waits in another place than the threads that hold the children."""
    program = """
import signal, sys, threading
from gpubench.env import probe
from gpubench.env.sources import run_child
def hangs(*_, **__):
    command = [sys.executable, "-c", "import time; time.sleep(600)"]
    return run_child(command, timeout=600, variables={})
probe.ask_nvml = hangs
probe.inspect_python = hangs
signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored in a script's background
main = threading.main_thread().ident
threading.Timer(1.0, lambda: signal.pthread_kill(main, signal.SIGINT)).start()
probe.take_snapshot()
"""
    began = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False
    )
    assert "KeyboardInterrupt" in done.stderr
    assert time.monotonic() - began < 30
