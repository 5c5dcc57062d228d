"""What ``ab`` and ``calibrate`` share: the options of a workload, both sides, and the session."""

import dataclasses
import datetime
import functools
import os
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from gpubench import __version__
from gpubench.cli import terminal
from gpubench.errors import BadUsage, GpubenchError, Interrupted
from gpubench.suites.registry import SUITES, suite_named

if TYPE_CHECKING:
    from gpubench.bench.job import Workload
    from gpubench.bench.pairs import Side
    from gpubench.bench.protocol import Protocol
    from gpubench.bench.record import Plan, Source
    from gpubench.env.places import Place
    from gpubench.env.snapshot import Snapshot
    from gpubench.gate.pair_folder import Asked
    from gpubench.gate.pair_judge import Find
    from gpubench.gate.pairs import PairRecords
    from gpubench.gate.verdicts import OnInconclusive

MODES = {"smoke": ("fp32", "amp-bf16", "fp32+compile")}
USUAL_MODES = ("fp32", "amp-bf16", "amp-bf16+compile")
"""What is measured unless ``--modes`` says otherwise: every further cell takes its pairs, and its
share of the risk."""

BUDGET = "60m"

SUITE = typer.Option(help=f"What to train: {', '.join(s.name for s in SUITES if s.trains)}.")
PRESET = typer.Option(help="smoke, standard or procurement (default: standard with a GPU).")
MODE_LIST = typer.Option(help="Modes to measure; see `gpubench list modes`.")
BATCH = typer.Option(min=1, help="Samples per batch.")
ACCUMULATION = typer.Option(min=1, max=4096, help="Batches that make one step of the optimizer.")
DEVICE = typer.Option(help="auto, cuda or cpu.")
TIER = typer.Option(help="resident (batches stay on the device) or end-to-end.")
DATA = typer.Option(help="synthetic, or a folder of images, or BIO files.")
MODEL = typer.Option(help="A timm architecture, or a model folder or hub name.")
SEQUENCE = typer.Option(min=8, help="Tokens per sentence (bert-ner).")
IMAGE = typer.Option(min=16, help="Pixels along a side (deit).")
WORKERS = typer.Option(min=0, max=256, help="Loader processes.")
LENGTHS = typer.Option(help="Pad sentences to fixed or bucketed lengths (bert-ner).")
LONG = typer.Option(help="truncate long sentences or window over them (bert-ner).")
AUGMENT = typer.Option("--augment", help="Random resized crop and flip (deit, files).")
SECONDS = typer.Option(min=0.1, help="The shortest window of a process.")
OUTPUT = typer.Option(help="The folder of pairs (default: a new one under reports/).")
RESUME = typer.Option("--resume", help="Go on with the pairs in --output.")


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Trained:
    """What both sides train, and by which rules."""

    plan: "Plan"
    protocol: "Protocol"
    workload: "Workload"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Environment:
    """One side's place, and what is known of it. ``title`` is for people, ``source`` for files."""

    place: "Place"
    title: str
    source: "Source"
    snapshot: "Snapshot"
    image: str | None = None

    @property
    def releases(self) -> str:
        """Where it is, and its Python and torch."""
        python, torch = self.snapshot.python, self.snapshot.torch
        return terminal.plain(
            f"{self.title}, Python {python.version if python else 'unknown'}, "
            f"{f'torch {torch.version}' if torch else 'no torch'}"
        )


def interpreter(python: str | None, option: str = "--python") -> Environment:
    """An interpreter, None for the one that runs this; BadUsage where it is no program."""
    from gpubench.bench.record import Source
    from gpubench.env.places import Interpreter
    from gpubench.env.probe import interpreter as program
    from gpubench.env.probe import take_snapshot

    place = Interpreter(program(python, option))
    source = Source.of(place.executable)
    assert source is not None
    return Environment(
        place=place,
        title=place.executable,
        source=source,
        snapshot=take_snapshot(level="quick", place=place),
        image=os.environ.get("GPUBENCH_IMAGE") if python is None else None,
    )


