"""What ``ab`` and ``calibrate`` share: the options of a workload, both sides, and the session."""

import dataclasses
import datetime
import functools
import os
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from gpubench.cli import terminal
from gpubench.errors import BadUsage
from gpubench.suites.registry import SUITES, suite_named

if TYPE_CHECKING:
    from gpubench.bench.job import Workload
    from gpubench.bench.protocol import Protocol
    from gpubench.bench.record import Plan, Source
    from gpubench.env.places import Place
    from gpubench.env.snapshot import Snapshot

MODES = {"smoke": ("fp32", "amp-bf16", "fp32+compile")}
USUAL_MODES = ("fp32", "amp-bf16", "amp-bf16+compile")
"""What is measured unless ``--modes`` says otherwise: every further cell takes its pairs, and its
share of the risk."""

BUDGET = "60m"

SUITE = typer.Option(help=f"What to train: {', '.join(s.name for s in SUITES if s.trains)}.")
MODE_LIST = typer.Option(help="Modes to measure; see `gpubench list modes`.")
BATCH = typer.Option(min=1, help="Samples per batch.")
TIER = typer.Option(help="resident (batches stay on the device) or end-to-end.")
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
    from gpubench.cli.hub import hold_hub
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
    hold_hub(plan.suites, workload.model, [workload.data])
    return Trained(plan=plan, protocol=protocol, workload=workload)


def now() -> str:
    """This moment, as files hold it."""
    return datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds")


def new_folder(plan: "Plan", what: str) -> Path:
    """A folder of its own for these pairs."""
    stamp = datetime.datetime.now().astimezone().strftime("%Y%m%d-%H%M%S")
    return Path("reports") / f"{stamp}-{what}-{'+'.join(plan.suites)}-{plan.preset}-{plan.device}"
