"""The jobs of ceilings in a session: their order, less those a record has, and their lines."""

import dataclasses
import datetime
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gpubench import codec
from gpubench.bench import ceilings
from gpubench.bench.job import Job, Subject
from gpubench.bench.modes import REFERENCE, Mode
from gpubench.bench.record import CeilingRun, RunRecord
from gpubench.bench.runner import Answer
from gpubench.bench.schedule import GIVES_UP, WORTH_ANOTHER_TRY, Step
from gpubench.units import Seconds

if TYPE_CHECKING:
    from gpubench.bench.session import Session, SuiteRun


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
        if run.state in GIVES_UP
        or (run.process == step.process and run.state not in WORTH_ANOTHER_TRY)
    }
    return answered.issuperset(step.ceilings)


class Ceilings:
    """All ceilings of a session: those of the suite, and those around the training."""

    def __init__(self, session: "Session", suites: Sequence["SuiteRun"], scratch: Path) -> None:
        wanted = [suite for suite in suites if suite.ceilings]
        processes, before = session.protocol.processes, session.before
        self._runs = {suite.subject: _CeilingSession(session, suite, scratch) for suite in wanted}
        self._steps = {
            suite.subject: schedule_ceilings(suite, session.device, processes, before)
            for suite in wanted
        }

    @property
    def remaining(self) -> list[Step]:
        """What is still to be measured."""
        return [step for steps in self._steps.values() for step in steps]

    def run(self, subject: Subject) -> None:
        """Measure what there is of a subject; once, however often it is asked."""
        steps = self._steps.pop(subject, [])
        if steps:
            self._runs[subject].run(steps, self.remaining)


class _CeilingSession:
    """Runs the jobs of one subject and writes a line for every ceiling of each."""

    def __init__(self, session: "Session", suite: "SuiteRun", scratch: Path) -> None:
        self._session, self._suite, self._scratch = session, suite, scratch
        self._given_up: set[str] = set()

    def run(self, steps: Sequence[Step], later: Sequence[Step]) -> None:
        """Do the steps in order; one whose ceilings have all given up is left out."""
        for index, step in enumerate(steps):
            if self._given_up.issuperset(step.ceilings):
                continue
            self._session.watcher.began(step, [*steps[index + 1 :], *later])
            self._session.watcher.ended(step, *self._done(step))

    def _done(self, step: Step) -> tuple[str, str | None, float]:
        """Ask for the step's ceilings and keep the lines; the worst is what is told of it."""
        started = datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds")
        answer = self._answer(step)
        lines = [self._line(step, plain, answer, started) for plain in _answers(step, answer)]
        for line in lines:
            self._session.writer.append(line)
            if line.state in GIVES_UP:
                self._given_up.add(line.name)
        worst = next((line for line in lines if line.state not in ("ok", "not-supported")), None)
        if worst is None:
            worst = next((line for line in lines if line.state == "ok"), lines[0])
        return worst.state, worst.reason, answer.seconds

    def _answer(self, step: Step) -> Answer:
        if _is_none(step.ceilings, self._session.device):
            known = [ceilings.ceiling_named(name) for name in step.ceilings]
            return Answer.without_process("not-supported", str(known[0].not_on_cpu))
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
        seconds = min(protocol.window_min_seconds, ceilings.PEAK_SECONDS)
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
        }
        return codec.from_plain(CeilingRun, whole, f"the answer of {step.title}")


def _answers(step: Step, answer: Answer) -> list[dict[str, Any]]:
    """An answer for each ceiling; that of the process where it did not come to one."""
    told: list[dict[str, Any]] | None = answer.result.get("ceilings")
    if told is not None:
        return told
    state, reason = answer.result["state"], answer.result["reason"]
    return [{"name": name, "state": state, "reason": reason} for name in step.ceilings]


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
    if not training:
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
