"""``gpubench run``: time real training steps and write the tables."""

import dataclasses
import datetime
import os
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

from gpubench import __version__
from gpubench.cli import options, terminal
from gpubench.cli.dimensions import batch_asked, with_sweep
from gpubench.errors import BadUsage, GpubenchError, Interrupted
from gpubench.suites.hub_names import absolute
from gpubench.suites.registry import SUITES, suite_named

if TYPE_CHECKING:
    from gpubench.bench.job import Tier, Workload
    from gpubench.bench.modes import Mode
    from gpubench.bench.protocol import Protocol
    from gpubench.bench.record import Plan, RecordWriter, RunRecord
    from gpubench.env.snapshot import Snapshot

SMOKE_MODES = ("fp32", "amp-bf16", "fp32+compile")
STANDARD_MODES = (
    "fp32",
    "tf32",
    "amp-bf16",
    "amp-fp16",
    "fp32+compile",
    "tf32+compile",
    "amp-bf16+compile",
    "amp-fp16+compile",
    "amp-bf16+compile-overhead",
    "amp-bf16+compile-max",
)
"""What is measured unless ``--modes`` says otherwise; ``--modes all`` measures every mode."""


def run(
    context: typer.Context,
    suite: Annotated[
        str, typer.Option(help=f"What to train: {', '.join(s.name for s in SUITES)}.")
    ],
    preset: Annotated[str | None, options.PRESET] = None,
    modes: Annotated[
        str | None, typer.Option(help="Modes to measure, or all; see `gpubench list modes`.")
    ] = None,
    batch_size: Annotated[
        str | None,
        typer.Option(metavar="N|auto", help="Samples per batch; auto finds the largest that fits."),
    ] = None,
    accumulation: Annotated[int, options.ACCUMULATION] = 1,
    device: Annotated[str, options.DEVICE] = "auto",
    tier: Annotated[
        str | None,
        typer.Option(
            help="resident (batches stay on the device), loader (input alone) or end-to-end."
        ),
    ] = None,
    data: Annotated[str, options.DATA] = "synthetic",
    model: Annotated[str | None, options.MODEL] = None,
    sequence_length: Annotated[int | None, options.SEQUENCE] = None,
    image_size: Annotated[int | None, options.IMAGE] = None,
    sweep: Annotated[
        str | None,
        typer.Option(
            metavar="DIMENSION=V,V,..",
            help="Measure several: batch-size=8,16,32, sequence-length=.. or image-size=..",
        ),
    ] = None,
    strategy: Annotated[
        str | None,
        typer.Option(
            metavar="single|dp|ddp|fsdp[,..]",
            help="Spread training over devices; several are held against single.",
        ),
    ] = None,
    nproc_per_node: Annotated[
        int | None, typer.Option(min=1, help="Processes of ddp and fsdp on a node, GPUs of dp.")
    ] = None,
    nnodes: Annotated[int, typer.Option(min=1, help="Nodes; run the same line on each.")] = 1,
    rdzv_endpoint: Annotated[
        str | None, typer.Option(metavar="HOST:PORT", help="Where the nodes meet, on one of them.")
    ] = None,
    bucket_mib: Annotated[
        int | None, typer.Option(min=1, max=4096, help="Size of ddp's gradient buckets.")
    ] = None,
    static_graph: Annotated[
        bool, typer.Option("--static-graph", help="Tell ddp that its graph never changes.")
    ] = False,
    gradient_views: Annotated[
        bool, typer.Option("--gradient-views", help="Keep ddp's gradients in its buckets.")
    ] = False,
    workers: Annotated[int | None, options.WORKERS] = None,
    lengths: Annotated[str, options.LENGTHS] = "fixed",
    long: Annotated[str, options.LONG] = "truncate",
    augment: Annotated[bool, options.AUGMENT] = False,
    processes: Annotated[
        int | None, typer.Option(min=1, max=100, help="Fresh processes per mode.")
    ] = None,
    seconds: Annotated[float | None, options.SECONDS] = None,
    precision: Annotated[
        str | None,
        typer.Option(
            help="Go on until every interval is as narrow (2%) or a limit is met; or none."
        ),
    ] = None,
    budget: Annotated[
        str | None,
        typer.Option(help="Begin nothing that ends later (25m), but each cell once; or none."),
    ] = None,
    output: Annotated[
        Path | None, typer.Option(help="This run's folder (default: a new one under reports/).")
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with the run in --output.")
    ] = False,
    parts: Annotated[
        str | None, typer.Option(metavar="NAME,..", help="Only these parts of --suite claims.")
    ] = None,
    format: Annotated[str, typer.Option(help="text, markdown, csv or json.")] = "text",  # noqa: A002
) -> int:
    """Time real training steps in every mode and write comparison tables."""
    from gpubench.cli.claims import hold_alone, run_claims
    from gpubench.cli.feeding import fed, hold_feed, hold_training, without_modes
    from gpubench.cli.hub import hold_hub
    from gpubench.cli.packages import OF_TABLES, hold_packages
    from gpubench.cli.report import print_tables
    from gpubench.cli.strategies import Asked, first_node, take_part, with_strategies
    from gpubench.render.registry import format_named

    format_named(format)
    hold_packages(*OF_TABLES)
    if resume and output is None:
        raise BadUsage("--resume needs --output, the folder of the run to go on with")
    is_of_claims = hold_alone(context, suite)
    snapshot = _snapshot()
    chosen = device_of(device, snapshot)
    if is_of_claims:
        return run_claims(
            parts=parts, preset=preset, device=chosen, processes=processes, budget=budget,
            output=output, resume=resume, snapshot=snapshot, format=format,
        )  # fmt: skip
    protocol = protocol_of(preset, chosen, processes, seconds)
    protocol = _until(protocol, precision, budget)
    of_training = {
        "--modes": modes is not None,
        "--accumulation": accumulation > 1,
        "--tier": tier is not None,
        "--data": data != "synthetic",
        "--model": model is not None,
        "--precision": precision not in (None, "none"),
    }
    tier = tier or ("resident" if data == "synthetic" else "end-to-end")
    samples, is_searched = batch_asked(batch_size)
    workload = dataclasses.replace(
        workload_of(protocol.preset, tier, data, model, samples, image_size, sequence_length),
        accumulation=accumulation,
    )
    workload = fed(workload, workers=workers, lengths=lengths, long=long, augment=augment)
    chosen_modes = () if without_modes(tier, modes, precision) else _modes(modes, protocol.preset)
    plan = with_sweep(
        plan_of(suite, chosen_modes, protocol, chosen, workload),
        sweep,
        batch_search=is_searched,
    )
    asked = Asked(
        strategy=strategy,
        processes_per_node=nproc_per_node,
        nodes=nnodes,
        endpoint=rdzv_endpoint,
        options={
            "bucket_mib": bucket_mib,
            "static_graph": static_graph,
            "gradient_views": gradient_views,
        },
    )
    plan = with_strategies(plan, asked)
    hold_feed(plan)
    hold_training(plan, of_training)
    hold_hub(plan.suites, workload.model, [workload.data])
    with first_node(asked) as is_first:
        if not is_first:
            return take_part(plan, protocol, workload, asked)
        folder = output or _new_folder(plan)
        record = measure(
            plan, protocol, workload, folder, snapshot, resume=resume, rendezvous=rdzv_endpoint
        )
    return print_tables(record, folder, format)


