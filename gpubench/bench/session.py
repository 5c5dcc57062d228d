"""A run from beginning to end: each job in its turn, and what of its answer is kept."""

import dataclasses
import datetime
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from typing import Protocol as Interface

from gpubench import codec
from gpubench.bench import ceilings
from gpubench.bench.agenda import Agenda
from gpubench.bench.cache import Caches
from gpubench.bench.ceilings.session import Ceilings
from gpubench.bench.feed import Feed, cores, here, settings
from gpubench.bench.job import COUNTING, Job, Kind, Progress, Subject, Workload
from gpubench.bench.modes import Mode
from gpubench.bench.protocol import Protocol
from gpubench.bench.record import (
    Loading,
    Measurement,
    ParityRun,
    RecordWriter,
    RunRecord,
    WorkloadFacts,
)
from gpubench.bench.runner import Answer, run_job
from gpubench.bench.schedule import Step
from gpubench.bench.several_gpus import all_of
from gpubench.bench.strategy import Strategy
from gpubench.bench.undisturbed import Latest, Sampling, undisturbed
from gpubench.env.sampler import sampling
from gpubench.errors import ExitStatus, GpubenchError

TIME_DEPENDENT = ("images_decoded", "images_unreadable", "images_not_checked", "unreadable")
"""What a survey of a large folder may find differently the next time."""


class NotTheSame(GpubenchError):
    """A run cannot go on because something is not what it was when it began."""

    status = ExitStatus.NOT_COMPARABLE