def interpreters(a_python: str | None, b_python: str | None) -> tuple[Environment, Environment]:
    """The environments of two interpreters, examined at the same time."""
    from gpubench.env.children import concurrently

    baseline, candidate = concurrently(
        [
            functools.partial(interpreter, a_python, "--a-python"),
            functools.partial(interpreter, b_python, "--b-python"),
        ],
        at_once=2,
    )
    return baseline, candidate


def trained(
    *,
    suite: str,
    preset: str | None,
    modes: str | None,
    batch_size: int | None,
    accumulation: int,
    device: str,
    tier: str | None,
    data: str,
    model: str | None,
    sequence_length: int | None,
    image_size: int | None,
    workers: int | None,
    lengths: str,
    long: str,
    augment: bool,
    seconds: float | None,
    snapshot: "Snapshot",
) -> Trained:
    """What the options ask for; GpubenchError where they cannot be asked."""
    from gpubench.bench.modes import MODES as EVERY
    from gpubench.bench.modes import mode_named
    from gpubench.cli import run
    from gpubench.cli.dimensions import with_sweep
    from gpubench.cli.feeding import fed, hold_feed
    from gpubench.gate.sequential import LOOKS

    if tier == "loader":
        raise BadUsage("--tier loader trains nothing, so there are no pairs of it")
    chosen = run.device_of(device, snapshot)
    protocol = dataclasses.replace(
        run.protocol_of(preset, chosen, LOOKS[0], seconds),
        precision=None, most_processes=None, budget_seconds=None,
    )  # fmt: skip
    tier = tier or ("resident" if data == "synthetic" else "end-to-end")
    workload = dataclasses.replace(
        run.workload_of(
            protocol.preset, tier, data, model, batch_size, image_size, sequence_length
        ),
        accumulation=accumulation,
    )
    workload = fed(workload, workers=workers, lengths=lengths, long=long, augment=augment)
    names = run.names_in(modes) if modes else MODES.get(protocol.preset, USUAL_MODES)
    found = EVERY if modes == "all" else tuple(mode_named(name) for name in names)
    plan = with_sweep(
        run.plan_of(suite, found, protocol, chosen, workload), None, batch_search=False
    )
    idle = [name for name in plan.suites if not suite_named(name).trains]
    if idle:
        raise BadUsage(f"--suite {', '.join(idle)} trains nothing, so there are no pairs of it")
    hold_feed(plan)
    return Trained(plan=plan, protocol=protocol, workload=workload)


def now() -> str:
    """This moment, as files hold it."""
    return datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds")


def new_folder(plan: "Plan", what: str) -> Path:
    """A folder of its own for these pairs."""
    stamp = datetime.datetime.now().astimezone().strftime("%Y%m%d-%H%M%S")
    return Path("reports") / f"{stamp}-{what}-{'+'.join(plan.suites)}-{plan.preset}-{plan.device}"


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
            f"interrupted; the pairs so far are in {folder}; go on with: {_again(folder)}"
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
    from gpubench.gate.pairs import compare_pairs
    from gpubench.render.compare import renderer

    word = on_inconclusive(when_inconclusive)
    rules = dataclasses.replace(records.rules, on_inconclusive=word)
    found = compare_pairs(dataclasses.replace(records, rules=rules))
    terminal.answer(renderer(form)(found), output)
    if found.verdict == "INCONCLUSIVE" and word == "warn":
        terminal.note("warning: inconclusive; --on-inconclusive fail makes this exit 4")
    return found.exit_status


def _again(folder: Path) -> str:
    """The command that goes on with these pairs."""
    given = [word for word in sys.argv[1:] if word != "--resume"]
    if "--output" not in given:
        given += ["--output", str(folder)]
    return shlex.join(["gpubench", *given, "--resume"])
