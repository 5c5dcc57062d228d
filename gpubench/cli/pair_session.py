"""A session of pairs from the command line: its folder, its measuring, and its answer."""

import dataclasses
import functools
from pathlib import Path
from typing import TYPE_CHECKING

from gpubench import __version__
from gpubench.cli import terminal
from gpubench.cli.pairing import Environment, Trained, now
from gpubench.errors import BadUsage, GpubenchError, Interrupted
from gpubench.suites.registry import suite_named

if TYPE_CHECKING:
    from gpubench.bench.pairs import Side
    from gpubench.gate.pair_folder import Asked
    from gpubench.gate.pair_judge import Find
    from gpubench.gate.pairs import PairRecords
    from gpubench.gate.verdicts import OnInconclusive


def measure(
    wanted: Trained,
    environments: tuple[Environment, Environment],
    asked: "Asked",
    folder: Path,
    budget: float | None,
    find: "Find",
    *,
    resume: bool,
) -> "PairRecords":
    """Measure what the folder does not hold yet; the pairs stay whatever ends it early."""
    from gpubench.bench.modes import mode_named
    from gpubench.bench.pairs import PairSession, run_pairs
    from gpubench.bench.session import SuiteRun
    from gpubench.cli.feeding import own_feed
    from gpubench.cli.pair_progress import watcher
    from gpubench.cli.run import again
    from gpubench.gate.pair_folder import discard_if_empty
    from gpubench.gate.pair_judge import PairJudge

    asked, sides = open_folder(wanted, environments, asked, folder, resume=resume)
    judge = PairJudge(folder, asked, find)
    suites = [
        SuiteRun(
            subject=subject,
            module=suite_named(subject.suite).module,
            workload=own_feed(wanted.workload, subject.suite),
        )
        for subject in wanted.plan.subjects
    ]
    terminal.note(f"recording to {folder}")
    try:
        with terminal.interruptible(), watcher(judge) as shown:
            session = PairSession(
                sides=sides,
                modes=tuple(mode_named(name) for name in wanted.plan.modes),
                protocol=wanted.protocol,
                device=wanted.plan.device,
                budget_seconds=budget,
                judge=judge,
                watcher=shown,
            )
            run_pairs(session, suites)
    except KeyboardInterrupt:
        raise Interrupted(
            f"interrupted; the pairs so far are in {folder}; go on with: {again(folder)}"
        ) from None
    except GpubenchError as problem:
        if not discard_if_empty(folder, [side.writer for side in sides]):
            problem.args = (f"{problem}; the pairs so far are in {folder}",)
        raise
    return judge.records


def open_folder(
    wanted: Trained,
    environments: tuple[Environment, Environment],
    asked: "Asked",
    folder: Path,
    *,
    resume: bool,
) -> "tuple[Asked, tuple[Side, Side]]":
    """The folder to write to, and what it holds; errors where it was begun otherwise."""
    from gpubench.gate.pair_folder import create, read_asked

    if resume:
        known = read_asked(folder)
        differing = known.differing(asked)
        if differing:
            raise BadUsage(
                f"{folder} was begun with other options ({', '.join(differing)} differ); "
                "repeat them to go on with it"
            )
        asked = known
    else:
        create(folder, asked)
    baseline, candidate = (
        _side(letter, environment, wanted, folder)
        for letter, environment in zip("ab", environments, strict=True)
    )
    return asked, (baseline, candidate)


def _side(letter: str, environment: Environment, wanted: Trained, folder: Path) -> "Side":
    """A side with its record, begun or gone on with; NotTheSame where its environment changed."""
    from gpubench import codec
    from gpubench.bench.pairs import Side
    from gpubench.bench.record import FILE_NAME, Header, RecordWriter, read_record
    from gpubench.bench.runner import run_job
    from gpubench.bench.session import NotTheSame
    from gpubench.env.snapshot import digest

    own, seen = folder / letter, digest(environment.snapshot)
    before = None
    if (own / FILE_NAME).is_file():
        before = read_record(own)
        if before.header.environment != seen:
            raise NotTheSame(
                f"the environment of {letter.upper()} has changed since {folder} was begun; "
                "start anew with another --output"
            )
        if before.header.image != environment.image:
            raise NotTheSame(
                f"{letter.upper()} is another image than the one {folder} was begun with: "
                f"{environment.image}, not {before.header.image}; start anew with another --output"
            )
        if before.header.protocol.lasting != wanted.protocol.lasting:
            raise BadUsage(f"{folder} was begun with other options; repeat them to go on with it")
        writer = RecordWriter.reopen(own)
    else:
        header = Header(
            gpubench_version=__version__,
            created=now(),
            plan=wanted.plan,
            protocol=wanted.protocol,
            environment=seen,
            image=environment.image,
            snapshot=codec.to_plain(environment.snapshot),
        )
        writer = RecordWriter.create(own, header)
    ask = functools.partial(run_job, place=environment.place)
    return Side(letter=letter, ask=ask, writer=writer, before=before)


def on_inconclusive(word: str) -> "OnInconclusive":
    """The word as the gate knows it; BadUsage otherwise."""
    from gpubench.gate.verdicts import ON_INCONCLUSIVE

    wanted = next((known for known in ON_INCONCLUSIVE if known == word), None)
    if wanted is None:
        raise BadUsage(f"--on-inconclusive {word}: choose fail, warn or pass")
    return wanted


def answer(
    records: "PairRecords",
    when_inconclusive: str,
    form: str,
    output: Path | None = None,
) -> int:
    """Print what the pairs say; its exit status."""
    from gpubench.gate.pair_answer import compare_pairs
    from gpubench.render.compare import renderer

    word = on_inconclusive(when_inconclusive)
    rules = dataclasses.replace(records.rules, on_inconclusive=word)
    found = compare_pairs(dataclasses.replace(records, rules=rules))
    terminal.answer(renderer(form)(found), output)
    if found.verdict == "INCONCLUSIVE" and word == "warn":
        terminal.note("warning: inconclusive; --on-inconclusive fail makes this exit 4")
    return found.exit_status