def _snapshot() -> "Snapshot":
    from gpubench.env.probe import take_snapshot

    return take_snapshot(level="quick")


def device_of(asked: str, snapshot: "Snapshot") -> str:
    """The device that was asked for; with auto a GPU where there is one."""
    if asked not in ("auto", "cuda", "cpu"):
        raise BadUsage(f"--device {asked}: choose auto, cuda or cpu")
    if asked == "auto":
        return "cuda" if snapshot.gpus else "cpu"
    return asked


def protocol_of(
    preset: str | None, device: str, processes: int | None, seconds: float | None
) -> "Protocol":
    """The preset's rules on that device, with the processes and the window asked for."""
    from gpubench.bench.protocol import on_cpu, protocol_named
    from gpubench.units import Seconds

    protocol = protocol_named(preset or ("standard" if device == "cuda" else "smoke"))
    if device == "cpu":
        protocol = on_cpu(protocol)
    if processes is not None:
        protocol = dataclasses.replace(protocol, processes=processes)
    if seconds is not None:
        protocol = dataclasses.replace(
            protocol,
            window_min_seconds=Seconds(seconds),
            window_max_seconds=Seconds(max(seconds, protocol.window_max_seconds)),
        )
    return protocol


def _until(protocol: "Protocol", precision: str | None, budget: str | None) -> "Protocol":
    """The protocol with the precision and the time that were asked for."""
    from gpubench.bench.protocol import MOST_PROCESSES
    from gpubench.cli.quantities import duration, share

    if precision is not None:
        protocol = dataclasses.replace(
            protocol,
            precision=share(precision, "--precision"),
            most_processes=protocol.most_processes or MOST_PROCESSES,
        )
    if budget is not None:
        protocol = dataclasses.replace(protocol, budget_seconds=duration(budget, "--budget"))
    return protocol


def _modes(asked: str | None, preset: str) -> "tuple[Mode, ...]":
    from gpubench.bench.modes import MODES, mode_named

    if asked == "all":
        return MODES
    names = names_in(asked) if asked else SMOKE_MODES if preset == "smoke" else STANDARD_MODES
    return tuple(mode_named(name) for name in names)


def names_in(listed: str) -> list[str]:
    """The names in a comma-separated list, each once."""
    return list(dict.fromkeys(name.strip() for name in listed.split(",")))


def workload_of(
    preset: str,
    tier: str,
    data: str,
    model: str | None,
    batch_size: int | None,
    image_size: int | None,
    sequence_length: int | None,
) -> "Workload":
    """What is trained; BadUsage where the options do not go together."""
    from gpubench.bench.job import Workload

    if tier not in ("resident", "loader", "end-to-end"):
        raise BadUsage(f"--tier {tier}: choose resident, loader or end-to-end")
    if tier == "end-to-end" and data == "synthetic":
        raise BadUsage("--tier end-to-end reads real files: name them with --data")
    return Workload(
        preset=preset,
        tier=cast("Tier", tier),
        data=None if data == "synthetic" else absolute(data),
        model=str(Path(model).absolute()) if model and Path(model).exists() else model,
        batch_size=batch_size,
        image_size=image_size,
        sequence_length=sequence_length,
    )


