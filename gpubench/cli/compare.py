"""``gpubench compare``: did it become slower?"""

import datetime
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gpubench.cli import terminal
from gpubench.cli.baseline import MOST_DAYS
from gpubench.errors import BadUsage, NotComparable, UnreadableInput

if TYPE_CHECKING:
    from gpubench.gate.calibration import Calibration
    from gpubench.gate.machine import Machine
    from gpubench.gate.sides import Session
    from gpubench.gate.verdicts import OnInconclusive

TOLERANCE = typer.Option(
    help="3% (of throughput, the default), or throughput=3%,peak-memory=1%, …."
)
ON_INCONCLUSIVE = typer.Option(help="What not knowing is: fail (exit 4), warn or pass (exit 0).")
CALIBRATION = typer.Option(help="This machine's noise (default: its file in reports/calibrations).")


def compare(
    baseline: Annotated[
        Path,
        typer.Argument(help="A record, folder of records or baselines, or pytest-benchmark JSON."),
    ],
    candidate: Annotated[
        Path | None,
        typer.Argument(
            help="What is held against it; the same kinds. A folder of pairs (ab) holds both."
        ),
    ] = None,
    tolerance: Annotated[str | None, TOLERANCE] = None,
    on_inconclusive: Annotated[str, ON_INCONCLUSIVE] = "fail",
    calibration: Annotated[Path | None, CALIBRATION] = None,
    max_age: Annotated[
        int, typer.Option(min=1, help="Days after which a stored baseline is refused.")
    ] = MOST_DAYS,
    format: Annotated[  # noqa: A002
        str,
        typer.Option(help="text, markdown, json, junit, github-benchmark or github (annotations)."),
    ] = "text",
    output: Annotated[Path | None, typer.Option(help="Write here instead of stdout.")] = None,
) -> int:
    """Hold one run against another, and say whether it is slower than tolerated."""
    from gpubench.gate.compare import Rules
    from gpubench.gate.compare import compare as judge
    from gpubench.gate.metrics import parse_tolerances
    from gpubench.gate.sides import read_side
    from gpubench.gate.verdicts import ON_INCONCLUSIVE
    from gpubench.render.compare import renderer

    render, tolerances = renderer(format), parse_tolerances(tolerance)
    wanted = next((word for word in ON_INCONCLUSIVE if word == on_inconclusive), None)
    if wanted is None:
        raise BadUsage(f"--on-inconclusive {on_inconclusive}: choose fail, warn or pass")
    if candidate is None:
        return _of_pairs(baseline, wanted, given=tolerance or calibration, form=format, to=output)
    new = read_side(candidate)
    old = _baseline(baseline, new, max_age)
    known = _calibration(calibration, new)
    rules = Rules(tolerances=tolerances, on_inconclusive=wanted, calibration=known)
    found = judge(old, new, rules)
    terminal.answer(render(found), output)
    if found.verdict == "INCONCLUSIVE" and wanted == "warn":
        terminal.note("warning: inconclusive; --on-inconclusive fail makes this exit 4")
    return found.exit_status


def _of_pairs(
    folder: Path, wanted: "OnInconclusive", *, given: object, form: str, to: Path | None
) -> int:
    """The verdicts of pairs that were measured before, by the rules they were measured under."""
    from gpubench.cli.pair_session import answer
    from gpubench.gate.pair_folder import is_pair_folder, read_asked, read_pairs

    if not is_pair_folder(folder):
        raise BadUsage(
            f"compare {folder} with what? Give a candidate; only a folder of pairs (ab) holds both"
        )
    asked = read_asked(folder)
    if asked.purpose != "ab":
        raise BadUsage(f"{folder} holds the pairs of a calibration: both sides are one")
    if asked.other_rules:
        raise NotComparable(
            f"{folder} was measured by another rule ({', '.join(asked.other_rules)} differ); "
            f"gpubench {asked.gpubench_version} judges it"
        )
    if given is not None:
        raise BadUsage("pairs are judged by what they were measured under; ab asks for it")
    return answer(read_pairs(folder, asked), wanted, form, to)


def _baseline(place: Path, candidate: "Sequence[Session]", max_age: int) -> "list[Session]":
    """The baseline's sessions; UnreadableInput with what to do where there is none."""
    from gpubench.gate.baselines import for_candidate, is_stored, refuse_old
    from gpubench.gate.sides import STORED, read_side

    if not place.exists():
        raise UnreadableInput(
            f"no baseline at {place}: measure one (gpubench run), keep it with gpubench baseline "
            "set RECORD, and compare with its folder"
        )
    sessions = for_candidate(place, candidate) if is_stored(place) else read_side(place)
    if not sessions:
        raise UnreadableInput(
            f"no baseline in {place} for this machine's model and suites: "
            "gpubench baseline set RECORD keeps one"
        )
    refuse_old([session for session in sessions if session.kind == STORED], max_age, today())
    return sessions


def today() -> datetime.datetime:
    """Now, in UTC."""
    return datetime.datetime.now(datetime.timezone.utc)


def _calibration(given: Path | None, candidate: "Sequence[Session]") -> "Calibration | None":
    """The noise of the candidate's machine, as named or where it is kept."""
    machines = [cell.machine for session in candidate for cell in session.cells.values()]
    return calibration_of(given, machines[0]) if machines else None


def calibration_of(given: Path | None, machine: "Machine") -> "Calibration | None":
    """The noise of a machine, as named or where it is kept; said where it is old."""
    from gpubench.gate.calibration import FOLDER, age_warning, find, read, refuse_other

    found = read(given) if given is not None else find(FOLDER, machine)
    if found is None:
        return None
    refuse_other(found, machine)
    warning = age_warning(found, today())
    if warning is not None:
        terminal.note(f"warning: {warning}")
    return found
