"""The time left starts as a guess and learns."""

from gpubench.bench.job import Subject
from gpubench.bench.modes import REFERENCE, mode_named
from gpubench.bench.protocol import SMOKE
from gpubench.bench.schedule import Step, schedule
from gpubench.cli.progress import BarWatcher, PlainWatcher, TimeLeft


def step(process=0, mode=REFERENCE):
    return Step(subject=Subject("deit"), kind="measure", mode=mode, process=process)


def test_a_compiled_mode_is_expected_to_take_longer():
    left = TimeLeft(SMOKE)
    assert left.of_one(step(mode=mode_named("fp32+compile"))) > left.of_one(step())


def test_jobs_that_ended_are_what_their_like_is_expected_to_take():
    left = TimeLeft(SMOKE)
    left.ended(step(1), 4.0)
    left.ended(step(2), 6.0)
    assert left.of([step(3), step(4)]) == 10.0


def test_a_job_without_a_process_teaches_nothing():
    left = TimeLeft(SMOKE)
    before = left.of_one(step())
    left.ended(step(), 0.0)
    assert left.of_one(step()) == before


def test_plain_lines_say_outcome_reason_and_time_left(capsys):
    first, second = step(0), step(1)
    watcher = PlainWatcher(SMOKE)
    watcher.began(first, [second])
    watcher.ended(first, "ok", None, 9.0)
    watcher.began(second, [])
    watcher.ended(second, "failed", "killed by SIGKILL", 3.0)
    lines = capsys.readouterr().err.splitlines()
    assert lines[0].startswith("✓ deit · fp32 · process 1 9.00 s; about ")
    assert lines[1] == "✗ deit · fp32 · process 2 3.00 s failed: killed by SIGKILL"


def test_the_bar_shows_a_whole_session_and_leaves_a_line_per_job(capsys):
    steps = schedule(Subject("deit"), (REFERENCE,), 2, None)
    with BarWatcher(SMOKE) as watcher:
        for index, one in enumerate(steps):
            watcher.began(one, steps[index + 1 :])
            watcher.stage("warm-up", 3, 30)
            watcher.ended(one, "ok", None, 1.0)
    said = capsys.readouterr().err
    assert (
        [line for line in said.splitlines() if "✓" in line][-1]
        .strip()
        .startswith("✓ deit · fp32 · process 2")
    )
