"""A run does every cell once, and then what precision asks for and the budget allows."""

import dataclasses

import pytest

from gpubench.bench.agenda import Agenda
from gpubench.bench.feed import Feed
from gpubench.bench.job import Subject
from gpubench.bench.modes import REFERENCE, mode_named
from gpubench.bench.protocol import SMOKE
from tests.fakes.records import HEADER, broken, measurement, record

DEIT = Subject("deit")
MODES = (REFERENCE, mode_named("amp-bf16"))


class Run:
    """Does what an agenda says, each job in ``seconds``, until ``end`` jobs are done."""

    def __init__(self, precision=None, most=6, budget=None, modes=MODES, subjects=(DEIT,), **more):
        self.protocol = dataclasses.replace(
            SMOKE, precision=precision, most_processes=most, budget_seconds=budget
        )
        self.now, self.done, self.measurements = 0.0, [], []
        self.modes, self.subjects, self.more = modes, subjects, more

    def go(self, before=None, steps=None, seconds=10.0, end=200):
        """``steps`` are seconds per step of the processes of a cell, in their order."""
        agenda = Agenda(self.subjects, self.modes, self.protocol, before, clock=lambda: self.now)
        for step in agenda:
            self.now += seconds
            self.done.append((step.kind, step.mode.name, step.process))
            kept = None
            if step.kind == "measure":
                kept = self._measured(step, steps or {})
                self.measurements.append(kept)
            agenda.learn(step, seconds, kept)
            if len(self.done) == end:
                break
        self.agenda = agenda
        return self

    def _measured(self, step, steps):
        took = steps.get(step.mode.name, ())
        if isinstance(took, str):
            return broken(took, "why", step.mode.name, step.process)
        each = took[step.process] if step.process < len(took) else 0.1
        return measurement(step.mode.name, step.process, each, suite=step.subject.suite)

    @property
    def count(self):
        """Processes by mode."""
        names = [mode for kind, mode, _ in self.done if kind == "measure"]
        return {mode.name: names.count(mode.name) for mode in self.modes}

    @property
    def ended(self):
        return {c.mode: (c.ended, c.left_out) for c in self.agenda.closings()}

    def record(self, lines=True):
        header = dataclasses.replace(HEADER, protocol=self.protocol)
        closings = self.agenda.closings() if lines else []
        found = record(self.measurements, parities=(), header=header)
        return dataclasses.replace(found, lines=(*self.measurements, *closings))


NOISY = (0.100, 0.106, 0.100, 0.104, 0.102, 0.103)


def test_without_a_precision_the_preset_decides():
    run = Run().go(steps={"fp32": NOISY})
    assert run.count == {"fp32": 2, "amp-bf16": 2}
    assert run.ended == {}


def test_a_cell_that_is_not_narrow_goes_on_and_the_others_do_not():
    run = Run(precision=0.03).go(steps={"fp32": NOISY})
    assert run.count["fp32"] > run.count["amp-bf16"] == 2
    assert {mode: why for mode, (why, _) in run.ended.items()} == {
        "fp32": "narrow", "amp-bf16": "narrow",
    }  # fmt: skip


def test_cells_that_go_on_take_turns():
    both = {"fp32": NOISY, "amp-bf16": NOISY}
    run = Run(precision=0.03).go(steps=both)
    further = [(mode, process) for kind, mode, process in run.done if kind == "measure"][4:]
    assert further[:4] == [("fp32", 2), ("amp-bf16", 2), ("fp32", 3), ("amp-bf16", 3)]


def test_a_cell_ends_with_the_most_processes():
    run = Run(precision=0.001).go(steps={"fp32": NOISY})
    assert run.count == {"fp32": 6, "amp-bf16": 2}
    assert run.ended["fp32"] == ("most-processes", ())


def test_a_difference_between_modes_does_not_matter_for_going_on():
    twice = tuple(step / 2 for step in NOISY)
    slow, fast = Run(precision=0.03).go(steps={"fp32": NOISY}), Run(precision=0.03)
    assert fast.go(steps={"fp32": twice}).count == slow.count


@pytest.mark.parametrize("state", ["failed", "out-of-memory", "not-supported", "timed-out"])
def test_a_mode_that_cannot_be_measured_is_not_gone_on_with(state):
    run = Run(precision=0.03).go(steps={"amp-bf16": state})
    assert run.count["amp-bf16"] <= 2
    assert "amp-bf16" not in run.ended


def test_a_single_process_has_no_width_and_gets_company():
    run = Run(precision=0.03)
    run.protocol = dataclasses.replace(run.protocol, processes=1)
    assert run.go().count == {"fp32": 2, "amp-bf16": 2}


def test_every_cell_has_its_first_process_whatever_the_budget():
    run = Run(budget=1.0).go()
    assert run.count == {"fp32": 1, "amp-bf16": 1}
    assert run.ended["fp32"] == ("budget", ("parity", "process 2"))


