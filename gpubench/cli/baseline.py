"""``gpubench baseline``: keep records to compare with later."""

import datetime
from pathlib import Path
from typing import Annotated

import typer

from gpubench import units
from gpubench.cli import terminal
from gpubench.errors import ExitStatus, UnreadableInput

baseline = typer.Typer(
    name="baseline",
    help="Keep records to compare with later: <folder>/<gpu>/<suite>.json.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
Folder = Annotated[Path, typer.Option(help="Where baselines are kept.")]
FOLDER = Path("reports/baselines")
MOST_DAYS = 90
"""Older than this, a baseline is of another machine than today's (own choice)."""


@baseline.command("set")
def set_baseline(
    records: Annotated[
        list[Path],
        typer.Argument(metavar="RECORD...", help="Runs; several of a suite are its sessions."),
    ],
    folder: Folder = FOLDER,
) -> int:
    """Keep these records as the baseline of their machine's model and suites."""
    from gpubench.bench.record import read_record
    from gpubench.gate.baselines import baselines_of, write

    found = baselines_of([read_record(place) for place in records])
    if not found:
        raise UnreadableInput("nothing in these records counts: measure again, then set them")
    for entry in found:
        path = write(folder, entry)
        said = f"{path}: {units.count(len(entry.records), 'session')}"
        terminal.answer(terminal.plain(said))
    return ExitStatus.YES


@baseline.command()
def show(folder: Folder = FOLDER) -> int:
    """List what is kept, with its age and what it was measured with."""
    from gpubench.gate.baselines import days_old, stored
    from gpubench.gate.sides import read_side

    now = datetime.datetime.now(datetime.timezone.utc)
    for path in _kept(folder, stored(folder)):
        sessions = read_side(path)
        last = sessions[-1]
        cell = next(cell for session in sessions for cell in session.cells.values())
        days = days_old(last.created, now)
        age = "of unknown age" if days is None else f"{days:.0f} days old"
        terminal.answer(
            terminal.plain(
                f"{path}: {cell.machine.name}, {units.count(len(sessions), 'session')}, {age}, "
                f"gpubench {last.software.get('gpubench')}"
            )
        )
    return ExitStatus.YES


@baseline.command()
def prune(
    folder: Folder = FOLDER,
    older_than: Annotated[int, typer.Option(min=1, help="Days.")] = MOST_DAYS,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Name them only.")] = False,
) -> int:
    """Remove baselines whose newest session is older than that; others are left alone."""
    from gpubench.gate.baselines import remove, stored, too_old

    now = datetime.datetime.now(datetime.timezone.utc)
    for path in _kept(folder, stored(folder)):
        if too_old(path, older_than, now):
            if not dry_run:
                remove(path)
            said = f"{path}: {'would be ' if dry_run else ''}removed"
            terminal.answer(terminal.plain(said))
    return ExitStatus.YES


def _kept(folder: Path, paths: list[Path]) -> list[Path]:
    if not paths:
        raise UnreadableInput(f"no baseline in {folder}: gpubench baseline set RECORD keeps one")
    return paths
