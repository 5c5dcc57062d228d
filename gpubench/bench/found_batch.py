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
from gpubench.bench.batch_search import STAGE, BatchTry
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
    known = _known(session, variants)
    if known is not None:
        return known
    heaviest = variants[-1]
    searches = _searches(session, heaviest)
    size = chosen(searches)
    if size is not None:
        return size
    reasons = [each.reason for each in searches if not _is_an_answer(each)]
    if reasons:
        raise CannotTrain(f"no batch size was found for {heaviest.subject.title}: {reasons[0]}")
    return 1


def _known(session: Session, variants: Sequence[SuiteRun]) -> int | None:
    """The size the run began with: another search, of a mode that failed then, may find another."""
    trained = session.before.workloads if session.before else {}
    sizes = [trained[each.subject].batch_size for each in variants if each.subject in trained]
    return sizes[0] if sizes else None


GUESS = 60.0
"""Seconds that a search is said to take, before any has been (own choice)."""


def _is_an_answer(search: BatchSearch) -> bool:
    """Whether the mode's question is answered; a process that died without its tries has not."""
    if search.state == "out-of-memory":
        return search.ended is not None
    return search.state in ("ok", "not-supported")


def _searches(session: Session, suite: SuiteRun) -> list[BatchSearch]:
    """One per mode, those of the run before first."""
    before = session.before.of(BatchSearch, suite.subject) if session.before else []
    done = {each.mode: each for each in before if _is_an_answer(each)}
    modes = modes_to_search(session.modes)
    steps = [
        Step(subject=suite.subject, kind="search-batch", mode=mode)
        for mode in modes
        if mode.name not in done
    ]
    for index, step in enumerate(steps):
        session.watcher.began(step, steps[index + 1 :], GUESS * (len(steps) - index))
        stages: list[str] = []
        answer = _answer(session, suite, step, stages)
        done[step.mode.name] = _line(_read(answer, stages), step.subject, step.mode)
        session.writer.append(done[step.mode.name])
        found = done[step.mode.name]
        session.watcher.ended(step, found.state, found.reason, answer.seconds)
    return [done[mode.name] for mode in modes]


def _answer(session: Session, suite: SuiteRun, step: Step, stages: list[str]) -> Answer:
    """What the process answers; its ``stages`` are kept, for where it does not live to."""

    def staged(name: str, done: int, of: int) -> None:
        stages.append(name)
        session.watcher.stage(name, done, of)

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
        return session.ask(job, cache=Path(cache), progress=staged)


def _read(answer: Answer, stages: Sequence[str]) -> Answer:
    """The answer; of a process that the kernel killed for memory, what it had come to.

    The size at which it died does not fit. Half of it does: sizes are doubled, and what is tried
    in a gap is less than twice what fitted.
    """
    tried = [int(stage.removeprefix(STAGE)) for stage in stages if stage.startswith(STAGE)]
    if answer.result["state"] != "out-of-memory" or "ended" in answer.result or not tried:
        return answer
    reason, found = answer.result["reason"], tried[-1] // 2 or None
    last = BatchTry(batch_size=tried[-1], fits=False, why=reason)
    ended = {"found": found, "ended": "memory", "tries": [codec.to_plain(last)]}
    state = {"state": "ok", "reason": None} if found else {}
    return dataclasses.replace(answer, result={**answer.result, **ended, **state})


def _line(answer: Answer, subject: Subject, mode: Mode) -> BatchSearch:
    plain = {**answer.result, **subject._asdict(), "mode": mode.name}
    return codec.from_plain(BatchSearch, plain, f"the search in {mode.name}")
