"""A session does each job once, keeps what it got, and goes on where another stopped."""

import contextlib
import dataclasses

import pytest

from gpubench.bench.job import Subject, Workload
from gpubench.bench.modes import mode_named
from gpubench.bench.protocol import SMOKE
from gpubench.bench.record import RecordWriter, read_record
from gpubench.bench.runner import Answer
from gpubench.bench.session import CannotTrain, NotTheSame, Session, SuiteRun, run_session
from gpubench.env.telemetry import Telemetry
from gpubench.errors import UnwritableOutput
from tests.fakes.records import FACTS, HEADER, PLAN

MODES = ("fp32", "tf32", "amp-bf16")
SUITE = SuiteRun(
    subject=Subject("deit"), module="tests.fakes.tiny", workload=Workload(preset="smoke")
)
STEPS = 1 + 2 * 3 + 3


class Machine:
    """Answers every job as a healthy machine without TF32 would, and counts them."""

    def __init__(self, **special):
        self.asked = []
        self._special = special

    def __call__(self, job, *, cache, progress):
        self.asked.append((job.kind, job.mode.name))
        progress("window", 0, 10)
        special = self._special.get(f"{job.kind}_{job.mode.name.replace('-', '_')}")
        if isinstance(special, BaseException):
            raise special
        return Answer(result=special or self._healthy(job), seconds=1.0)

    def _healthy(self, job):
        if job.kind == "describe":
            facts = {
                name: getattr(FACTS, name)
                for name in ("revision", "batch_size", "parameters", "step_flops", "settings")
            }
            return {
                **facts,
                "survey": {"images_found": 3, "images_decoded": 3},
                "device": {"type": "cpu", "name": "A CPU"},
                "unsupported": {"tf32": "no TF32 here"},
                "workload": dataclasses.asdict(dataclasses.replace(job.workload, labels=("a",))),
            }
        if job.kind == "parity":
            return {"state": "ok", "reason": None, "losses": [2.0, 1.9, 1.8]}
        assert job.workload.labels == ("a",), "the surveyed workload reaches the measurement"
        return {
            "state": "ok", "reason": None, "window_seconds": 1.0, "step_seconds": [0.1] * 10,
            "losses": [1.0] * 8, "memory": {"peak_bytes": 1},
        }  # fmt: skip


class Silent:
    def __init__(self):
        self.states, self.processes = [], []

    def began(self, step, remaining, seconds_left):
        assert step not in remaining
        assert seconds_left >= 0

    def sampled(self, latest):
        latest()

    def measured(self, measurement):
        self.processes.append((measurement.mode, measurement.process))

    def stage(self, name, done, of):
        assert (name, done, of) == ("window", 0, 10)

    def ended(self, step, state, reason, seconds):
        self.states.append(state)


SLOWED = {"throttled": {"hardware slow-down": 0.5}}


class Watched:
    """A GPU whose windows went as told, one after the other."""

    def __init__(self, *faults):
        self._faults = list(faults)
        self.windows = []

    @contextlib.contextmanager
    def __call__(self, gpu):
        assert gpu == "hashed"
        yield self

    def latest(self):
        return {"seconds": 1.0}

    def xids(self):
        return self._faults.pop(0) if self._faults else ()

    def between(self, began, ended):
        self.windows.append((began, ended))
        seen = self._faults.pop(0) if self._faults else {}
        return Telemetry(samples=9, **seen)


class OnGpu(Machine):
    def _healthy(self, job):
        answer = super()._healthy(job)
        if job.kind == "describe":
            answer["device"] = {"type": "cuda", "name": "A GPU", "gpu": "hashed"}
        if job.kind == "measure":
            answer["window_monotonic"] = [1.0, 2.0]
        return answer


def run(folder, machine, before=None, writer=None, sampling=None):
    plan = dataclasses.replace(PLAN, modes=MODES)
    writer = writer or (
        RecordWriter.reopen(folder)
        if before
        else RecordWriter.create(folder, dataclasses.replace(HEADER, plan=plan))
    )
    session = Session(
        modes=tuple(mode_named(name) for name in MODES),
        protocol=SMOKE,
        device="cpu",
        writer=writer,
        before=before,
        watcher=Silent(),
        ask=machine,
        sampling=sampling or Watched(),
    )
    run_session(session, [SUITE])
    return session


def states(folder):
    return {(m.mode, m.process): m.state for m in read_record(folder).measurements}


def test_a_session_writes_every_answer(tmp_path):
    machine = Machine()
    run(tmp_path, machine)
    assert states(tmp_path) == {
        ("fp32", 0): "ok",
        ("fp32", 1): "ok",
        ("amp-bf16", 0): "ok",
        ("amp-bf16", 1): "ok",
        ("tf32", 0): "not-supported",
    }
    assert set(read_record(tmp_path).parities) == {
        (SUITE.subject, "fp32"),
        (SUITE.subject, "amp-bf16"),
    }


def test_a_mode_the_device_cannot_do_costs_no_process(tmp_path):
    machine = Machine()
    run(tmp_path, machine)
    assert all(mode != "tf32" for _, mode in machine.asked)


def test_no_job_of_a_run_on_the_cpu_pins_its_batches(tmp_path):
    class Fed(Machine):
        def __call__(self, job, **rest):
            fed.append((job.kind, job.workload.feed.pinned, job.workload.feed.non_blocking))
            return super().__call__(job, **rest)

    fed = []
    run(tmp_path, Fed())
    assert set(fed) == {(kind, False, False) for kind in ("describe", "measure", "parity")}


