"""``gpubench train``: prove that a stack learns."""

import dataclasses
import datetime
import os
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast, get_args

import typer

from gpubench import __version__
from gpubench.cli import options, terminal
from gpubench.cli.packages import hold_packages
from gpubench.errors import BadUsage, ExitStatus, Interrupted
from gpubench.suites.hub_names import absolute
from gpubench.suites.registry import SUITES, SuiteEntry, suite_named

if TYPE_CHECKING:
    from gpubench.bench.job import Workload
    from gpubench.bench.learning.asked import Training, Vision
    from gpubench.bench.learning.record import EndLine, TrainingPlan, TrainingWriter
    from gpubench.bench.learning.session import Trained
    from gpubench.env.snapshot import Snapshot

LEARN = ", ".join(suite.name for suite in SUITES if suite.learner)


def train(
    suite: Annotated[str, typer.Option(help=f"What to train: {LEARN}.")],
    data: Annotated[str, options.DATA] = "synthetic",
    validation: Annotated[
        str | None, typer.Option(help="What to judge by (default: a tenth of --data, held out).")
    ] = None,
    epochs: Annotated[int | None, typer.Option(min=1, help="How long (default: 3).")] = None,
    steps: Annotated[int | None, typer.Option(min=1, help="How long, in steps instead.")] = None,
    batch_size: Annotated[int | None, typer.Option(min=1, help="Samples in a batch.")] = None,
    mode: Annotated[str, typer.Option(help="How to compute; see `gpubench list modes`.")] = "fp32",
    learning_rate: Annotated[
        float | None, typer.Option(min=0, help="AdamW's (default: the documents').")
    ] = None,
    schedule: Annotated[str, typer.Option(help="constant or cosine.")] = "constant",
    model: Annotated[str | None, options.MODEL] = None,
    head: Annotated[str, typer.Option(help="linear or crf (bert-ner).")] = "linear",
    sequence_length: Annotated[
        int | None, typer.Option(min=8, help="Tokens in a sentence at most (bert-ner).")
    ] = None,
    long: Annotated[str, options.LONG] = "truncate",
    image_size: Annotated[int | None, options.IMAGE] = None,
    distillation: Annotated[
        str, typer.Option(help="none, soft or hard: learn from a --teacher as well (deit).")
    ] = "none",
    teacher: Annotated[
        str | None, typer.Option(help="A checkpoint of gpubench train, or hf-hub:NAME (deit).")
    ] = None,
    layer_decay: Annotated[
        float, typer.Option(min=0.01, max=1, help="Learning rate from layer to layer (deit).")
    ] = 0.75,
    rand_augment: Annotated[
        str, typer.Option(help="timm's RandAugment, or none (deit).")
    ] = "rand-m9-mstd0.5-inc1",
    mixup: Annotated[float, typer.Option(min=0, help="timm's alpha, 0 for none (deit).")] = 0.8,
    cutmix: Annotated[float, typer.Option(min=0, help="timm's alpha, 0 for none (deit).")] = 1.0,
    workers: Annotated[int | None, typer.Option(min=0, max=256, help="Loader processes.")] = None,
    checkpoint: Annotated[
        Path | None, typer.Option(help="Folder of checkpoints (default: in --output).")
    ] = None,
    checkpoint_every: Annotated[
        int, typer.Option(min=1, help="Steps between checkpoints; each epoch ends with one.")
    ] = 500,
    keep: Annotated[int, typer.Option(min=1, help="Checkpoints that stay.")] = 3,
    report_every: Annotated[int, typer.Option(min=1, help="Steps between lines of loss.")] = 50,
    reach: Annotated[
        float | None, typer.Option(min=0, max=1, help="Exit 1 where the last score is below.")
    ] = None,
    export: Annotated[
        Path | None, typer.Option(help="Write the trained model here (.pt2, torch.export).")
    ] = None,
    preset: Annotated[
        str | None, typer.Option(help="smoke (a small model) or standard (with a GPU).")
    ] = None,
    device: Annotated[str, options.DEVICE] = "auto",
    output: Annotated[
        Path | None, typer.Option(help="This training's folder (default: a new one in reports/).")
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with the training in --output.")
    ] = False,
    format: Annotated[str, typer.Option(help="text, markdown, csv or json.")] = "text",  # noqa: A002
) -> int:
    """Train on real data, judge what was learnt, keep checkpoints, and hand the model over."""
    from gpubench.bench.modes import mode_named
    from gpubench.cli.hub import hold_hub
    from gpubench.cli.run import _snapshot, device_of
    from gpubench.render.registry import format_named

    format_named(format)
    entry = _suite(suite)
    if resume and output is None:
        raise BadUsage("--resume needs --output, the folder of the training to go on with")
    if epochs is not None and steps is not None:
        raise BadUsage("--epochs and --steps both say how long; leave one out")
    if export is not None and export.suffix != ".pt2":
        raise BadUsage(f"--export {export}: torch.export writes files that end in .pt2")
    snapshot = _snapshot()
    chosen = device_of(device, snapshot)
    folder = output or _new_folder(entry)
    training = _training(
        folder=folder,
        epochs=None if steps is not None else epochs or 3,
        steps=steps,
        learning_rate=learning_rate,
        schedule=_one_of("--schedule", schedule, "Schedule"),
        head=_one_of("--head", head, "Head"),
        validation=validation,
        checkpoint=checkpoint,
        checkpoint_every=checkpoint_every,
        kept=keep,
        report_every=report_every,
        resume=resume,
        export=export,
        vision=_vision(distillation, teacher, layer_decay, rand_augment, mixup, cutmix),
    )
    workload = _workload(
        preset or ("standard" if chosen == "cuda" else "smoke"),
        data, model, batch_size, sequence_length, image_size, long, workers,
    )  # fmt: skip
    asked = _asked(entry, workload, mode_named(mode).name, training, chosen)
    _hold_meant(entry, workload, training)
    _hold_packages(entry, training)
    teacher = training.vision.teacher
    hold_hub((entry.name,), workload.model, [workload.data, training.validation], teacher=teacher)
    end = _train(asked, _plan(entry, asked), folder, snapshot)
    return _answer(folder, format, end, reach)


