"""What the step is fed is counted, and so is the time it waits for it."""

import itertools
import time

import pytest

pytest.importorskip("torch")

import torch

from gpubench.bench.feed import Feed
from gpubench.bench.feeding import ResidentFeed, StreamedFeed, fitted, in_whole_cycles
from gpubench.bench.protocol import SMOKE
from gpubench.bench.training import RESIDENT_BATCHES

pytestmark = pytest.mark.torch

CPU = torch.device("cpu")


class Task:
    """Batches whose width counts 1, 2, 3, 1, 2, 3, …."""

    def __init__(self, cycle=1, pause=0.0):
        self.cycle, self.pause, self.made = cycle, pause, 0

    def batches(self):
        for number in itertools.count():
            time.sleep(self.pause)
            self.made += 1
            yield {"x": torch.zeros(2, 1 + number % 3)}

    def contents(self, batch):
        return {"numbers": batch["x"].numel()}


def test_resident_batches_are_made_once():
    task = Task()
    feed = ResidentFeed(task, CPU, Feed())
    for _ in range(50):
        next(feed)
    assert task.made == RESIDENT_BATCHES


def test_a_mixture_is_kept_whole_and_its_contents_are_exact():
    feed = ResidentFeed(Task(cycle=3), CPU, Feed())
    widths = [next(feed)["x"].shape[1] for _ in range(6)]
    assert widths == [1, 2, 3, 1, 2, 3]
    assert feed.facts(6) == {"numbers": 2 * (2 + 4 + 6)}


def test_accumulated_batches_are_counted_as_many_as_a_step_draws():
    feed = ResidentFeed(Task(cycle=6), CPU, Feed(), accumulation=4)
    assert feed.cycle == 3  # three steps of four batches are two cycles of six
    assert feed.facts(feed.cycle) == {"numbers": 4 * (2 + 4 + 6)}


def test_a_stream_counts_what_was_drawn_since_the_window_began():
    feed = StreamedFeed(Task(), CPU, Feed())
    next(feed)
    feed.begin()
    assert [next(feed)["x"].shape[1] for _ in range(2)] == [2, 3]
    assert feed.facts(2) == {"numbers": 4 + 6}


def test_waiting_for_a_slow_source_is_seen():
    feed = StreamedFeed(Task(pause=0.02), CPU, Feed())
    feed.begin()
    for _ in range(6):  # the first was drawn before
        next(feed)
    assert 0.1 <= feed.waiting()["waiting_seconds"] < 0.2


def test_held_batches_need_their_source_no_more():
    task = Task(cycle=3)
    feed = StreamedFeed(task, CPU, Feed())
    held = feed.hold()
    made = task.made
    assert sorted({next(held)["x"].shape[1] for _ in range(9)}) == [1, 2, 3]
    assert task.made == made


def test_of_one_shape_a_stream_holds_no_more_than_two_batches():
    task = Task()
    StreamedFeed(task, CPU, Feed()).hold()
    assert task.made == 2


@pytest.mark.parametrize(("steps", "cycle", "whole"), [(10, 1, 10), (10, 32, 32), (33, 32, 64)])
def test_windows_are_whole_cycles(steps, cycle, whole):
    assert in_whole_cycles(steps, cycle) == whole


def test_a_warm_up_of_a_mixture_compares_whole_cycles_and_has_time_for_them():
    rules = fitted(SMOKE, 32)
    assert rules.block_steps == 32
    assert rules.warmup_max_steps >= 32 + 4 * 32  # the first steps and four blocks
    assert fitted(SMOKE, 1) == SMOKE
