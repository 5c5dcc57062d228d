"""``gpubench run --suite claims``: the parts one after the other, then the table of claims."""

import contextlib
import dataclasses
import datetime
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from gpubench.cli import terminal
from gpubench.cli.claim_parts import (
    BUDGET_MINUTES,
    FOLDERS,
    SUITE,
    Part,
    chosen_parts,
    left_out,
    plan_of,
    protocol_of,
    workload_of,
)
from gpubench.errors import BadUsage, ExitStatus, GpubenchError, Interrupted

if TYPE_CHECKING:
    from gpubench.bench.record import RunRecord
    from gpubench.env.snapshot import Snapshot

OPTIONS = (
    "suite", "parts", "preset", "device", "processes", "budget", "output", "resume", "format",
)  # fmt: skip
"""The options of ``run`` that mean something to this suite; its parts choose the others."""


def hold_alone(context: typer.Context, suite: str) -> bool:
    """Whether the claims are asked for; BadUsage beside another suite or with foreign options."""
    names = [name.strip() for name in suite.split(",")]
    given = [name for name in context.params if _is_given(context, name)]
    if SUITE not in names:
        if "parts" in given:
            raise BadUsage(f"--parts is of --suite {SUITE}")
        return False
    if len(set(names)) > 1:
        raise BadUsage(f"--suite {SUITE} is several runs by itself: run it alone")
    for name in given:
        if name not in OPTIONS:
            option = "--" + name.replace("_", "-")
            raise BadUsage(f"{option}: --suite {SUITE} chooses it for each of its parts")
    return True


def _is_given(context: typer.Context, name: str) -> bool:
    source = context.get_parameter_source(name)
    return source is not None and source.name == "COMMANDLINE"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class ClaimsRun:
    """What was asked: the parts, under which preset, where to, and how long in all."""

    parts: tuple[Part, ...]
    preset: str | None
    processes: int | None
    budget_seconds: float | None
    folder: Path
    resume: bool
    snapshot: "Snapshot"


def run_claims(
    *,
    parts: str | None,
    preset: str | None,
    device: str,
    processes: int | None,
    budget: str | None,
    output: Path | None,
    resume: bool,
    snapshot: "Snapshot",
    format: str,  # noqa: A002
) -> int:
    """Measure every part and print the table; a claim that is not reproduced is no failure."""
    from gpubench.bench.protocol import protocol_named
    from gpubench.cli.quantities import duration

    names = [name.strip() for name in parts.split(",")] if parts else []
    gpus = len(snapshot.gpus)
    asked = ClaimsRun(
        parts=chosen_parts(device, names, gpus),
        preset=preset and protocol_named(preset).preset,
        processes=processes,
        budget_seconds=duration(budget, "--budget") if budget else 60 * BUDGET_MINUTES[device],
        folder=output or _new_folder(device),
        resume=resume,
        snapshot=snapshot,
    )
    _hold_folder(asked)
    if not names and (left := left_out(device, gpus)):
        why = "they take a GPU" if device == "cpu" else "there are not two GPUs"
        terminal.note(f"left out, since {why}: {', '.join(part.title for part in left)}")
    return _answered(asked, format)


def _new_folder(device: str) -> Path:
    stamp = datetime.datetime.now().astimezone().strftime("%Y%m%d-%H%M%S")
    return Path("reports") / f"{stamp}-{SUITE}-{device}"


def _hold_folder(asked: ClaimsRun) -> None:
    """BadUsage where there is nothing to go on with, or something that would be written over."""
    there = [part.name for part in asked.parts if _has_record(asked.folder / part.name)]
    if asked.resume and not _parts_in(asked.folder):
        raise BadUsage(f"{asked.folder} holds no run of {SUITE} to go on with")
    if there and not asked.resume:
        raise BadUsage(
            f"{asked.folder} holds {', '.join(there)} already; go on with it by --resume, or "
            "choose another --output"
        )