def plan_of(
    suites: str,
    modes: "tuple[Mode, ...]",
    protocol: "Protocol",
    device: str,
    workload: "Workload",
) -> "Plan":
    """What a run is asked to do; UnknownName for a suite that is none."""
    from gpubench.bench.record import Plan, Source

    names = tuple(suite_named(name).name for name in names_in(suites))
    if len(names) > 1 and (workload.data is not None or workload.model is not None):
        given = "--data" if workload.data is not None else "--model"
        raise BadUsage(f"{given} is for one suite: run the suites one after the other")
    return Plan(
        suites=names,
        modes=tuple(mode.name for mode in modes),
        preset=protocol.preset,
        device=device,
        processes=protocol.processes,
        tier=workload.tier,
        batch_size=workload.batch_size,
        image_size=workload.image_size,
        sequence_length=workload.sequence_length,
        model=Source.of(workload.model),
        data=Source.of(workload.data),
        accumulation=workload.accumulation,
        feed=workload.feed,
    )


def _new_folder(plan: "Plan") -> Path:
    stamp = datetime.datetime.now().astimezone().strftime("%Y%m%d-%H%M%S")
    return Path("reports") / f"{stamp}-{'+'.join(plan.suites)}-{plan.preset}-{plan.device}"


def measure(
    plan: "Plan",
    protocol: "Protocol",
    workload: "Workload",
    folder: Path,
    snapshot: "Snapshot",
    *,
    resume: bool,
    rendezvous: str | None = None,
) -> "RunRecord":
    """Run the session; whatever ends it early, the record stays and the message says how on."""
    from gpubench.bench.ceilings.session import with_ceilings
    from gpubench.bench.found_batch import with_found_batches
    from gpubench.bench.modes import mode_named
    from gpubench.bench.record import read_record
    from gpubench.bench.session import Session, SuiteRun, run_session
    from gpubench.cli.feeding import own_feed
    from gpubench.cli.progress import watcher
    from gpubench.cli.strategies import of_variant

    writer, before = _open(plan, protocol, folder, snapshot, resume=resume)
    suites = [
        SuiteRun(
            subject=subject,
            module=suite_named(subject.suite).module,
            workload=own_feed(
                plan.sweep.workload(workload, subject.variant)
                if plan.sweep
                else of_variant(plan, workload, subject.variant),
                subject.suite,
            ),
        )
        for subject in plan.subjects
    ]
    modes = tuple(mode_named(name) for name in plan.modes)
    terminal.note(f"recording to {folder}")
    try:
        with terminal.interruptible(), watcher(protocol, before) as shown:
            session = Session(
                modes=modes,
                protocol=protocol,
                device=plan.device,
                writer=writer,
                before=before,
                watcher=shown,
                rendezvous=rendezvous,
            )
            found = with_found_batches(session, suites, wanted=plan.batch_search)
            run_session(session, with_ceilings(found, modes))
    except KeyboardInterrupt:
        raise Interrupted(
            f"interrupted; what was measured is in {folder} (gpubench report shows it); "
            f"go on with: {again(folder)}"
        ) from None
    except GpubenchError as problem:
        if writer.discard_if_empty():
            raise
        problem.args = (f"{problem}; what was measured: gpubench report {folder}",)
        raise
    return read_record(folder)


def _open(
    plan: "Plan", protocol: "Protocol", folder: Path, snapshot: "Snapshot", *, resume: bool
) -> "tuple[RecordWriter, RunRecord | None]":
    """The record to write to, and what it holds already; errors where the two do not match."""
    from gpubench import codec
    from gpubench.bench.record import Header, RecordWriter, read_record
    from gpubench.bench.session import NotTheSame
    from gpubench.env.snapshot import digest

    environment = digest(snapshot)
    if not resume:
        header = Header(
            gpubench_version=__version__,
            created=datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
            plan=plan,
            protocol=protocol,
            environment=environment,
            image=os.environ.get("GPUBENCH_IMAGE"),
            snapshot=codec.to_plain(snapshot),
        )
        return RecordWriter.create(folder, header), None
    before = read_record(folder)
    if (before.header.plan, before.header.protocol.lasting) != (plan, protocol.lasting):
        raise BadUsage(f"{folder} was begun with other options; repeat them to go on with it")
    if before.header.environment != environment:
        raise NotTheSame(f"the environment has changed since {folder} was begun; start a new run")
    return RecordWriter.reopen(folder), before


def again(folder: Path) -> str:
    """The command that goes on with this run."""
    given = [word for word in sys.argv[1:] if word != "--resume"]
    if "--output" not in given:
        given += ["--output", str(folder)]
    return shlex.join(["gpubench", *given, "--resume"])
