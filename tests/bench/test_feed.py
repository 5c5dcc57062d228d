"""How batches are to be made is a few plain rules."""

import os
import time

import pytest

from gpubench.bench import feed as feeds
from gpubench.bench.feed import Feed, cpu_seconds, death_of_worker, here, settings
from gpubench.bench.job import Workload


def test_rows_are_no_worker_and_powers_of_two_up_to_the_cores():
    assert [row.workers for row in settings(Feed(), "cpu", 12)] == [0, 2, 4, 8]
    assert [row.workers for row in settings(Feed(), "cpu", 2)] == [0, 2]
    assert [row.workers for row in settings(Feed(), "cpu", 1)] == [0]
    assert max(row.workers for row in settings(Feed(), "cpu", 500)) == feeds.MOST_WORKERS


def test_a_number_of_workers_that_was_asked_for_is_held_against_none():
    assert [row.workers for row in settings(Feed(workers=6), "cpu", 2)] == [0, 6]


def test_without_a_gpu_nothing_is_pinned_or_copied():
    assert not any(row.pinned or row.non_blocking for row in settings(Feed(), "cpu", 4))


def test_with_a_gpu_every_way_of_copying_has_a_row_at_the_usual_workers(monkeypatch):
    monkeypatch.setattr(feeds, "cores", lambda: 16)
    rows = settings(Feed(), "cuda", 16)
    assert [row.workers for row in rows[:5]] == [0, 2, 4, 8, 16]
    ways = {(row.pinned, row.non_blocking) for row in rows if row.workers == 4}
    assert len(ways) == 4
    assert len(rows) == len(set(rows)) == 8


def test_what_a_run_does_is_a_row_of_the_loader_tier(monkeypatch):
    monkeypatch.setattr(feeds, "cores", lambda: 16)
    assert all(here(Feed(), device) in settings(Feed(), device, 16) for device in ("cpu", "cuda"))


def test_cpu_seconds_follow_the_work_of_a_process():
    before, began = cpu_seconds(os.getpid()), time.process_time()
    while time.process_time() - began < 0.1:
        pass
    assert cpu_seconds(os.getpid()) - before == pytest.approx(0.1, abs=0.03)


def test_a_process_that_is_gone_has_no_cpu_seconds():
    assert cpu_seconds(2**22 + 1) is None


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "RuntimeError: DataLoader worker (pid 7) is killed by signal: Killed. ",
            (
                "a loader worker (process 7) was killed by signal Killed "
                "(the kernel's out-of-memory killer sends it)"
            ),
        ),
        (
            "DataLoader worker (pid(s) 7, 8) exited unexpectedly",
            "a loader worker (process 7, 8) ended unexpectedly",
        ),
        ("RuntimeError: mat1 and mat2 shapes cannot be multiplied", None),
    ],
)
def test_a_worker_s_death_is_told_in_plain_words(text, said):
    assert death_of_worker(text) == said


def test_a_workload_keeps_its_feed_on_the_way_to_a_child():
    import dataclasses
    import json

    workload = Workload(preset="smoke", feed=Feed(workers=3, lengths="bucketed"))
    assert Workload.from_plain(json.loads(json.dumps(dataclasses.asdict(workload)))) == workload
