"""The jobs of ceilings in a session: their order, less those a record has, and their lines."""

import dataclasses
import datetime
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gpubench import codec
from gpubench.bench import ceilings
from gpubench.bench.agenda import Agenda
from gpubench.bench.job import Job, State, Subject
from gpubench.bench.modes import REFERENCE, Mode
from gpubench.bench.record import CeilingRun, RunRecord
from gpubench.bench.runner import Answer
from gpubench.bench.schedule import Step, gives_up, is_an_answer
from gpubench.bench.undisturbed import undisturbed
from gpubench.units import Seconds

if TYPE_CHECKING:
    from gpubench.bench.session import Session, SuiteRun


TOLD_FIRST: tuple[State, ...] = (
    "invalid", "failed", "timed-out", "out-of-memory", "unstable", "capped", "ok", "not-supported",
)  # fmt: skip
"""Which line's state is told of a process that measured several."""


def schedule_ceilings(
    suite: "SuiteRun", device: str, processes: int, before: RunRecord | None
) -> list[Step]:
    """The jobs of a suite of ceilings that ``before`` does not hold.

    The suite measures each in processes of its own, which take turns; around training, one
    process measures all that the modes need.
    """
    jobs: list[tuple[tuple[str, ...], int]]
    if suite.subject == ceilings.SUBJECT:
        each = [(name,) for name in suite.ceilings]
        jobs = [(names, process) for process in range(processes) for names in each]
    else:
        jobs = [(suite.ceilings, 0)]
    steps = [
        Step(
            subject=suite.subject,
            kind="ceilings",
            mode=REFERENCE,
            process=process,
            ceilings=names,
        )
        for names, process in jobs
        if process == 0 or not _is_none(names, device)
    ]
    return [step for step in steps if before is None or not _is_kept(step, before)]


def _is_none(names: Sequence[str], device: str) -> bool:
    """Whether the device has none of these ceilings, which takes no process to say."""
    known = [ceilings.ceiling_named(name) for name in names]
    return device == "cpu" and all(ceiling.not_on_cpu for ceiling in known)


def _is_kept(step: Step, before: RunRecord) -> bool:
    """Whether the record has an answer to every ceiling of the step."""
    runs = before.of(CeilingRun, step.subject)
    answered = {
        run.name
        for run in runs
        if gives_up(run) or (run.process == step.process and is_an_answer(run))
    }
    return answered.issuperset(step.ceilings)


class Ceilings:
    """All ceilings of a session: those of the suite, and those around the training."""

    def __init__(
        self, session: "Session", suites: Sequence["SuiteRun"], scratch: Path, agenda: Agenda
    ) -> None:
        wanted = [suite for suite in suites if suite.ceilings]
        processes, before = session.protocol.processes, session.before
        self._session, self._agenda = session, agenda
        self._runs = {suite.subject: _CeilingRuns(session, suite, scratch) for suite in wanted}
        self._steps = {
            suite.subject: schedule_ceilings(suite, session.device, processes, before)
            for suite in wanted
        }
        self._gpu: str | None = None
        agenda.reserve(lambda: [step for step in self.remaining if step.is_first])

    @property
    def remaining(self) -> list[Step]:
        """What is still to be measured."""
        return [step for steps in self._steps.values() for step in steps]

    def run(self, subject: Subject, *, gpu: str | None = None) -> None:
        """Measure what there is of a subject; once, however often it is asked.

        ``gpu`` is the hashed UUID of the one to watch, where it is known already.
        """
        self._gpu = gpu or self._gpu
        steps = self._steps.pop(subject, [])
        for index, step in enumerate(steps):
            run = self._runs[subject]
            if run.has_given_up(step) or not self._agenda.has_time_for(step):
                continue
            later = [*steps[index + 1 :], *self._agenda.remaining, *self.remaining]
            seconds = self._agenda.estimate.of([step, *later])
            self._session.watcher.began(step, later, seconds)
            state, reason, took = run.done(step, self._gpu)
            self._session.watcher.ended(step, state, reason, took)
            self._agenda.learn(step, took)
            self._gpu = self._gpu or run.gpu


