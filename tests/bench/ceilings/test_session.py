"""Ceilings in a session: in turn, once each, around the training, and gone on with."""

import dataclasses
import time

import pytest

from gpubench.bench import ceilings
from gpubench.bench.ceilings import AFTER, BEFORE, CEILINGS
from gpubench.bench.ceilings.session import with_ceilings
from gpubench.bench.job import Subject, Workload
from gpubench.bench.modes import mode_named
from gpubench.bench.protocol import SMOKE
from gpubench.bench.record import CeilingRun, RecordWriter, read_record
from gpubench.bench.runner import Answer
from gpubench.bench.session import CannotTrain, Session, SuiteRun, run_session
from tests.bench.test_session import SLOWED, Machine, Silent, Watched
from tests.fakes.records import HEADER

MODES = tuple(mode_named(name) for name in ("fp32", "amp-bf16"))
TRAINING = SuiteRun(
    subject=Subject("deit"), module="tests.fakes.tiny", workload=Workload(preset="smoke")
)
SUITE = SuiteRun(
    subject=ceilings.SUBJECT, module=ceilings.__name__, workload=Workload(preset="smoke")
)
ON_CPU = [c.name for c in CEILINGS if c.not_on_cpu is None]


class Measuring(Machine):
    """Also answers ceilings; those named in ``broken`` end as told."""

    def __init__(self, broken=None, **special):
        super().__init__(**special)
        self.ceilings = []
        self._broken = broken or {}

    def __call__(self, job, *, cache, progress):
        if job.kind != "ceilings":
            return super().__call__(job, cache=cache, progress=progress)
        self.asked.append((job.kind, *job.ceilings))
        self.ceilings.append(job)
        end = self._broken.get(job.ceilings)
        if isinstance(end, BaseException):
            raise end
        return Answer(result=end or self._measured(job), seconds=1.0)

    def _measured(self, job):
        sample = {"shape": "512 × 512", "amount": 1e9, "repetitions": 3, "seconds": [0.03]}
        lines = [
            {"name": name, "state": "ok", "reason": None, "samples": [sample]}
            for name in job.ceilings
        ]
        return {"state": "ok", "reason": None, "ceilings": lines, "device": {"type": "cpu"}}


class OnGpu(Measuring):
    """The same on a GPU, whose training is described with its hashed UUID."""

    def _healthy(self, job):
        answer = super()._healthy(job)
        if job.kind == "describe":
            answer["device"] = {"type": "cuda", "name": "A GPU", "gpu": "hashed"}
        return answer

    def _measured(self, job):
        gpu = {"type": "cuda", "name": "A GPU", "gpu": "hashed"}
        return {**super()._measured(job), "device": gpu, "window_monotonic": [1.0, 2.0]}


def run(folder, machine, suites=(TRAINING,), before=None, device="cpu", sampling=None, **more):
    writer = RecordWriter.reopen(folder) if before else RecordWriter.create(folder, HEADER)
    session = Session(
        modes=MODES,
        protocol=more.pop("protocol", SMOKE),
        device=device,
        writer=writer,
        before=before,
        watcher=Silent(),
        ask=machine,
        sampling=sampling or Watched(),
        **more,
    )
    run_session(session, with_ceilings(suites, MODES))


def kept(folder):
    return [(r.variant, r.name, r.process, r.state) for r in read_record(folder).of(CeilingRun)]


PEAKS = ("ceilings", "gemm-float32", "gemm-bfloat16")


def test_a_training_session_measures_its_products_before_and_after(tmp_path):
    machine = Measuring()
    run(tmp_path, machine)
    assert machine.asked[0][0] == "describe"
    assert machine.asked[1] == machine.asked[-1] == PEAKS
    assert machine.asked.count(PEAKS) == 2
    assert kept(tmp_path) == [
        ("before", "gemm-float32", 0, "ok"),
        ("before", "gemm-bfloat16", 0, "ok"),
        ("after", "gemm-float32", 0, "ok"),
        ("after", "gemm-bfloat16", 0, "ok"),
    ]


