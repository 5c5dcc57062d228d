"""``--batch-size auto``: one batch size for all modes and variants of a suite, so they compare.

It is searched in the variant with the largest samples and in each asked autocast format, eager: a
compiled mode keeps less of the forward pass, except what CUDA graphs reserve, for which there is a
margin. The smallest of what is found is measured, by processes of their own.
"""

import contextlib
import dataclasses
import tempfile
from collections.abc import Sequence
from pathlib import Path

from gpubench import codec
from gpubench.bench import ceilings
from gpubench.bench.feed import here
from gpubench.bench.job import Job, Subject
from gpubench.bench.modes import Mode, mode_named
from gpubench.bench.record import BatchSearch
from gpubench.bench.runner import Answer
from gpubench.bench.schedule import Step
from gpubench.bench.session import CannotTrain, Session, SuiteRun


def with_found_batches(
    session: Session, suites: Sequence[SuiteRun], *, wanted: bool
) -> list[SuiteRun]:
    """The suites with the batch size that was found, by now or in the run that is gone on with."""
    if not wanted:
        return list(suites)
    sizes = {
        name: _size(session, [each for each in suites if each.subject.suite == name])
        for name in dict.fromkeys(each.subject.suite for each in suites)
        if name != ceilings.SUITE  # which trains nothing
    }
    return [
        dataclasses.replace(
            each,
            workload=dataclasses.replace(each.workload, batch_size=sizes[each.subject.suite]),
        )
        if each.subject.suite in sizes
        else each
        for each in suites
    ]


def modes_to_search(asked: Sequence[Mode]) -> list[Mode]:
    """An eager mode for each autocast format that is asked for: TF32 needs what float32 does."""
    found: dict[str | None, Mode] = {}
    for mode in asked:
        found.setdefault(mode.autocast, mode_named(mode.base))
    return list(found.values())


def chosen(searches: Sequence[BatchSearch]) -> int | None:
    """The smallest of the sizes found; None where no mode found one."""
    return min((search.found for search in searches if search.found), default=None)


def _size(session: Session, variants: Sequence[SuiteRun]) -> int:
    """The batch size of one suite; 1 where not even that fits, so that the rows say so."""
    heaviest = variants[-1]
    searches = _searches(session, heaviest)
    size = chosen(searches)
    if size is not None:
        return size
    reasons = [each.reason for each in searches if each.state not in HAS_AN_ANSWER]
    if reasons:
        raise CannotTrain(f"no batch size was found for {heaviest.subject.title}: {reasons[0]}")
    return 1


GUESS = 60.0
"""Seconds that a search is said to take, before any has been (own choice)."""

HAS_AN_ANSWER = ("ok", "not-supported", "out-of-memory")


def _searches(session: Session, suite: SuiteRun) -> list[BatchSearch]:
    """One per mode, those of the run before first."""
    before = session.before.of(BatchSearch, suite.subject) if session.before else []
    done = {each.mode: each for each in before if each.state in HAS_AN_ANSWER}
    modes = modes_to_search(session.modes)
    steps = [
        Step(subject=suite.subject, kind="search-batch", mode=mode)
        for mode in modes
        if mode.name not in done
    ]
    for index, step in enumerate(steps):
        session.watcher.began(step, steps[index + 1 :], GUESS * (len(steps) - index))
        answer = _answer(session, suite, step)
        done[step.mode.name] = _line(answer, step.subject, step.mode)
        session.writer.append(done[step.mode.name])
        found = done[step.mode.name]
        session.watcher.ended(step, found.state, found.reason, answer.seconds)
    return [done[mode.name] for mode in modes]


def _answer(session: Session, suite: SuiteRun, step: Step) -> Answer:
    with contextlib.ExitStack() as folders:
        scratch, cache = (
            folders.enter_context(tempfile.TemporaryDirectory(prefix="gpubench-")) for _ in "12"
        )
        job = Job(
            kind="search-batch",
            suite_module=suite.module,
            workload=dataclasses.replace(
                suite.workload, feed=here(suite.workload.feed, session.device)
            ),
            mode=step.mode,
            protocol=session.protocol,
            device=session.device,
            scratch=scratch,
        )
        return session.ask(job, cache=Path(cache), progress=session.watcher.stage)


def _line(answer: Answer, subject: Subject, mode: Mode) -> BatchSearch:
    plain = {**answer.result, **subject._asdict(), "mode": mode.name}
    return codec.from_plain(BatchSearch, plain, f"the search in {mode.name}")