def _suite(name: str) -> SuiteEntry:
    entry = suite_named(name)
    if not entry.learner:
        raise BadUsage(f"--suite {entry.name} is not for training; choose {LEARN}")
    return entry


def _one_of(option: str, given: str, kind: str) -> Any:
    from gpubench.bench.learning import asked

    known = get_args(getattr(asked, kind))
    if given not in known:
        raise BadUsage(f"{option} {given}: choose {' or '.join(known)}")
    return given


def _training(
    *, folder: Path, checkpoint: Path | None, validation: str | None, export: Path | None,
    **others: Any,
) -> "Training":  # fmt: skip
    from gpubench.bench.learning.asked import Training

    return Training(
        checkpoint=str((checkpoint or folder / "checkpoints").absolute()),
        stop="",
        validation=None if validation is None else absolute(validation),
        export=None if export is None else str(export.absolute()),
        **others,
    )


def _vision(
    distillation: str,
    teacher: str | None,
    layer_decay: float,
    rand_augment: str,
    mixup: float,
    cutmix: float,
) -> "Vision":
    from gpubench.bench.learning.asked import Vision

    if (distillation == "none") != (teacher is None):
        raise BadUsage("--distillation soft or hard and --teacher go together")
    return Vision(
        distillation=_one_of("--distillation", distillation, "Distillation"),
        teacher=str(Path(teacher).absolute()) if teacher and Path(teacher).exists() else teacher,
        layer_decay=layer_decay,
        rand_augment="" if rand_augment == "none" else rand_augment,
        mixup=mixup,
        cutmix=cutmix,
    )


def _workload(
    preset: str,
    data: str,
    model: str | None,
    batch_size: int | None,
    sequence_length: int | None,
    image_size: int | None,
    long: str,
    workers: int | None,
) -> "Workload":
    from gpubench.bench.feed import Feed, Long
    from gpubench.bench.job import Workload

    if preset not in ("smoke", "standard"):
        raise BadUsage(f"--preset {preset}: choose smoke or standard")
    if long not in get_args(Long):
        raise BadUsage(f"--long {long}: choose {' or '.join(get_args(Long))}")
    return Workload(
        preset=preset,
        tier="end-to-end",
        data=None if data == "synthetic" else absolute(data),
        model=str(Path(model).absolute()) if model and Path(model).exists() else model,
        batch_size=batch_size,
        image_size=image_size,
        sequence_length=sequence_length,
        feed=Feed(workers=workers or 0, long=cast("Long", long)),
    )


def _asked(
    entry: SuiteEntry, workload: "Workload", mode: str, training: "Training", device: str
) -> "Trained":
    from gpubench.bench.learning.session import Trained
    from gpubench.bench.modes import mode_named
    from gpubench.bench.protocol import protocol_named

    return Trained(
        module=entry.learner,
        workload=workload,
        mode=mode_named(mode),
        training=training,
        device=device,
        protocol=protocol_named(workload.preset),
    )


def _hold_meant(entry: SuiteEntry, workload: "Workload", training: "Training") -> None:
    """BadUsage for an option of the other suite, which would change nothing and say nothing."""
    from gpubench.bench.learning.asked import Vision

    vision, usual = training.vision, Vision()
    given = {
        "--head": ("bert-ner", training.head != "linear"),
        "--sequence-length": ("bert-ner", workload.sequence_length is not None),
        "--long": ("bert-ner", workload.feed.long != "truncate"),
        "--image-size": ("deit", workload.image_size is not None),
        **{
            f"--{field.name.replace('_', '-')}": (
                "deit",
                getattr(vision, field.name) != getattr(usual, field.name),
            )
            for field in dataclasses.fields(Vision)
        },
    }
    for option, (suite, is_given) in given.items():
        if is_given and suite != entry.name:
            raise BadUsage(f"{option} is an option of {suite}, and this is {entry.name}")