def test_raw_windows_are_recorded(tmp_path):
    run(tmp_path, Measuring())
    (sample,) = read_record(tmp_path).of(CeilingRun, BEFORE)[0].samples
    assert (sample.amount, sample.repetitions, sample.seconds) == (1e9, 3, (0.03,))


def test_the_suite_measures_each_in_processes_of_its_own_that_take_turns(tmp_path):
    machine = Measuring()
    run(tmp_path, machine, suites=[SUITE])
    assert [asked[1:] for asked in machine.asked] == [(name,) for name in ON_CPU] * 2
    assert all(job.protocol.window_min_seconds < 1 for job in machine.ceilings)


def test_a_budget_ends_the_suite_after_the_first_process_of_each(tmp_path):
    machine = Measuring()
    run(tmp_path, machine, [SUITE], protocol=dataclasses.replace(SMOKE, budget_seconds=1.0))
    assert [asked[1:] for asked in machine.asked] == [(name,) for name in ON_CPU]


def test_a_budget_that_a_search_has_used_up_leaves_what_has_to_be_done(tmp_path):
    machine = Measuring()
    budget = dataclasses.replace(SMOKE, budget_seconds=10_000.0)
    run(tmp_path, machine, protocol=budget, began=time.monotonic() - 9_999)
    assert machine.asked.count(("measure", "fp32")) == 1
    assert machine.asked.count(PEAKS) == 2


def test_what_a_device_does_not_have_is_a_line_and_costs_no_process(tmp_path):
    run(tmp_path, Measuring(), suites=[SUITE])
    lines = [(name, process, state) for _, name, process, state in kept(tmp_path)]
    assert ("gemm-tf32", 0, "not-supported") in lines
    assert {name for name, _, _ in lines} == {ceiling.name for ceiling in CEILINGS}
    assert not [line for line in lines if line[0] == "gemm-tf32" and line[1] > 0]


def test_a_ceiling_that_gives_up_is_not_asked_again(tmp_path):
    gone = {"state": "not-supported", "reason": "no such thing"}
    answer = {**gone, "ceilings": [{"name": "gemm-float16", **gone}], "device": {}}
    machine = Measuring(broken={("gemm-float16",): answer})
    run(tmp_path, machine, suites=[SUITE])
    assert machine.asked.count(("ceilings", "gemm-float16")) == 1


def test_a_process_that_dies_is_a_line_for_each_of_its_ceilings_and_training_goes_on(tmp_path):
    dead = {"state": "timed-out", "reason": "no answer within 600 s"}
    run(tmp_path, Measuring(broken={PEAKS[1:]: dead}))
    assert {state for _, _, _, state in kept(tmp_path)} == {"timed-out"}
    assert len(kept(tmp_path)) == 4
    assert len(read_record(tmp_path).measurements) == 4


def test_data_that_cannot_be_read_is_told_before_anything_is_measured(tmp_path):
    machine = Measuring(describe_fp32={"state": "failed", "reason": "no such folder"})
    with pytest.raises(CannotTrain):
        run(tmp_path, machine)
    assert machine.asked == [("describe", "fp32")]


@pytest.mark.parametrize("after", range(1, 9))
@pytest.mark.parametrize("suites", [(TRAINING,), (SUITE,)], ids=["training", "ceilings"])
def test_a_session_ended_after_any_job_goes_on_with_the_next(tmp_path, suites, after):
    class Ended(Measuring):
        def __call__(self, job, **rest):
            if len(self.asked) == after:
                raise KeyboardInterrupt
            return super().__call__(job, **rest)

    whole = Measuring()
    run(tmp_path / "whole", whole, suites)
    first, second = Ended(), Measuring()
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path / "cut", first, suites)
    run(tmp_path / "cut", second, suites, before=read_record(tmp_path / "cut"))
    again = [job for job in first.asked + second.asked if job[0] != "describe"]
    assert sorted(again) == sorted(job for job in whole.asked if job[0] != "describe")
    third = Measuring()
    run(tmp_path / "cut", third, suites, before=read_record(tmp_path / "cut"))
    assert third.asked == []


def test_a_process_that_failed_is_done_again_by_a_resumed_run(tmp_path):
    dead = {"state": "failed", "reason": "killed by SIGKILL"}
    run(tmp_path, Measuring(broken={("launch",): dead}), suites=[SUITE])
    machine = Measuring()
    run(tmp_path, machine, suites=[SUITE], before=read_record(tmp_path))
    assert machine.asked == [("ceilings", "launch")] * 2