class _CeilingRuns:
    """Does the jobs of one subject and writes a line for every ceiling of each."""

    def __init__(self, session: "Session", suite: "SuiteRun", scratch: Path) -> None:
        self._session, self._suite, self._scratch = session, suite, scratch
        self._given_up: set[str] = set()
        self.gpu: str | None = None

    def has_given_up(self, step: Step) -> bool:
        """Whether every ceiling of the step has ended as any other process of it would."""
        return self._given_up.issuperset(step.ceilings)

    def done(self, step: Step, gpu: str | None) -> tuple[str, str | None, float]:
        """Ask for the step's ceilings and keep the lines; the worst is what is told of it."""
        started = datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds")
        answer = self._answer(step, gpu)
        lines = [self._line(step, plain, answer, started) for plain in _answers(step, answer)]
        for line in lines:
            self._session.writer.append(line)
            self.gpu = self.gpu or line.device.get("gpu")
            if gives_up(line):
                self._given_up.add(line.name)
        worst = min(lines, key=lambda line: TOLD_FIRST.index(line.state))
        return worst.state, worst.reason, answer.seconds

    def _answer(self, step: Step, gpu: str | None) -> Answer:
        """The step's answer, watched where there is a GPU.

        The first process of all tells which one it is, and is then done again under watch.
        """
        if _is_none(step.ceilings, self._session.device):
            known = [ceilings.ceiling_named(name) for name in step.ceilings]
            return Answer.without_process("not-supported", str(known[0].not_on_cpu))
        if gpu is None:
            unwatched = self._ask(step)
            gpu = unwatched.result.get("device", {}).get("gpu")
            if gpu is None:
                return unwatched
        watcher = self._session.watcher
        return undisturbed(lambda: self._ask(step), gpu, self._session.sampling, watcher.sampled)

    def _ask(self, step: Step) -> Answer:
        cache = self._scratch / "cache-ceilings"
        cache.mkdir(exist_ok=True)
        try:
            return self._session.ask(
                self._job(step), cache=cache, progress=self._session.watcher.stage
            )
        finally:
            shutil.rmtree(cache, ignore_errors=True)

    def _job(self, step: Step) -> Job:
        protocol = self._session.protocol
        seconds = ceilings.PEAK_SECONDS
        if self._suite.subject == ceilings.SUBJECT:
            seconds = min(protocol.window_min_seconds / 2, ceilings.LONGEST_SECONDS)
        return Job(
            kind="ceilings",
            suite_module=self._suite.module,
            workload=self._suite.workload,
            mode=step.mode,
            protocol=dataclasses.replace(
                protocol,
                window_min_seconds=Seconds(seconds),
                process_limit_seconds=min(protocol.process_limit_seconds, ceilings.LIMIT_SECONDS),
            ),
            device=self._session.device,
            scratch=str(self._scratch),
            ceilings=step.ceilings,
        )

    def _line(self, step: Step, plain: dict[str, Any], answer: Answer, started: str) -> CeilingRun:
        whole = {
            **plain,
            **step.subject._asdict(),
            "process": step.process,
            "started": started,
            "child_seconds": answer.seconds,
            "device": answer.result.get("device", {}),
            "telemetry": answer.result.get("telemetry"),
        }
        return codec.from_plain(CeilingRun, whole, f"the answer of {step.title}")


def _answers(step: Step, answer: Answer) -> list[dict[str, Any]]:
    """An answer for each ceiling; that of the process where it is no plain one."""
    names = ("state", "reason", "disturbed")
    whole = {name: answer.result[name] for name in names if name in answer.result}
    told: list[dict[str, Any]] | None = answer.result.get("ceilings")
    if told is None:
        return [{"name": name, **whole} for name in step.ceilings]
    if whole["state"] == "ok":
        return told
    return [{**line, **whole} if line["state"] == "ok" else line for line in told]


def with_ceilings(runs: Sequence["SuiteRun"], modes: Sequence[Mode]) -> list["SuiteRun"]:
    """The suites of a run with what they are held against measured before and after.

    The suite ``ceilings`` itself is told what there is to measure, once whatever the variants.
    """
    every = tuple(ceiling.name for ceiling in ceilings.CEILINGS)
    training = [run for run in runs if run.subject.suite != ceilings.SUITE]
    told = {
        run.subject: run
        for run in (
            run
            if run in training
            else dataclasses.replace(run, subject=ceilings.SUBJECT, ceilings=every)
            for run in runs
        )
    }
    if not training or not modes:  # the loader tier trains nothing
        return list(told.values())
    peaks = [
        dataclasses.replace(
            training[0],
            subject=subject,
            module=ceilings.__name__,
            ceilings=ceilings.products_for(modes),
        )
        for subject in (ceilings.BEFORE, ceilings.AFTER)
    ]
    return [peaks[0], *told.values(), peaks[1]]