def test_of_several_suites_every_cell_comes_once_before_any_comes_twice():
    subjects = (DEIT, Subject("bert-ner"))
    done = [(kind, process) for kind, _, process in Run(subjects=subjects).go().done]
    seconds = [place for place, job in enumerate(done) if job == ("measure", 1)]
    firsts = [place for place, job in enumerate(done) if job == ("measure", 0)]
    assert (len(firsts), len(seconds)) == (4, 4)
    assert max(firsts) < min(seconds)


def test_nothing_is_begun_that_would_end_after_the_budget():
    run = Run(budget=65.0).go()
    assert run.now <= 65.0
    assert run.count == {"fp32": 2, "amp-bf16": 1}
    assert run.ended["amp-bf16"] == ("budget", ("process 2",))


def test_what_is_too_long_gives_way_to_what_fits():
    modes = (REFERENCE, mode_named("fp32+compile"), mode_named("amp-bf16"))
    run = Run(budget=200.0, modes=modes)
    agenda = Agenda(run.subjects, modes, run.protocol, None, clock=lambda: run.now)
    for step in agenda:
        seconds = 60.0 if step.mode.compile else 10.0
        run.now += seconds
        kept = run._measured(step, {}) if step.kind == "measure" else None
        run.done.append((step.kind, step.mode.name, step.process))
        agenda.learn(step, seconds, kept)
    assert run.count == {"fp32": 2, "fp32+compile": 1, "amp-bf16": 2}


def test_going_on_for_precision_ends_with_the_budget():
    run = Run(precision=0.001, most=50, budget=200.0).go(steps={"fp32": NOISY * 9})
    assert run.now <= 200.0
    assert run.ended["fp32"][0] == "budget"
    assert 2 < run.count["fp32"] < 50


@pytest.mark.parametrize("end", range(1, 14))
def test_a_run_ended_anywhere_goes_on_to_the_same_cells(end):
    steps = {"fp32": NOISY}
    whole = Run(precision=0.03).go(steps=steps)
    cut = Run(precision=0.03).go(steps=steps, end=end)
    cut.go(before=cut.record(lines=False), steps=steps)
    kept = {(m.mode, m.process): m.throughput for m in cut.measurements}
    assert kept == {(m.mode, m.process): m.throughput for m in whole.measurements}
    assert len(cut.measurements) == len(kept), "nothing is measured twice"


def test_a_run_that_is_finished_has_nothing_left_and_says_the_same():
    run = Run(precision=0.03, modes=(REFERENCE,)).go(steps={"fp32": NOISY})
    before, said = run.record(), run.agenda.closings()
    run.done = []
    assert run.go(before=before).done == []
    assert run.agenda.closings() == said == [before.closing(DEIT, "fp32")]


def test_more_time_goes_on_where_the_budget_ended():
    run = Run(budget=1.0, modes=(REFERENCE,)).go()
    assert run.ended["fp32"] == ("budget", ("process 2",))
    run.now, run.protocol = 0.0, dataclasses.replace(run.protocol, budget_seconds=1000.0)
    run.go(before=run.record())
    assert run.count == {"fp32": 2}
    assert run.ended["fp32"] == ("processes", ())


def test_further_processes_of_a_resumed_run_come_after_a_survey():
    run = Run(precision=0.03, modes=(REFERENCE,)).go(steps={"fp32": NOISY}, end=3)
    run.done = []
    run.go(before=run.record(lines=False), steps={"fp32": NOISY})
    assert run.done[:2] == [("describe", "fp32", 0), ("measure", "fp32", 2)]


def test_the_time_left_is_what_is_known_to_follow_within_the_budget():
    run = Run(budget=100.0)
    agenda = Agenda(run.subjects, run.modes, run.protocol, None, clock=lambda: run.now)
    step = next(iter(agenda))
    agenda.learn(step, 10.0)
    assert 0 < agenda.seconds_left(step) <= 100.0


def loader_agenda(budget):
    """An agenda of batches alone, each job in ten seconds."""
    protocol = dataclasses.replace(SMOKE, budget_seconds=budget)
    now = [0.0]
    feeds = tuple(Feed(workers=count) for count in (0, 2))
    agenda = Agenda((DEIT,), (), protocol, None, clock=lambda: now[0], feeds={DEIT: feeds})
    for step in agenda:
        now[0] += 10.0
        agenda.learn(step, 10.0)
    return agenda


def test_processes_of_a_loader_for_which_there_was_no_time_are_told_by_feed():
    (closing,) = loader_agenda(budget=35.0).closings()
    assert (closing.subject, closing.mode, closing.ended) == (DEIT, "loader", "budget")
    assert closing.left_out == (
        "process 2 of 0 workers, pinned, non-blocking",
        "process 2 of 2 workers, pinned, non-blocking",
    )


def test_a_loader_with_time_enough_has_left_nothing_out():
    (closing,) = loader_agenda(budget=1000.0).closings()
    assert (closing.ended, closing.left_out) == ("processes", ())
    assert loader_agenda(budget=None).closings() == []
