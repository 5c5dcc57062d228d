"""What is said of a run while it goes."""

import sys

import pytest

from gpubench.bench.job import Subject
from gpubench.bench.modes import REFERENCE
from gpubench.bench.protocol import SMOKE
from gpubench.bench.schedule import Step
from gpubench.cli.live import LiveWatcher
from gpubench.cli.progress import PlainWatcher, watcher
from gpubench.cli.standing import Progress, so_far
from tests.fakes.records import HEALTHY, broken, measurement, record

DEIT = Subject("deit")


def step(process=0, mode=REFERENCE):
    return Step(subject=DEIT, kind="measure", mode=mode, process=process)


def test_plain_lines_say_outcome_reason_and_time_left(capsys):
    first, second = step(0), step(1)
    watching = PlainWatcher()
    watching.began(first, [second], 90.0)
    watching.ended(first, "ok", None, 9.0)
    watching.began(second, [], 9.0)
    watching.ended(second, "failed", "killed by SIGKILL", 3.0)
    lines = capsys.readouterr().err.splitlines()
    assert lines[0].startswith("✓ deit · fp32 · process 1 9.00 s; about ")
    assert lines[1] == "✗ deit · fp32 · process 2 3.00 s failed: killed by SIGKILL"


def test_plain_lines_say_what_the_cell_has_so_far(capsys):
    watching = PlainWatcher()
    for process, taken in enumerate((0.1, 0.102)):
        watching.began(step(process), [], 0.0)
        watching.measured(measurement("fp32", process, taken))
        watching.ended(step(process), "ok", None, 9.0)
    first, second = capsys.readouterr().err.splitlines()
    assert first.endswith("; 80.0 samples/s")
    assert second.endswith("; 79.2 samples/s ± 12.6 %")


def test_a_line_of_another_job_does_not_repeat_the_figure(capsys):
    watching = PlainWatcher()
    watching.began(step(), [], 0.0)
    watching.measured(measurement())
    watching.ended(step(), "ok", None, 9.0)
    watching.began(step(1), [], 0.0)
    watching.ended(step(1), "failed", "killed", 9.0)
    assert "samples/s" not in capsys.readouterr().err.splitlines()[1]


def test_a_resumed_run_stands_where_it_stopped():
    progress = Progress(record())
    assert progress.modes(DEIT) == ["fp32", "amp-bf16"]
    standing = progress.standing(DEIT, "fp32")
    assert (standing.processes, standing.peak_bytes) == (2, 800 * 2**20)
    assert standing.throughput.half_width is not None


def test_a_cell_that_broke_has_its_state_and_no_figure():
    progress = Progress(None)
    progress.measured(broken("out-of-memory", "too large"))
    standing = progress.standing(DEIT, "fp32")
    assert (standing.throughput, standing.state) == (None, "out-of-memory")


def test_a_process_that_was_done_again_counts_once():
    progress = Progress(None)
    for _ in range(2):
        progress.measured(measurement())
    assert progress.standing(DEIT, "fp32").processes == 1


def test_time_passes_in_a_stage_and_from_what_is_left():
    now = [0.0]
    progress = Progress(None, clock=lambda: now[0])
    progress.began(step(), 100.0)
    progress.reached("warm-up", 0, 30)
    now[0] = 5.0
    progress.reached("warm-up", 6, 30)
    assert (progress.seconds_in_stage, progress.seconds_left) == (5.0, 95.0)
    progress.reached("window", 0, 50)
    assert progress.seconds_in_stage == 0.0
    now[0] = 500.0
    assert progress.seconds_left == 0.0


@pytest.mark.parametrize("problem", [OSError("gone"), ValueError("I/O operation on closed file")])
def test_a_sampler_that_ends_while_it_is_asked_has_no_reading(problem):
    def gone():
        raise problem

    progress = Progress(record(HEALTHY))
    progress.sampled(gone)
    assert progress.reading is None


@pytest.mark.parametrize(
    ("terminal", "name", "kind"),
    [
        (True, "xterm-256color", LiveWatcher),
        (True, "dumb", PlainWatcher),
        (True, None, PlainWatcher),
        (False, "xterm-256color", PlainWatcher),
    ],
)
def test_only_a_terminal_that_can_has_the_live_view(monkeypatch, terminal, name, kind):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: terminal, raising=False)
    monkeypatch.delenv("TERM", raising=False)
    if name is not None:
        monkeypatch.setenv("TERM", name)
    assert isinstance(watcher(SMOKE, None), kind)


def told(*measurements):
    """What a plain line and the live view say of a cell."""
    progress, view = Progress(None), LiveWatcher(SMOKE, None)
    for measured in measurements:
        progress.measured(measured)
        view.measured(measured)
    return so_far(progress.standing(DEIT, "fp32")), view._row(step(), "fp32")


def test_a_figure_that_an_invalid_process_took_away_is_not_shown():
    line, row = told(broken("invalid", "TF32 leaked in"), measurement("fp32", 1))
    assert line == "no figure: a process was invalid"
    assert row[1:4] == ["", "invalid", ""]


def test_a_mark_stays_whatever_the_last_process_was():
    shaky = measurement("fp32", 0, state="unstable", reason="did not settle")
    line, row = told(shaky, measurement("fp32", 1, 0.1001))
    assert line.startswith("~80.0 samples/s")
    assert row[2] == "~80.0"


def test_an_interval_beyond_its_value_is_no_number_and_marks_the_figure():
    line, row = told(measurement("fp32", 0, 0.1), measurement("fp32", 1, 0.9))
    assert line.startswith("~")
    assert line.endswith("± > 100 %")
    assert row[3] == "> 100 %"


def test_a_process_that_was_killed_takes_no_figure_away():
    line, row = told(measurement(), broken("failed", "killed", process=1))
    assert line == "80.0 samples/s"
    assert row[2] == "80.0"


def test_a_process_without_steps_is_no_figure():
    line, row = told(measurement(step_seconds=()))
    assert line == ""
    assert row[2] == "failed"