def _hold_packages(entry: SuiteEntry, training: "Training") -> None:
    """MissingPackage for what would otherwise be missed after the data was read."""
    hold_packages(*entry.needs, *(["torchcrf"] if training.head == "crf" else []))


def _plan(entry: SuiteEntry, asked: "Trained") -> "TrainingPlan":
    from gpubench.bench.learning.record import TrainingPlan
    from gpubench.bench.record import Source

    workload, training = asked.workload, asked.training
    return TrainingPlan(
        suite=entry.name,
        preset=workload.preset,
        device=asked.device,
        mode=asked.mode.name,
        model=Source.of(workload.model),
        data=Source.of(workload.data),
        validation=Source.of(training.validation),
        epochs=training.epochs,
        steps=training.steps,
        batch_size=workload.batch_size,
        sequence_length=workload.sequence_length,
        image_size=workload.image_size,
        learning_rate=training.learning_rate,
        schedule=training.schedule,
        head=training.head,
        long=workload.feed.long,
        vision=_told(training.vision) if entry.name == "deit" else None,
    )


def _told(vision: "Vision") -> "Vision":
    """The same without the path to a teacher, which may name a person."""
    from gpubench.bench.job import public_name

    return dataclasses.replace(vision, teacher=vision.teacher and public_name(vision.teacher))


def _train(asked: "Trained", plan: "TrainingPlan", folder: Path, snapshot: "Snapshot") -> "EndLine":
    from gpubench.bench.learning.session import run_training
    from gpubench.cli.training_progress import TrainingWatcher

    writer = _open(plan, folder, snapshot, resume=asked.training.resume)
    terminal.note(f"recording to {folder}")
    again = f"go on with: {_again(folder)}"
    try:
        end = run_training(asked, writer, TrainingWatcher())
    except KeyboardInterrupt:
        raise Interrupted(f"stopped at once; the checkpoints before it are kept; {again}") from None
    except BaseException:
        writer.discard_if_empty()
        raise
    if end.state == "interrupted":
        raise Interrupted(f"stopped after step {end.step}, with a checkpoint; {again}")
    return end


def _open(
    plan: "TrainingPlan", folder: Path, snapshot: "Snapshot", *, resume: bool
) -> "TrainingWriter":
    """The record to write to; errors where it was begun with other options."""
    from gpubench import codec
    from gpubench.bench.learning.record import TrainingHeader, TrainingWriter, read_training
    from gpubench.env.snapshot import digest

    if resume:
        before = read_training(folder)
        if before.header.plan.lasting != plan.lasting:
            raise BadUsage(f"{folder} was begun with other options; repeat them to go on with it")
        return TrainingWriter.reopen(folder)
    header = TrainingHeader(
        gpubench_version=__version__,
        created=datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
        plan=plan,
        environment=digest(snapshot),
        image=os.environ.get("GPUBENCH_IMAGE"),
        snapshot=codec.to_plain(snapshot),
    )
    return TrainingWriter.create(folder, header)


def _new_folder(entry: SuiteEntry) -> Path:
    stamp = datetime.datetime.now().astimezone().strftime("%Y%m%d-%H%M%S")
    return Path("reports") / f"{stamp}-train-{entry.name}"


def _again(folder: Path) -> str:
    """The command that goes on with this training."""
    given = [word for word in sys.argv[1:] if word != "--resume"]
    if "--output" not in given:
        given += ["--output", str(folder)]
    return shlex.join(["gpubench", *given, "--resume"])


def _answer(folder: Path, format: str, end: "EndLine", reach: float | None) -> int:  # noqa: A002
    """Show the tables, write them beside the record, and say whether it learnt."""
    from gpubench import codec
    from gpubench.bench.learning.record import EpochLine, read_training
    from gpubench.cli.training_pages import shown
    from gpubench.gate.training_tables import SCORE_WORDS
    from gpubench.render.registry import FORMATS

    record = read_training(folder)
    terminal.answer(shown(record, format))
    for entry in FORMATS:
        codec.write_text(folder / f"table.{entry.ending}", shown(record, entry.name))
    if end.state == "not-supported":
        terminal.note(terminal.plain(f"nothing was trained: {end.reason}"))
        return ExitStatus.NOT_ASKED
    if end.state != "ok":
        terminal.note(terminal.plain(f"{end.state}: {end.reason}"))
        return ExitStatus.INVALID
    epochs = record.of(EpochLine)
    if reach is None or not epochs:
        return ExitStatus.YES
    name, score = next(iter(epochs[-1].scores.items()))
    name = SCORE_WORDS.get(name, name)
    terminal.note(f"{name} {score:.3f} {'reaches' if score >= reach else 'is below'} {reach:g}")
    return ExitStatus.YES if score >= reach else ExitStatus.NO
