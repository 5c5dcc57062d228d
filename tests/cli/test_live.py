"""The live view as a terminal gets it, and how it leaves the terminal."""

import io
import os
import pty
import re
import select
import signal
import subprocess
import sys
import time

import pytest
from rich.console import Console

from gpubench.bench.job import Subject
from gpubench.bench.modes import MODES, REFERENCE, mode_named
from gpubench.bench.protocol import SMOKE
from gpubench.bench.schedule import Step
from gpubench.cli.live import LiveWatcher
from tests.fakes.records import broken, measurement

DEIT = Subject("deit")
READING = {
    "seconds": 1.0, "power_watts": 650.4, "sm_clock_mhz": 1905, "temperature_c": 61,
    "utilization": 0.99, "memory_bytes": 32 * 2**30, "throttle_reasons": 0x4,
}  # fmt: skip

SHOW_CURSOR = "\x1b[?25h"
HIDE_CURSOR = "\x1b[?25l"


def step(process=0, mode=REFERENCE):
    return Step(subject=DEIT, kind="measure", mode=mode, process=process)


def console(height=30, **more):
    return Console(
        file=io.StringIO(), force_terminal=True, width=100, height=height, highlight=False, **more
    )


def seen(*changes, height=30, **more):
    """The text of a view after some calls."""
    screen = console(height, **more)
    view = LiveWatcher(SMOKE, None, screen)
    for change in changes:
        change(view)
    screen.print(view.picture())
    return re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", screen.file.getvalue())


def began(view):
    view.began(step(1), [step(2)], 200.9)


def test_the_view_names_the_job_and_the_time_left():
    line = seen(began).splitlines()[0]
    assert line.startswith("deit · fp32 · process 2")
    assert line.rstrip().endswith("1 job after it · about 3 min 20 s left")


def test_a_stage_is_shown_with_how_far_it_is():
    assert "warm-up · 6 of at most 30" in seen(began, lambda view: view.stage("warm-up", 6, 30))


def test_the_window_counts_its_steps_though_the_child_is_silent():
    assert "window of 1 234 steps" in seen(began, lambda view: view.stage("window", 0, 1234))


def test_every_cell_has_its_throughput_and_interval_so_far():
    def measured(view):
        for process, taken in enumerate((0.1, 0.1005)):
            view.measured(measurement("fp32", process, taken))
        view.measured(measurement("amp-bf16", 0, 0.05, state="capped"))
        view.measured(broken("out-of-memory", "too large", "tf32"))

    rows = [line.split() for line in seen(began, measured).splitlines()[3:]]
    assert rows[1] == ["fp32", "2", "79.8", "3.2", "%", "800", "MiB"]
    assert rows[2] == ["amp-bf16", "1", "~160", "–", "800", "MiB"]
    assert rows[3][:2] == ["tf32", "out-of-memory"]


def test_what_the_gpu_does_is_shown_while_it_is_measured():
    line = "GPU · 650 W · SM 1905 MHz · 61 °C · 99% busy · 32.0 GiB · software power cap"
    assert line in seen(began, lambda view: view.sampled(lambda: READING))
    assert "GPU" not in seen(
        began,
        lambda view: view.sampled(lambda: READING),
        lambda view: view.ended(step(1), "ok", None, 1.0),
    )


def test_a_low_terminal_shows_the_cells_that_were_measured_last():
    def measured(view):
        for mode in MODES:
            view.measured(measurement(mode.name))

    shown = seen(began, measured, height=12)
    assert len(shown.splitlines()) <= 12
    assert MODES[-1].name in shown
    assert "tf32+compile-max" not in shown


def test_names_cannot_drive_the_terminal():
    evil = Step(subject=Subject("de\x1b[31mit"), kind="measure", mode=REFERENCE)
    screen = console()
    view = LiveWatcher(SMOKE, None, screen)
    view.began(evil, [], 0.0)
    view.stage("warm\x1b[2J", 0, 1)
    screen.print(view.picture())
    assert "\x1b[31m" not in screen.file.getvalue()
    assert "\x1b[2J" not in screen.file.getvalue()


def test_no_color_has_no_colour(monkeypatch):
    monkeypatch.setenv("NO_COLOR", "1")
    screen = console()
    view = LiveWatcher(SMOKE, None, screen)
    began(view)
    view.sampled(lambda: READING)
    screen.print(view.picture())
    colours = re.findall(r"\x1b\[([0-9;]*)m", screen.file.getvalue())
    assert not any(code in ("36", "38", "32", "31") for c in colours for code in c.split(";"))


@pytest.mark.parametrize("problem", [None, KeyboardInterrupt(), RuntimeError("a bug")])
def test_the_cursor_is_shown_again_whatever_ended_the_view(problem):
    screen = console()
    try:
        with LiveWatcher(SMOKE, None, screen) as view:
            began(view)
            if problem is not None:
                raise problem
    except (KeyboardInterrupt, RuntimeError):
        pass
    said = screen.file.getvalue()
    assert said.rfind(SHOW_CURSOR) > said.rfind(HIDE_CURSOR) >= 0


def test_a_line_per_job_stays_when_the_view_is_gone():
    screen = console()
    with LiveWatcher(SMOKE, None, screen) as view:
        began(view)
        view.ended(step(1), "ok", None, 9.0)
        view.began(step(0, mode_named("tf32")), [], 0.0)
        view.ended(step(0, mode_named("tf32")), "not-supported", "no TF32 here", 0.0)
    said = screen.file.getvalue()
    assert "✓ deit · fp32 · process 2 9.00 s" in said
    assert "– deit · tf32 · process 1 not-supported: no TF32 here" in said


PROGRAM = """
import sys, time
from gpubench.bench.protocol import SMOKE
from gpubench.cli import terminal
from gpubench.cli.progress import watcher
from tests.cli.test_live import step
with terminal.interruptible(), watcher(SMOKE, None) as view:
    view.began(step(), [], 60.0)
    view.stage("warm-up", 1, 30)
    time.sleep(60)
"""


@pytest.mark.parametrize("name", [signal.SIGINT, signal.SIGTERM])
def test_a_terminal_is_left_as_it_was_after_an_interruption(name):
    master, slave = pty.openpty()
    child = subprocess.Popen(
        [sys.executable, "-c", PROGRAM], stdin=slave, stdout=subprocess.PIPE, stderr=slave,
        env={**os.environ, "TERM": "xterm", "COLUMNS": "90", "LINES": "24"},
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )  # fmt: skip
    os.close(slave)
    said, ends, sent = b"", time.monotonic() + 60, False
    while time.monotonic() < ends:
        if not select.select([master], [], [], 0.1)[0]:
            if child.poll() is not None:
                break
            continue
        try:
            said += os.read(master, 65_536)
        except OSError:  # the other end is closed
            break
        if b"warm-up" in said and not sent:
            sent = True
            child.send_signal(name)
    out, _ = child.communicate(timeout=30)
    os.close(master)
    assert sent
    assert out == b"", "nothing of the view goes to stdout"
    text = said.decode()
    assert "deit · fp32 · process 1" in text
    assert text.rfind(SHOW_CURSOR) > text.rfind(HIDE_CURSOR) >= 0