class CannotTrain(GpubenchError):
    """A suite's first process, which only looks and warms up, did not get through."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class SuiteRun:
    """A suite to be run: what it is called, the module that trains it, and the workload.

    With ``ceilings`` nothing is trained: those are measured.
    """

    subject: Subject
    module: str
    workload: Workload
    ceilings: tuple[str, ...] = ()


class Watcher(Interface):
    """Somebody who is told how a session goes."""

    def began(self, step: Step, remaining: Sequence[Step], seconds_left: float) -> None:
        """A job starts; ``remaining`` are those after it; all will take ``seconds_left``."""

    def sampled(self, latest: Latest) -> None:
        """While the running job lasts, ``latest`` answers what its GPU does."""

    def stage(self, name: str, done: int, of: int) -> None:
        """The running job has reached a stage."""

    def measured(self, measurement: Measurement) -> None:
        """The running job is a process of a cell, and this is in the record of it."""

    def ended(self, step: Step, state: str, reason: str | None, seconds: float) -> None:
        """The running job is over."""


class Ask(Interface):
    """Something that gets a job done, as ``runner.run_job`` does in a process of its own."""

    def __call__(self, job: Job, *, cache: Path, progress: Progress) -> Answer:
        """Answer the job."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """What all jobs of a run share.

    ``before`` is the record that is gone on with, if any; ``ask`` runs a job in a process, and
    ``sampling`` watches a GPU meanwhile. ``rendezvous`` is where several nodes meet. The budget
    counts from ``began`` (``time.monotonic``), so that a search for a batch size before the first
    job is in it. ``again`` says that a process that something disturbed is done again at once.
    """

    modes: tuple[Mode, ...]
    protocol: Protocol
    device: str
    writer: RecordWriter
    before: RunRecord | None
    watcher: Watcher
    ask: Ask = run_job
    sampling: Sampling = sampling
    again: bool = True
    began: float = dataclasses.field(default_factory=time.monotonic)
    rendezvous: str | None = None


def run_session(session: Session, suites: Sequence[SuiteRun]) -> None:
    """Run what the record does not have yet; an interruption loses the running job alone."""
    trained = [suite for suite in suites if not suite.ceilings]
    agenda = Agenda(
        [suite.subject for suite in trained],
        session.modes,
        session.protocol,
        session.before,
        feeds={suite.subject: feeds_of(suite.workload, session.device) for suite in trained},
        began=session.began,
        spread=[suite.subject for suite in trained if suite.workload.strategy.is_spread],
    )
    with tempfile.TemporaryDirectory(prefix="gpubench-") as scratch:
        runs: dict[Subject, SuiteSession] = {}
        for index, suite in enumerate(trained):
            folder = Path(scratch) / str(index)
            folder.mkdir()
            runs[suite.subject] = SuiteSession(session, suite, folder, agenda)
        measured = Ceilings(session, suites, Path(scratch), agenda)
        measured.run(ceilings.SUBJECT)
        for step in agenda:
            session.watcher.began(
                step,
                [*agenda.remaining, *measured.remaining],
                agenda.seconds_left(step) + agenda.estimate.of(measured.remaining),
            )
            session.watcher.ended(step, *runs[step.subject].done(step))
            # not before the first survey: data that cannot be read is told at once
            measured.run(ceilings.BEFORE, gpu=runs[step.subject].gpu)
        measured.run(ceilings.AFTER)
    for closing in agenda.closings():
        before = session.before
        if before is None or before.closing(closing.subject, closing.mode) != closing:
            session.writer.append(closing)


def feeds_of(workload: Workload, device: str) -> tuple[Feed, ...]:
    """Which ways of making batches are timed without training, for a tier that reads files."""
    if workload.tier == "loader":
        return settings(workload.feed, device, cores())
    return (here(workload.feed, device),) if workload.tier == "end-to-end" else ()


class Learner(Interface):
    """Something that takes in how jobs ended, as an agenda does."""

    def learn(self, step: Step, seconds: float, measurement: Measurement | None = None, /) -> None:
        """A job ended after so many seconds."""


class SuiteSession:
    """The jobs of one suite, which share a workload and a folder for caches."""

    def __init__(
        self,
        session: Session,
        suite: SuiteRun,
        scratch: Path,
        agenda: Learner,
        caches: Caches | None = None,
    ) -> None:
        self._session, self._suite, self._scratch = session, suite, scratch
        self._agenda = agenda
        self._caches = caches or Caches(folder=scratch, processes=session.protocol.processes)
        self._workload = suite.workload
        self._facts: WorkloadFacts | None = None

    @property
    def gpu(self) -> str | None:
        """The hashed UUID of the GPU that is trained on, where there is one."""
        return self._facts.device.get("gpu") if self._facts else None

    def done(self, step: Step) -> tuple[str, str | None, float]:
        """Do one job, keep its answer, and say how it ended."""
        if self._facts is None:
            return self._describe(step)
        started = datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds")
        if step.feed is not None:
            return self._load(step, step.feed, started, self._facts)
        unsupported = self._facts.unsupported.get(step.mode.name)
        if unsupported is None:
            answer = self._answer(step, self._facts.device.get("gpu"))
        else:
            answer = Answer.without_process("not-supported", unsupported)
        line = self._line(step, answer, started, self._facts)
        self._session.writer.append(line)
        if step.kind == "measure" and line.state in COUNTING:
            self._caches.note_filled(step)
        self._agenda.learn(step, answer.seconds, line if isinstance(line, Measurement) else None)
        if isinstance(line, Measurement):
            self._session.watcher.measured(line)
        return line.state, line.reason, answer.seconds

    def _line(
        self, step: Step, answer: Answer, started: str, facts: WorkloadFacts
    ) -> Measurement | ParityRun:
        plain: dict[str, Any] = {**answer.result, **step.subject._asdict(), "mode": step.mode.name}
        if step.kind == "parity":
            return codec.from_plain(ParityRun, plain, f"the answer of {step.title}")
        cache = "warm" if self._caches.is_warm(step) else "cold"
        plain |= {
            "process": step.process,
            "attempt": step.attempt,
            "started": started,
            "child_seconds": answer.seconds,
            "samples_per_step": facts.samples_per_step,
            "compile_cache": cache if step.mode.compile else None,
        }
        return codec.from_plain(Measurement, plain, f"the answer of {step.title}")

    def _load(
        self, step: Step, feed: Feed, started: str, facts: WorkloadFacts
    ) -> tuple[str, str | None, float]:
        answer = self._ask(step)
        plain: dict[str, Any] = {**answer.result, **step.subject._asdict()}
        plain |= {
            "feed": codec.to_plain(feed),
            "process": step.process,
            "started": started,
            "child_seconds": answer.seconds,
            "batch_size": facts.batch_size,
        }
        line = codec.from_plain(Loading, plain, f"the answer of {step.title}")
        self._session.writer.append(line)
        self._agenda.learn(step, answer.seconds)
        return line.state, line.reason, answer.seconds

    def _describe(self, step: Step) -> tuple[str, str | None, float]:
        answer = self._ask(step)
        if "settings" not in answer.result:
            raise CannotTrain(
                f"{self._suite.subject.title} cannot be trained: {answer.result['reason']}"
            )
        self._workload = Workload.from_plain(answer.result["workload"])
        plain = {**answer.result, **self._suite.subject._asdict()}
        facts = codec.from_plain(WorkloadFacts, plain, f"the answer of {step.title}")
        before = self._session.before
        known = before.workloads.get(facts.subject) if before else None
        if known is None:
            self._session.writer.append(facts)
        else:
            _hold_against(known, facts)
        self._facts = facts
        self._agenda.learn(step, answer.seconds)
        return "ok", None, answer.seconds

    def _answer(self, step: Step, gpu: str | None) -> Answer:
        """The job's answer; where a GPU is measured, of a process that nothing disturbed."""
        if step.kind != "measure" or gpu is None:
            return self._ask(step)
        session = self._session
        gpus = self._facts.device.get("gpus") if self._facts else None
        return undisturbed(
            lambda: self._ask(step),
            gpu,
            all_of(gpus, session.sampling) if gpus else session.sampling,
            session.watcher.sampled,
            again=session.again,
        )

    def _ask(self, step: Step) -> Answer:
        with self._caches.of(step) as cache:
            return self._session.ask(
                self._job(step), cache=cache, progress=self._session.watcher.stage
            )

    def _job(self, step: Step) -> Job:
        return Job(
            kind=_kind(step, self._workload.strategy),
            suite_module=self._suite.module,
            workload=dataclasses.replace(
                self._workload, feed=here(step.feed or self._workload.feed, self._session.device)
            ),
            mode=step.mode,
            protocol=self._session.protocol,
            device=self._session.device,
            scratch=str(self._scratch),
            parity_roundings=tuple(sorted({mode.rounding for mode in self._session.modes})),
            rendezvous=self._session.rendezvous if self._workload.strategy.nodes > 1 else None,
        )


def _kind(step: Step, strategy: Strategy) -> Kind:
    """The job of a step: by ranks where the strategy has some."""
    if strategy.is_launched and step.kind in ("measure", "parity"):
        return "measure-ranks" if step.kind == "measure" else "parity-ranks"
    return step.kind


def _hold_against(known: WorkloadFacts, found: WorkloadFacts) -> None:
    """Raise NotTheSame where a resumed run would train something else."""
    before, now = _fingerprint(known), _fingerprint(found)
    differing = [name for name in before if before[name] != now[name]]
    if differing:
        raise NotTheSame(
            f"{found.subject.title} is not what this run began with "
            f"({', '.join(differing)} differ); "
            "start a new run with another --output"
        )


def _fingerprint(facts: WorkloadFacts) -> dict[str, Any]:
    plain: dict[str, Any] = codec.to_plain(facts)
    for name in TIME_DEPENDENT:
        plain["survey"].pop(name, None)
    return plain