def test_a_mode_that_gives_up_is_not_asked_again(tmp_path):
    machine = Machine(measure_amp_bf16={"state": "out-of-memory", "reason": "too large"})
    run(tmp_path, machine)
    assert states(tmp_path)["amp-bf16", 0] == "out-of-memory"
    assert machine.asked.count(("measure", "amp-bf16")) == 1
    assert ("parity", "amp-bf16") not in machine.asked
    machine = Machine()
    run(tmp_path, machine, before=read_record(tmp_path))
    assert ("measure", "amp-bf16") not in machine.asked
    assert ("parity", "amp-bf16") not in machine.asked


@pytest.mark.parametrize("after", range(1, STEPS - 3))
def test_a_session_ended_after_any_job_goes_on_with_the_next(tmp_path, after):
    class Ended(Machine):
        def __call__(self, job, **rest):
            if len(self.asked) == after:
                raise KeyboardInterrupt
            return super().__call__(job, **rest)

    first, second = Ended(), Machine()
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path, first)
    run(tmp_path, second, before=read_record(tmp_path))
    measured = [job for job in first.asked + second.asked if job[0] != "describe"]
    assert sorted(measured) == sorted(
        [("measure", "fp32")] * 2
        + [("measure", "amp-bf16")] * 2
        + [("parity", "fp32"), ("parity", "amp-bf16")]
    )
    assert len(read_record(tmp_path).measurements) == 5


def test_a_finished_session_asks_nothing_more(tmp_path):
    run(tmp_path, Machine())
    machine = Machine()
    run(tmp_path, machine, before=read_record(tmp_path))
    assert machine.asked == []


def test_a_process_that_broke_does_not_end_the_session(tmp_path):
    run(tmp_path, Machine(measure_fp32={"state": "failed", "reason": "killed by SIGKILL"}))
    assert states(tmp_path)["fp32", 1] == "failed"
    assert states(tmp_path)["amp-bf16", 1] == "ok"


def test_a_full_disk_ends_the_session_and_keeps_what_was_written(tmp_path, monkeypatch):
    plan = dataclasses.replace(PLAN, modes=MODES)
    writer = RecordWriter.create(tmp_path, dataclasses.replace(HEADER, plan=plan))
    append, kept = writer.append, []

    def full(line):
        if len(kept) == 3:
            raise UnwritableOutput("cannot write: No space left on device")
        kept.append(line)
        append(line)

    monkeypatch.setattr(writer, "append", full)
    with pytest.raises(UnwritableOutput):
        run(tmp_path, Machine(), writer=writer)
    assert len(states(tmp_path)) == 2
    run(tmp_path, Machine(), before=read_record(tmp_path))
    assert len(states(tmp_path)) == 5


def test_a_suite_that_cannot_be_described_ends_the_run(tmp_path):
    with pytest.raises(CannotTrain, match="deit cannot be trained: killed by SIGSEGV"):
        run(tmp_path, Machine(describe_fp32={"state": "failed", "reason": "killed by SIGSEGV"}))


def test_a_workload_that_has_changed_is_not_gone_on_with(tmp_path):
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path, Machine(measure_amp_bf16=KeyboardInterrupt()))

    class Other(Machine):
        def _healthy(self, job):
            answer = super()._healthy(job)
            return {**answer, "parameters": 7} if job.kind == "describe" else answer

    with pytest.raises(NotTheSame, match="parameters differ"):
        run(tmp_path, Other(), before=read_record(tmp_path))


def test_a_survey_that_got_further_this_time_is_the_same_workload(tmp_path):
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path, Machine(measure_amp_bf16=KeyboardInterrupt()))

    class Faster(Machine):
        def _healthy(self, job):
            answer = super()._healthy(job)
            if job.kind == "describe":
                answer["survey"]["images_decoded"] = 2
            return answer

    run(tmp_path, Faster(), before=read_record(tmp_path))
    assert len(states(tmp_path)) == 5


def test_telemetry_of_the_window_goes_into_the_record(tmp_path):
    watched = Watched()
    run(tmp_path, OnGpu(), sampling=watched)
    assert watched.windows == [(1.0, 2.0)] * 4
    kept = read_record(tmp_path).measured(SUITE.subject, "fp32")[0].telemetry
    assert (kept["samples"], kept["discarded"]) == (9, [])


def test_a_process_that_was_slowed_is_discarded_and_done_again(tmp_path):
    machine = OnGpu()
    run(tmp_path, machine, sampling=Watched(SLOWED))
    kept = read_record(tmp_path).measured(SUITE.subject, "fp32")
    assert [m.state for m in kept] == ["ok", "ok"]
    assert kept[0].telemetry["discarded"] == ["hardware slow-down during 50% of the window"]
    assert machine.asked.count(("measure", "fp32")) == 3


def test_a_gpu_that_stays_slowed_makes_the_cell_invalid(tmp_path):
    run(tmp_path, OnGpu(), sampling=Watched(SLOWED, SLOWED, SLOWED))
    (kept,) = read_record(tmp_path).measured(SUITE.subject, "fp32")
    assert kept.state == "invalid"
    assert "three times in a row" in kept.reason
    assert len(kept.telemetry["discarded"]) == 2