def _answered(asked: ClaimsRun, format: str) -> int:  # noqa: A002
    from gpubench.cli.report import write_tables
    from gpubench.gate.claims.table import claims_table
    from gpubench.gate.summary import is_sound
    from gpubench.render.registry import renderer

    problems: list[GpubenchError] = []
    with _said_how_to_go_on(asked.folder), terminal.interruptible():
        for part, seconds in in_turn(asked):
            _measured(asked, part, seconds, problems)
    found = records_of([asked.folder]) if holds_claims(asked.folder) else []
    if not found and problems:
        raise problems[0]
    tables = [claims_table(found)]
    terminal.answer(renderer(format)(tables))
    write_tables(tables, asked.folder)
    if problems:
        return problems[0].status
    return ExitStatus.YES if all(map(is_sound, found)) else ExitStatus.INVALID


def in_turn(
    asked: ClaimsRun, clock: Callable[[], float] = time.monotonic
) -> Iterator[tuple[Part, float | None]]:
    """Each part with its share of the time that is left; parts for which there is none are told."""
    began = clock()
    for index, part in enumerate(asked.parts):
        if asked.budget_seconds is None:
            yield part, None
            continue
        left = asked.budget_seconds - (clock() - began)
        if left <= 0:
            terminal.note(f"the budget is spent; left out: {part.title}; --resume measures it")
            continue
        yield part, left * part.weight / sum(p.weight for p in asked.parts[index:])


def _measured(
    asked: ClaimsRun, part: Part, seconds: float | None, problems: list[GpubenchError]
) -> None:
    """Run a part, and leave its tables beside its record; what cannot be trained ends no other."""
    from gpubench.bench.session import CannotTrain
    from gpubench.cli.report import write_tables
    from gpubench.cli.run import measure
    from gpubench.gate.pages import pages
    from gpubench.units import Seconds

    terminal.note(f"part {part.title}")
    folder = asked.folder / part.name
    protocol = dataclasses.replace(
        protocol_of(part, asked.preset, asked.processes),
        budget_seconds=None if seconds is None else Seconds(seconds),
    )
    try:
        record = measure(
            plan_of(part, protocol, len(asked.snapshot.gpus)),
            protocol,
            workload_of(part, protocol),
            folder,
            asked.snapshot,
            resume=asked.resume and _has_record(folder),
        )
    except CannotTrain as problem:
        terminal.note(terminal.plain(" ".join(str(problem).split())))
        problems.append(problem)
        return
    write_tables(pages(record), folder)


@contextlib.contextmanager
def _said_how_to_go_on(folder: Path) -> Iterator[None]:
    """An interruption names the folder of all parts, not that of the one that ran."""
    from gpubench.cli.run import again

    try:
        yield
    except (Interrupted, KeyboardInterrupt):
        raise Interrupted(
            f"interrupted; what was measured is in {folder} (gpubench report shows it); "
            f"go on with: {again(folder)}"
        ) from None


def _has_record(folder: Path) -> bool:
    from gpubench.bench.record import FILE_NAME

    return (folder / FILE_NAME).is_file()


def holds_claims(place: Path) -> bool:
    """Whether a folder is what this suite leaves: no record of its own, but those of parts."""
    return place.is_dir() and not _has_record(place) and bool(_parts_in(place))


def _parts_in(place: Path) -> list[Path]:
    return [place / name for name in sorted(FOLDERS) if _has_record(place / name)]


def records_of(places: Sequence[Path]) -> "list[RunRecord]":
    """The records at places, those of its parts where one is a folder of claims."""
    from gpubench.bench.record import read_record

    return [
        read_record(each)
        for place in places
        for each in (_parts_in(place) if holds_claims(place) else [place])
    ]


def asks_for_claims(places: Sequence[Path], *, claims: bool, priced: bool, exported: bool) -> bool:
    """Whether a report is to hold the places against the claims: asked for, or a folder of them.

    BadUsage beside a price or in an export, which have no place for them.
    """
    if claims and exported:
        raise BadUsage("--claims is a table: choose text, markdown, csv, json or html")
    of_claims = claims or any(map(holds_claims, places))
    if of_claims and priced:
        raise BadUsage("--price-per-hour has no place in the table of claims")
    return of_claims