def test_a_gpu_is_watched_while_products_are_measured(tmp_path):
    watched = Watched()
    run(tmp_path, OnGpu(), device="cuda", sampling=watched)
    lines = read_record(tmp_path).of(CeilingRun)
    assert [line.telemetry["samples"] for line in lines] == [9] * 4
    assert (1.0, 2.0) in watched.windows


def test_a_product_on_a_slowed_gpu_is_measured_again(tmp_path):
    machine = OnGpu()
    run(tmp_path, machine, device="cuda", sampling=Watched(SLOWED))
    assert machine.asked.count(PEAKS) == 3
    assert {state for _, _, _, state in kept(tmp_path)} == {"ok"}


def test_a_product_on_a_gpu_that_stays_slow_is_invalid(tmp_path):
    run(tmp_path, OnGpu(), device="cuda", sampling=Watched(SLOWED, SLOWED, SLOWED))
    states = {(variant, state) for variant, _, _, state in kept(tmp_path)}
    assert states == {("before", "invalid"), ("after", "ok")}


def test_a_ceiling_that_was_disturbed_has_further_processes_and_is_measured_again(tmp_path):
    line = {"state": "invalid", "reason": "clocks disagree", "disturbed": True, "samples": []}
    answer = {"state": "ok", "reason": None, "device": {"type": "cpu"}}
    answer["ceilings"] = [{"name": "launch", **line}]
    machine = Measuring(broken={("launch",): answer})
    run(tmp_path, machine, suites=[SUITE])
    assert machine.asked.count(("ceilings", "launch")) == 2
    machine = Measuring()
    run(tmp_path, machine, suites=[SUITE], before=read_record(tmp_path))
    assert machine.asked == [("ceilings", "launch")] * 2


def test_a_ceiling_on_a_gpu_that_stayed_slow_is_measured_again_by_a_resumed_run(tmp_path):
    run(tmp_path, OnGpu(), [SUITE], device="cuda", sampling=Watched(SLOWED, SLOWED, SLOWED))
    before = read_record(tmp_path)
    states = [r.state for r in before.of(CeilingRun) if r.name == CEILINGS[0].name]
    assert states == ["invalid", "ok"]
    machine = OnGpu()
    run(tmp_path, machine, [SUITE], device="cuda", before=before)
    assert set(machine.asked) == {("ceilings", CEILINGS[0].name)}


def test_the_first_process_of_the_suite_is_done_again_under_the_watch_it_made_possible(tmp_path):
    machine = OnGpu()
    run(tmp_path, machine, [SUITE], device="cuda", sampling=Watched(SLOWED))
    lines = read_record(tmp_path).of(CeilingRun)
    assert all(line.telemetry["samples"] == 9 for line in lines)
    assert len(lines[0].telemetry["discarded"]) == 1
    first = machine.asked[0]
    assert machine.asked[:3] == [first] * 3
    assert machine.asked[3] != first


def test_a_sweep_measures_the_ceilings_once():
    swept = [
        dataclasses.replace(run, subject=Subject(run.subject.suite, variant))
        for run in (SUITE, TRAINING)
        for variant in ("batch 8", "batch 16")
    ]
    subjects = [run.subject for run in with_ceilings(swept, MODES)]
    assert subjects == [BEFORE, ceilings.SUBJECT, *(r.subject for r in swept[2:]), AFTER]


def test_a_process_has_minutes_at_most(tmp_path):
    machine = Measuring()
    run(tmp_path, machine)
    assert {job.protocol.process_limit_seconds for job in machine.ceilings} == {300}


def test_a_session_without_training_measures_nothing_around_it():
    (only,) = with_ceilings([SUITE], MODES)
    assert only.ceilings == tuple(ceiling.name for ceiling in CEILINGS)
    assert [r.subject for r in with_ceilings([SUITE, TRAINING], MODES)] == [
        BEFORE, ceilings.SUBJECT, TRAINING.subject, AFTER,
    ]  # fmt: skip
